const N: @N@;
type pid: 0..N-1;
var
  fork: array[pid] of boolean;
  st: array[pid] of enum { think, one, eat, fin };

startstate begin
  for p: pid do fork[p] := false; st[p] := think; end;
end;

ruleset p: pid do
  rule "left" st[p] = think & !fork[p] ==> begin fork[p] := true; st[p] := one; end;
  rule "right" st[p] = one & !fork[(p + 1) % N] ==> begin fork[(p + 1) % N] := true; st[p] := eat; end;
  rule "put left" st[p] = eat ==> begin fork[p] := false; st[p] := fin; end;
  rule "put right" st[p] = fin ==> begin fork[(p + 1) % N] := false; st[p] := think; end;
end;

invariant "exclusion" forall p: pid do !(st[p] = eat & st[(p + 1) % N] = eat) end;
