-- Lamport's bakery, @THREADS@ threads; no number above @MAX@ is drawn.
const N: @THREADS@; MAX: @MAX@;
type thread: 0..N-1;
var choosing: array[thread] of boolean; number: array[thread] of 0..MAX; highest: array[thread] of 0..MAX;
    other: array[thread] of 0..N;
    pc: array[thread] of enum {outside, scan, draw, drawn, door, order, critical};
procedure ahead(t: thread; from: 0..N); var k: 0..N; begin
  k := from;
  if k = t then k := k + 1; end;
  if k >= N then other[t] := 0; pc[t] := critical; else other[t] := k; pc[t] := door; end;
end;
startstate begin
  for t: thread do choosing[t] := false; number[t] := 0; highest[t] := 0; other[t] := 0; pc[t] := outside; end;
end;
ruleset t: thread do
  rule "enter" pc[t] = outside ==> begin choosing[t] := true; pc[t] := scan; end;
  rule "scan" pc[t] = scan ==> begin
    if number[other[t]] > highest[t] then highest[t] := number[other[t]]; end;
    if other[t] = N - 1 then other[t] := 0; pc[t] := draw; else other[t] := other[t] + 1; end;
  end;
  rule "draw" pc[t] = draw & highest[t] < MAX ==> begin
    number[t] := highest[t] + 1; highest[t] := 0; pc[t] := drawn;
  end;
  rule "drawn" pc[t] = drawn ==> begin choosing[t] := false; ahead(t, 0); end;
  rule "door" pc[t] = door & !choosing[other[t]] ==> begin pc[t] := order; end;
  rule "order" pc[t] = order & (number[other[t]] = 0 | number[t] < number[other[t]]
      | number[t] = number[other[t]] & t < other[t]) ==> begin ahead(t, other[t] + 1); end;
  rule "leave" pc[t] = critical ==> begin number[t] := 0; pc[t] := outside; end;
end;
invariant "mutex" forall a: thread do forall b: thread do a != b -> !(pc[a] = critical & pc[b] = critical) end end;
