-- Two-phase commit, @RMS@ resource managers.
const N: @RMS@;
type rmid: 0..N-1;
var rm: array[rmid] of enum {working, prepared, committed, aborted};
    tm: enum {collecting, decided_commit, decided_abort};
    heard: array[rmid] of boolean; sent_prepared: array[rmid] of boolean; sent_commit: boolean; sent_abort: boolean;
startstate begin
  for r: rmid do rm[r] := working; heard[r] := false; sent_prepared[r] := false; end;
  tm := collecting; sent_commit := false; sent_abort := false;
end;
rule "tm commit" tm = collecting & forall r: rmid do heard[r] end ==> begin tm := decided_commit; sent_commit := true; end;
rule "tm abort" tm = collecting ==> begin tm := decided_abort; sent_abort := true; end;
ruleset r: rmid do
  rule "tm hears" tm = collecting & sent_prepared[r] ==> begin heard[r] := true; end;
  rule "prepare" rm[r] = working ==> begin rm[r] := prepared; sent_prepared[r] := true; end;
  rule "give up" rm[r] = working ==> begin rm[r] := aborted; end;
  rule "rm commits" sent_commit ==> begin rm[r] := committed; end;
  rule "rm aborts" sent_abort ==> begin rm[r] := aborted; end;
end;
invariant "consistent" forall a: rmid do forall b: rmid do !(rm[a] = aborted & rm[b] = committed) end end;
