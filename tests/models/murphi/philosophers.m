-- Dining philosophers, @N@ seats; @ODD@: the last one takes the right fork first.
const N: @N@; ODD: @ODD@;
type seat: 0..N-1;
var taken: array[seat] of boolean; pc: array[seat] of enum {thinking, one_fork, eating, done};
function first(s: seat): seat; begin
  if ODD = 1 & s = N - 1 then return (s + 1) % N; else return s; end; end;
function second(s: seat): seat; begin
  if ODD = 1 & s = N - 1 then return s; else return (s + 1) % N; end; end;
startstate begin for s: seat do taken[s] := false; pc[s] := thinking; end; end;
ruleset s: seat do
  rule "first" pc[s] = thinking & !taken[first(s)] ==> begin taken[first(s)] := true; pc[s] := one_fork; end;
  rule "second" pc[s] = one_fork & !taken[second(s)] ==> begin taken[second(s)] := true; pc[s] := eating; end;
  rule "put first" pc[s] = eating ==> begin taken[first(s)] := false; pc[s] := done; end;
  rule "put second" pc[s] = done ==> begin taken[second(s)] := false; pc[s] := thinking; end;
end;
invariant "neighbours" forall s: seat do !(pc[s] = eating & pc[(s + 1) % N] = eating) end;
