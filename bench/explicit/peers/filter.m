const N: @N@;
type
  pid: 0..N-1;
  height: 0..N;
var
  level: array[pid] of height;
  victim: array[height] of pid;
  pc: array[pid] of enum { outside, announce, yield, waiting, critical };
  l: array[pid] of height;

startstate begin
  for p: pid do level[p] := 0; pc[p] := outside; l[p] := 0; end;
  for h: height do victim[h] := 0; end;
end;

ruleset p: pid do
  rule "outside" pc[p] = outside ==> begin l[p] := 1; pc[p] := announce; end;
  rule "announce" pc[p] = announce ==> begin level[p] := l[p]; pc[p] := yield; end;
  rule "yield" pc[p] = yield ==> begin victim[l[p]] := p; pc[p] := waiting; end;
  rule "wait"
    pc[p] = waiting & (victim[l[p]] != p | forall q: pid do q != p -> level[q] < l[p] end)
  ==> begin
    l[p] := l[p] + 1;
    if l[p] <= N - 1 then pc[p] := announce; else l[p] := 0; pc[p] := critical; end;
  end;
  rule "critical" pc[p] = critical ==> begin level[p] := 0; pc[p] := outside; end;
end;

invariant "mutex"
  forall p: pid do forall q: pid do (p != q) -> !(pc[p] = critical & pc[q] = critical) end end;
