-- MESI on an atomic bus, @CACHES@ caches, one bit of data.
const N: @CACHES@;
type cache: 0..N-1; data: 0..1;
var line: array[cache] of enum {invalid, shared, exclusive, modified}; value: array[cache] of data;
    memory: data; latest: data;
procedure snoop(c: cache; keep: boolean); begin
  for o: cache do
    if o != c & line[o] != invalid then
      if line[o] = modified then memory := value[o]; end;
      if keep then line[o] := shared; else line[o] := invalid; value[o] := 0; end;
    end;
  end;
end;
startstate begin for c: cache do line[c] := invalid; value[c] := 0; end; memory := 0; latest := 0; end;
ruleset c: cache do
  rule "read miss" line[c] = invalid ==> begin
    if exists o: cache do o != c & line[o] != invalid end then line[c] := shared; else line[c] := exclusive; end;
    snoop(c, true); value[c] := memory;
  end;
  rule "evict" line[c] != invalid ==> begin
    if line[c] = modified then memory := value[c]; end;
    line[c] := invalid; value[c] := 0;
  end;
  ruleset d: data do
    rule "write miss" line[c] = invalid ==> begin
      snoop(c, false); line[c] := modified; value[c] := d; latest := d;
    end;
    rule "write shared" line[c] = shared ==> begin
      snoop(c, false); line[c] := modified; value[c] := d; latest := d;
    end;
    rule "write own" line[c] = exclusive | line[c] = modified ==> begin
      line[c] := modified; value[c] := d; latest := d;
    end;
  end;
end;
invariant "current" forall c: cache do line[c] != invalid -> value[c] = latest end;
invariant "owner" forall c: cache do forall o: cache do
  o != c & (line[c] = modified | line[c] = exclusive) -> line[o] = invalid end end;
