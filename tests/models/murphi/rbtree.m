-- A red-black tree over the keys 1..@KEYS@; 0 is the null pointer.
const K: @KEYS@;
type key: 1..K; ptr: 0..K;
var root: ptr; up: array[key] of ptr; l: array[key] of ptr; r: array[key] of ptr; red: array[key] of boolean;
    present: array[key] of boolean;
function is_red(n: ptr): boolean; begin if n = 0 then return false; end; return red[n]; end;
procedure swap(above: ptr; old: ptr; new: ptr); begin
  if above = 0 then root := new; elsif l[above] = old then l[above] := new; else r[above] := new; end;
  if new != 0 then up[new] := above; end;
end;
procedure turn_left(x: ptr); var y: ptr; z: ptr; begin
  y := r[x]; z := l[y]; r[x] := z;
  if z != 0 then up[z] := x; end;
  swap(up[x], x, y); l[y] := x; up[x] := y;
end;
procedure turn_right(x: ptr); var y: ptr; z: ptr; begin
  y := l[x]; z := r[y]; l[x] := z;
  if z != 0 then up[z] := x; end;
  swap(up[x], x, y); r[y] := x; up[x] := y;
end;
procedure insert_fixup(start: key); var n: ptr; p: ptr; g: ptr; u: ptr; begin
  n := start;
  while is_red(up[n]) do
    p := up[n]; g := up[p];
    if p = l[g] then
      u := r[g];
      if is_red(u) then red[p] := false; red[u] := false; red[g] := true; n := g;
      else
        if n = r[p] then n := p; turn_left(n); p := up[n]; end;
        red[p] := false; red[g] := true; turn_right(g);
      end;
    else
      u := l[g];
      if is_red(u) then red[p] := false; red[u] := false; red[g] := true; n := g;
      else
        if n = l[p] then n := p; turn_right(n); p := up[n]; end;
        red[p] := false; red[g] := true; turn_left(g);
      end;
    end;
  end;
  red[root] := false;
end;
procedure erase_fixup(start: ptr; above: ptr); var n: ptr; p: ptr; s: ptr; begin
  n := start; p := above;
  while n != root & !is_red(n) do
    if n = l[p] then
      s := r[p];
      if red[s] then red[s] := false; red[p] := true; turn_left(p); s := r[p]; end;
      if !is_red(l[s]) & !is_red(r[s]) then red[s] := true; n := p; p := up[n];
      else
        if !is_red(r[s]) then red[l[s]] := false; red[s] := true; turn_right(s); s := r[p]; end;
        red[s] := red[p]; red[p] := false; red[r[s]] := false; turn_left(p); n := root;
      end;
    else
      s := l[p];
      if red[s] then red[s] := false; red[p] := true; turn_right(p); s := l[p]; end;
      if !is_red(l[s]) & !is_red(r[s]) then red[s] := true; n := p; p := up[n];
      else
        if !is_red(l[s]) then red[r[s]] := false; red[s] := true; turn_left(s); s := l[p]; end;
        red[s] := red[p]; red[p] := false; red[l[s]] := false; turn_right(p); n := root;
      end;
    end;
  end;
  if n != 0 then red[n] := false; end;
end;
startstate begin
  root := 0;
  for k: key do up[k] := 0; l[k] := 0; r[k] := 0; red[k] := false; present[k] := false; end;
end;
ruleset k: key do
  rule "insert" !present[k] ==> var p: ptr; n: ptr; begin
    p := 0; n := root;
    while n != 0 do p := n; if k < n then n := l[n]; else n := r[n]; end; end;
    up[k] := p; red[k] := true; present[k] := true;
    if p = 0 then root := k; elsif k < p then l[p] := k; else r[p] := k; end;
    insert_fixup(k);
  end;
  rule "erase" present[k] ==> var s: ptr; c: ptr; p: ptr; was_red: boolean; begin
    was_red := red[k];
    if l[k] = 0 then c := r[k]; p := up[k]; swap(p, k, c);
    elsif r[k] = 0 then c := l[k]; p := up[k]; swap(p, k, c);
    else
      s := r[k];
      while l[s] != 0 do s := l[s]; end;
      was_red := red[s]; c := r[s];
      if up[s] = k then p := s;
      else
        p := up[s]; swap(p, s, c); r[s] := r[k]; up[r[s]] := s;
      end;
      swap(up[k], k, s); l[s] := l[k]; up[l[s]] := s; red[s] := red[k];
    end;
    up[k] := 0; l[k] := 0; r[k] := 0; red[k] := false; present[k] := false;
    if !was_red & root != 0 then erase_fixup(c, p); end;
  end;
end;
invariant "no red red" forall k: key do red[k] -> !is_red(l[k]) & !is_red(r[k]) end;
