"""Permutations of identities, for tests: of states, of outcomes, and all that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import TypeAlias

from kspec.interp.machine import Outcome
from kspec.system.model import State, System
from kspec.system.scalarsets import identity_of, permuted
from kspec.types import IdType

Permutation: TypeAlias = Mapping[IdType, Sequence[int]]


def all_of(types: Sequence[IdType]) -> Iterator[Permutation]:
    """Every permutation of the identities of some types."""
    for images in product(*(permutations(range(t.size)) for t in types)):
        yield dict(zip(types, images))


def outcome(system: System, o: Outcome, by: Permutation) -> tuple[object, ...]:
    """What is to be compared of an outcome, with its identities replaced."""
    args = o.args
    if o.action:
        action = next(a for a in system.actions if a.name == o.action)
        args = tuple(_image(t, v, by) for (_, t), v in zip(action.params, o.args))
    post = None if o.post is None else permuted(system, o.post, by)
    return o.action, args, post, o.error is not None, o.cut


def _image(t: object, v: int, by: Permutation) -> int:
    found = identity_of(t)  # type: ignore[arg-type]
    return by[found][v] if found is not None and found in by and v >= 0 else v


def orbit(system: System, state: State, types: Sequence[IdType]) -> set[State]:
    """All states that permutations map a state to."""
    return {permuted(system, state, by) for by in all_of(types)}
