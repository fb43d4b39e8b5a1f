-- Alternating bit protocol, channels of @CAPACITY@; item 2 stands for "none".
const C: @CAPACITY@;
type bit: 0..1; item: 0..1; opt: 0..2; slot: 0..C-1;
var d_len: 0..C; d_bit: array[slot] of bit; d_item: array[slot] of item;
    a_len: 0..C; a_bit: array[slot] of bit;
    send_bit: bit; send_item: opt; want_bit: bit; due: opt;
startstate begin
  d_len := 0; a_len := 0; send_bit := 0; send_item := 2; want_bit := 0; due := 2;
  for s: slot do d_bit[s] := 0; d_item[s] := 0; a_bit[s] := 0; end;
end;
procedure drop_data(i: slot); begin
  for s: slot do
    if s >= i then
      if s + 1 < d_len then d_bit[s] := d_bit[s + 1]; d_item[s] := d_item[s + 1];
      else d_bit[s] := 0; d_item[s] := 0; end;
    end;
  end;
  d_len := d_len - 1;
end;
procedure drop_ack(i: slot); begin
  for s: slot do
    if s >= i then
      if s + 1 < a_len then a_bit[s] := a_bit[s + 1]; else a_bit[s] := 0; end;
    end;
  end;
  a_len := a_len - 1;
end;
procedure receive(b: bit; i: item); begin
  if b = want_bit then assert (due = i) "in order"; due := 2; want_bit := 1 - b; end;
  a_bit[a_len] := b; a_len := a_len + 1;
end;
ruleset i: item do
  rule "accept" send_item = 2 ==> begin assert (due = 2) "nothing lost"; send_item := i; due := i; end;
end;
rule "send" send_item != 2 & d_len < C ==> begin
  d_bit[d_len] := send_bit; d_item[d_len] := send_item; d_len := d_len + 1;
end;
rule "deliver" d_len > 0 & a_len < C ==> var b: bit; i: item; begin
  b := d_bit[0]; i := d_item[0]; drop_data(0); receive(b, i);
end;
rule "duplicate" d_len > 0 & a_len < C ==> begin receive(d_bit[0], d_item[0]); end;
rule "acknowledged" a_len > 0 ==> var b: bit; begin
  b := a_bit[0]; drop_ack(0);
  if send_item != 2 & b = send_bit then send_item := 2; send_bit := 1 - send_bit; end;
end;
ruleset s: slot do
  rule "lose" s < d_len ==> begin drop_data(s); end;
  rule "lose ack" s < a_len ==> begin drop_ack(s); end;
end;
