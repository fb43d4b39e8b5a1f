-- User-level RCU, @READERS@ readers, @OBJECTS@ objects, two phase flips; phase 2 stands for "none".
const N: @READERS@; M: @OBJECTS@;
type reader: 0..N-1; object: 0..M-1; phase_t: 0..1;
var current: object; live: array[object] of boolean; phase: phase_t;
    inside: array[reader] of 0..2; before: array[reader] of boolean;
    seen: array[reader] of phase_t; held: array[reader] of 0..M;
    pc: array[reader] of enum {outside, announce, load, using, leave};
    upc: enum {publish, flip1, wait1, flip2, wait2, free};
    old: 0..M; todo: array[reader] of boolean; ask: 0..N;
ruleset o: object do
  startstate begin
    for p: object do live[p] := p = o; end;
    current := o; phase := 0; upc := publish; old := M; ask := N;
    for r: reader do
      inside[r] := 2; before[r] := false; seen[r] := 0; held[r] := M; pc[r] := outside; todo[r] := false;
    end;
  end;
end;
ruleset r: reader do
  rule "read phase" pc[r] = outside ==> begin seen[r] := phase; pc[r] := announce; end;
  rule "announce" pc[r] = announce ==> begin inside[r] := seen[r]; seen[r] := 0; pc[r] := load; end;
  rule "load" pc[r] = load ==> begin held[r] := current; pc[r] := using; end;
  rule "use" pc[r] = using ==> begin assert (live[held[r]]) "use after free"; pc[r] := leave; end;
  rule "leave" pc[r] = leave ==> begin held[r] := M; inside[r] := 2; before[r] := false; pc[r] := outside; end;
  rule "flip 1" upc = flip1 ==> begin
    phase := 1 - phase; upc := wait1; ask := r;
    for q: reader do before[q] := inside[q] != 2; todo[q] := q != r; end;
  end;
  rule "flip 2" upc = flip2 ==> begin
    phase := 1 - phase; upc := wait2; ask := r;
    for q: reader do todo[q] := q != r; end;
  end;
  rule "wait for the next" todo[r] & (inside[ask] = 2 | inside[ask] = phase) ==> begin
    ask := r; todo[r] := false;
  end;
end;
ruleset o: object do
  rule "publish" upc = publish & !live[o] ==> begin live[o] := true; old := current; current := o; upc := flip1; end;
end;
rule "all waited for" (upc = wait1 | upc = wait2) & forall q: reader do !todo[q] end
    & (inside[ask] = 2 | inside[ask] = phase) ==> begin
  ask := N;
  if upc = wait1 then upc := flip2; else upc := free; end;
end;
rule "free" upc = free ==> begin
  assert (forall r: reader do !before[r] end) "grace period";
  live[old] := false; old := M; upc := publish;
end;
