-- Ticket spinlock, @THREADS@ threads, @TICKETS@ ticket values.
const N: @THREADS@; T: @TICKETS@;
type thread: 0..N-1; ticket: 0..T-1;
var next: ticket; serving: ticket; mine: array[thread] of ticket;
    pc: array[thread] of enum {outside, waiting, critical};
startstate begin next := 0; serving := 0; for t: thread do mine[t] := 0; pc[t] := outside; end; end;
ruleset t: thread do
  rule "take" pc[t] = outside ==> begin mine[t] := next; next := (next + 1) % T; pc[t] := waiting; end;
  rule "enter" pc[t] = waiting & serving = mine[t] ==> begin pc[t] := critical; end;
  rule "leave" pc[t] = critical ==> begin serving := (serving + 1) % T; mine[t] := 0; pc[t] := outside; end;
end;
invariant "mutex" forall a: thread do forall b: thread do a != b -> !(pc[a] = critical & pc[b] = critical) end end;
