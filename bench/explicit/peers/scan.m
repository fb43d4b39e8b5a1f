const N: @N@;
type pid: 0..N-1;
var
  pos: array[pid] of 0..N;
  step: array[pid] of pid;
  pc: array[pid] of enum { NCS, WAITT, Q2, Q3, CS };
  j: array[pid] of 0..N;
  k: array[pid] of 0..N;

startstate begin
  for p: pid do pos[p] := 0; step[p] := 0; pc[p] := NCS; j[p] := 0; k[p] := 0; end;
end;

ruleset p: pid do
  rule "ncs" pc[p] = NCS ==> begin j[p] := 1; pc[p] := WAITT; end;
  rule "wait" pc[p] = WAITT & j[p] < N ==> begin pos[p] := j[p]; pc[p] := Q2; end;
  rule "q2" pc[p] = Q2 ==> begin step[j[p] - 1] := p; k[p] := 0; pc[p] := Q3; end;
  rule "q3a" pc[p] = Q3 & k[p] < N & (k[p] = p | pos[k[p]] < j[p]) ==> begin k[p] := k[p] + 1; end;
  rule "q3b" pc[p] = Q3 & (step[j[p] - 1] != p | k[p] = N) ==> begin j[p] := j[p] + 1; pc[p] := WAITT; end;
  rule "cs" pc[p] = WAITT & j[p] = N ==> begin pc[p] := CS; end;
  rule "exit" pc[p] = CS ==> begin pos[p] := 0; pc[p] := NCS; end;
end;

invariant "mutex"
  forall p: pid do forall q: pid do (p != q) -> !(pc[p] = CS & pc[q] = CS) end end;
