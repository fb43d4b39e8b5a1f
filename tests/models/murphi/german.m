-- German's cache coherence protocol, @NODES@ clients, one bit of data.
const N: @NODES@;
type node: 0..N-1; data: 0..1;
var copy: array[node] of enum {invalid, shared, exclusive}; line: array[node] of data;
    request: array[node] of enum {no_request, want_shared, want_exclusive};
    order: array[node] of enum {no_order, invalidate, grant_shared, grant_exclusive};
    order_data: array[node] of data; ack: array[node] of boolean; ack_data: array[node] of data;
    to_invalidate: array[node] of boolean; sharer: array[node] of boolean; requester: array[node] of boolean;
    owned: boolean; serving: 0..2; memory: data; latest: data;
startstate begin
  for n: node do
    copy[n] := invalid; line[n] := 0; request[n] := no_request; order[n] := no_order; order_data[n] := 0;
    ack[n] := false; ack_data[n] := 0; to_invalidate[n] := false; sharer[n] := false; requester[n] := false;
  end;
  owned := false; serving := 0; memory := 0; latest := 0;
end;
ruleset n: node do
  rule "ask shared" request[n] = no_request & copy[n] = invalid ==> begin request[n] := want_shared; end;
  rule "ask exclusive" request[n] = no_request & copy[n] != exclusive ==> begin request[n] := want_exclusive; end;
  rule "accept" serving = 0 & request[n] != no_request ==> begin
    if request[n] = want_shared then serving := 1; else serving := 2; end;
    requester[n] := true; request[n] := no_request;
    for m: node do to_invalidate[m] := sharer[m]; end;
  end;
  rule "call in" order[n] = no_order & to_invalidate[n] & (serving = 2 | serving = 1 & owned) ==> begin
    order[n] := invalidate; to_invalidate[n] := false;
  end;
  rule "acknowledge" order[n] = invalidate & !ack[n] ==> begin
    order[n] := no_order; ack[n] := true;
    if copy[n] = exclusive then ack_data[n] := line[n]; end;
    copy[n] := invalid; line[n] := 0;
  end;
  rule "receive ack" ack[n] & serving != 0 ==> begin
    ack[n] := false; sharer[n] := false;
    if owned then owned := false; memory := ack_data[n]; end;
    ack_data[n] := 0;
  end;
  rule "send shared" serving = 1 & requester[n] & order[n] = no_order & !owned ==> begin
    order[n] := grant_shared; order_data[n] := memory; sharer[n] := true; serving := 0; requester[n] := false;
  end;
  rule "send exclusive" serving = 2 & requester[n] & order[n] = no_order & !owned
      & forall m: node do !sharer[m] end ==> begin
    order[n] := grant_exclusive; order_data[n] := memory; sharer[n] := true; owned := true; serving := 0;
    requester[n] := false;
  end;
  rule "receive grant" order[n] = grant_shared | order[n] = grant_exclusive ==> begin
    if order[n] = grant_shared then copy[n] := shared; else copy[n] := exclusive; end;
    line[n] := order_data[n]; order[n] := no_order; order_data[n] := 0;
  end;
  ruleset d: data do
    rule "store" copy[n] = exclusive ==> begin line[n] := d; latest := d; end;
  end;
end;
invariant "one writer" forall a: node do forall b: node do
  a != b -> (copy[a] = exclusive -> copy[b] = invalid) & (copy[a] = shared -> copy[b] != exclusive) end end;
invariant "data" (owned | memory = latest) & forall n: node do copy[n] != invalid -> line[n] = latest end;
