-- Reader-writer lock in one word, @THREADS@ threads, bias @BIAS@.
const N: @THREADS@; BIAS: @BIAS@;
type thread: 0..N-1; word_t: -(N*BIAS)..BIAS;
var word: word_t;
    pc: array[thread] of enum {outside, r_failed, r_spin, r_retry, reading, w_failed, w_spin, w_retry, writing};
startstate begin word := BIAS; for t: thread do pc[t] := outside; end; end;
procedure read_try(t: thread); begin
  word := word - 1;
  if word < 0 then pc[t] := r_failed; else pc[t] := reading; end;
end;
procedure write_try(t: thread); begin
  word := word - BIAS;
  if word = 0 then pc[t] := writing; else pc[t] := w_failed; end;
end;
ruleset t: thread do
  rule "read" pc[t] = outside ==> begin read_try(t); end;
  rule "undo read" pc[t] = r_failed ==> begin word := word + 1; pc[t] := r_spin; end;
  rule "spin read" pc[t] = r_spin & word > 0 ==> begin pc[t] := r_retry; end;
  rule "retry read" pc[t] = r_retry ==> begin read_try(t); end;
  rule "read unlock" pc[t] = reading ==> begin word := word + 1; pc[t] := outside; end;
  rule "write" pc[t] = outside ==> begin write_try(t); end;
  rule "undo write" pc[t] = w_failed ==> begin word := word + BIAS; pc[t] := w_spin; end;
  rule "spin write" pc[t] = w_spin & word = BIAS ==> begin pc[t] := w_retry; end;
  rule "retry write" pc[t] = w_retry ==> begin write_try(t); end;
  rule "write unlock" pc[t] = writing ==> begin word := word + BIAS; pc[t] := outside; end;
end;
invariant "exclusion" forall a: thread do forall b: thread do
  a != b & pc[a] = writing -> pc[b] != writing & pc[b] != reading end end;
