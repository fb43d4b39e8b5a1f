const N: @N@; T: @TICKETS@;
type
  pid: 0..N-1;
  number: 0..T-1;
var
  next: number;
  serving: number;
  pc: array[pid] of enum { outside, waiting, critical };
  mine: array[pid] of number;

startstate begin
  next := 0; serving := 0;
  for p: pid do pc[p] := outside; mine[p] := 0; end;
end;

ruleset p: pid do
  rule "take" pc[p] = outside ==> begin mine[p] := next; next := (next + 1) % T; pc[p] := waiting; end;
  rule "enter" pc[p] = waiting & serving = mine[p] ==> begin pc[p] := critical; end;
  rule "leave" pc[p] = critical ==> begin serving := (serving + 1) % T; mine[p] := 0; pc[p] := outside; end;
end;

invariant "mutex"
  forall p: pid do forall q: pid do (p != q) -> !(pc[p] = critical & pc[q] = critical) end end;
