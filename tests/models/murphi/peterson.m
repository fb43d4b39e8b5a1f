-- Filter lock for @N@ threads: five atomic steps each.
const N: @N@;
type thread: 0..N-1;
var level: array[thread] of 0..N; victim: array[0..N] of thread;
    pc: array[thread] of enum {outside, announce, yield, waiting, critical};
    l: array[thread] of 0..N;
startstate begin
  for t: thread do level[t] := 0; pc[t] := outside; l[t] := 0; end;
  for i: 0..N do victim[i] := 0; end;
end;
ruleset t: thread do
  rule "enter" pc[t] = outside ==> begin l[t] := 1; pc[t] := announce; end;
  rule "announce" pc[t] = announce ==> begin level[t] := l[t]; pc[t] := yield; end;
  rule "yield" pc[t] = yield ==> begin victim[l[t]] := t; pc[t] := waiting; end;
  rule "pass" pc[t] = waiting & (victim[l[t]] != t | forall k: thread do k = t | level[k] < l[t] end) ==> begin
    if l[t] = N - 1 then pc[t] := critical; l[t] := 0; else pc[t] := announce; l[t] := l[t] + 1; end;
  end;
  rule "leave" pc[t] = critical ==> begin level[t] := 0; pc[t] := outside; end;
end;
invariant "mutex" forall a: thread do forall b: thread do a != b -> !(pc[a] = critical & pc[b] = critical) end end;
