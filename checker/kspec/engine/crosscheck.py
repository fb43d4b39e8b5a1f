"""Two engines that answer the same question must agree.

Compared are only things that both results claim: a violation of length n must be in every result that
claims completeness up to n steps or more, at the same shortest length; what one result has shown to
hold, no other may violate; two exhaustive searches must have the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from kspec.engine.protocol import Finding, Result
from kspec.engine.verdict import complete_depth, is_shortest


def disagreements(results: Iterable[Result], refined: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """What engines say that cannot all be true, in words; empty when they agree.

    ``refined`` are the refinements: an engine that does not name one among ``behaviours`` claims nothing about it.
    """
    out: list[str] = []
    for a, b in combinations(tuple(results), 2):
        found = (("violates", a.findings, b.findings), ("reaches", a.witnesses, b.witnesses))
        for verb, mine, theirs in found:
            out += _lengths(a, b, mine, theirs, verb)
            out += _missing(a, b, mine, theirs, verb, refined)
            out += _missing(b, a, theirs, mine, verb, refined)
        out += [x for x in (_held(a, b), _held(b, a), _unreached(a, b), _unreached(b, a)) if x]
        out += _evidence(a, b)
    return tuple(out)


def _lengths(a: Result, b: Result, mine: tuple[Finding, ...], theirs: tuple[Finding, ...], verb: str) -> list[str]:
    """Properties that both have found, at different lengths, of which the longer one is said to be shortest."""
    x, y = _shortest(mine), _shortest(theirs)
    out: list[str] = []
    for name in sorted(x.keys() & y.keys()):
        longer_a = x[name] > y[name] and not is_shortest(a, x[name], name)
        longer_b = y[name] > x[name] and not is_shortest(b, y[name], name)
        if x[name] != y[name] and not longer_a and not longer_b:
            out.append(f"{a.engine} {verb} {name} in {x[name]} steps, {b.engine} in {y[name]} steps")
    return out


def _missing(
    a: Result, b: Result, mine: tuple[Finding, ...], theirs: tuple[Finding, ...], verb: str, refined: frozenset[str]
) -> list[str]:
    """Findings of ``a`` that ``b`` must have too and has not."""
    complete = complete_depth(b)
    has = _shortest(theirs)
    loops = {f.property for f in mine if f.run is not None and f.run.loop is not None}
    out: list[str] = []
    for name, n in sorted(_shortest(mine).items()):
        if name in has:
            continue
        if name in loops or name in refined:
            if name in b.behaviours:
                what = "by a behaviour" if name in loops else f"in {n} steps"
                out.append(f"{a.engine} {verb} {name} {what}, {b.engine} says that all behaviours satisfy it")
            continue
        if b.status == "exhausted":
            out.append(f"{a.engine} {verb} {name} in {n} steps, {b.engine} saw all states and does not")
        elif b.status != "proved" and complete is not None and n <= complete:
            out.append(f"{a.engine} {verb} {name} in {n} steps, {b.engine} saw {complete} steps deep and does not")
    return out


def _shortest(findings: tuple[Finding, ...]) -> dict[str, int]:
    return {f.property: f.run.length for f in findings if f.run is not None}


def _held(a: Result, b: Result) -> str:
    wrong = sorted({f.property for f in a.findings} & set(b.proved))
    return f"{a.engine} violates what {b.engine} proved: {', '.join(wrong)}" if wrong else ""


def _unreached(a: Result, b: Result) -> str:
    never = {f.property for f in a.findings if f.run is None}
    wrong = sorted(never & {w.property for w in b.witnesses})
    return f"{a.engine} never reaches what {b.engine} reaches: {', '.join(wrong)}" if wrong else ""


def _evidence(a: Result, b: Result) -> list[str]:
    if a.status != "exhausted" or b.status != "exhausted" or a.evidence is None or b.evidence is None:
        return []
    x, y = a.evidence, b.evidence
    if x.reduction or y.reduction:
        stood = [(e.represents if e.reduction else e.states) for e in (x, y)]
        states = [("states", stood[0], stood[1])] if None not in stood else []
        depths = [] if x.partial or y.partial else [("depth", x.depth, y.depth)]
        return _different(a, b, (*states, *depths))
    pairs = (
        ("states", x.states, y.states),
        ("transitions", x.transitions, y.transitions),
        ("depth", x.depth, y.depth),
        ("steps beyond a limit", x.cut, y.cut),
        ("transitions by action", _nonzero(x.actions), _nonzero(y.actions)),
        ("digest of the states", f"{x.digest:032x}", f"{y.digest:032x}"),
    )
    return _different(a, b, pairs)


def _different(a: Result, b: Result, pairs: Iterable[tuple[str, object, object]]) -> list[str]:
    return [f"{what}: {a.engine} has {p}, {b.engine} has {q}" for what, p, q in pairs if p != q]


def _nonzero(actions: tuple[tuple[str, int], ...]) -> dict[str, int]:
    return {name: n for name, n in sorted(actions) if n}
