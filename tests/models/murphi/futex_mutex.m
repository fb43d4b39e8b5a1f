-- Drepper's mutex2 on a futex, @THREADS@ threads.
const N: @THREADS@;
type thread: 0..N-1;
var word: 0..2; asleep: array[thread] of boolean; sleepers: 0..N;
    pc: array[thread] of enum {outside, mark, wait, waiting, again, critical, release, wake};
procedure failed(t: thread; seen: 0..2); begin
  if seen = 2 then pc[t] := wait; else pc[t] := mark; end;
end;
startstate begin word := 0; sleepers := 0; for t: thread do asleep[t] := false; pc[t] := outside; end; end;
ruleset t: thread do
  rule "lock" pc[t] = outside ==> begin
    if word = 0 then word := 1; pc[t] := critical; else failed(t, word); end;
  end;
  rule "mark" pc[t] = mark ==> begin
    if word = 0 then pc[t] := again; else word := 2; pc[t] := wait; end;
  end;
  rule "futex wait" pc[t] = wait ==> begin
    if word = 2 then asleep[t] := true; sleepers := sleepers + 1; end;
    pc[t] := waiting;
  end;
  rule "woken" pc[t] = waiting & !asleep[t] ==> begin pc[t] := again; end;
  rule "again" pc[t] = again ==> begin
    if word = 0 then word := 2; pc[t] := critical; else failed(t, word); end;
  end;
  rule "unlock" pc[t] = critical ==> begin
    if word = 1 then pc[t] := outside; else pc[t] := release; end;
    word := word - 1;
  end;
  rule "release" pc[t] = release ==> begin word := 0; pc[t] := wake; end;
  rule "wake nobody" pc[t] = wake & sleepers = 0 ==> begin pc[t] := outside; end;
  ruleset s: thread do
    rule "wake" pc[t] = wake & asleep[s] ==> begin
      asleep[s] := false; sleepers := sleepers - 1; pc[t] := outside;
    end;
  end;
end;
invariant "mutex" forall a: thread do forall b: thread do a != b -> !(pc[a] = critical & pc[b] = critical) end end;
