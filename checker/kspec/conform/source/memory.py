"""What the code reads: fields of objects and results of accessors, each an uninterpreted function.

The same field of the same address gives the same value; nothing else is assumed of memory, unless it is given
as an assumption.  Addresses of members (``container_of``) are one-to-one with the objects that contain them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import z3

from kspec.conform.source.machine import POINTER, CType, IntType, PointerType, Scalar


@dataclass(frozen=True)
class Application:
    """A value that was read: what is written to read it, of which arguments, and the value."""

    function: str
    arguments: tuple[z3.BitVecRef, ...]
    value: z3.BitVecRef
    type: IntType | PointerType


@dataclass
class Memory:
    """All that has been read so far, in that order."""

    read: dict[str, Application] = field(default_factory=dict)

    def field(self, tag: str, path: str, address: z3.BitVecRef, t: IntType | PointerType) -> Scalar:
        """``((struct tag *)address)->path``."""
        return self._apply(f"{tag}::{path}", (address,), t)

    def call(self, function: str, arguments: tuple[Scalar, ...], t: IntType | PointerType) -> Scalar:
        """What an accessor returns."""
        return self._apply(f"{function}()", tuple(a.term for a in arguments), t)

    def container(self, tag: str, member: str, address: z3.BitVecRef) -> z3.BitVecRef:
        """The address of the object with this member."""
        return self._apply(f"container_of {tag}.{member}", (address,), PointerType(None)).term

    def _apply(self, name: str, arguments: tuple[z3.BitVecRef, ...], t: IntType | PointerType) -> Scalar:
        width = t.width if isinstance(t, IntType) else POINTER
        sorts = [*(a.sort() for a in arguments), z3.BitVecSort(width)]
        value = z3.Function(name, *sorts)(*arguments)
        self.read.setdefault(value.sexpr(), Application(name, arguments, value, t))
        return Scalar(value, t)

    def axioms(self, unique: frozenset[str]) -> Iterator[z3.BoolRef]:
        """Distinct arguments give distinct results, for container_of and the accessors named in ``unique``."""
        by_name: dict[str, list[Application]] = {}
        for a in self.read.values():
            if a.function.startswith("container_of ") or a.function.removesuffix("()") in unique:
                by_name.setdefault(a.function, []).append(a)
        for several in by_name.values():
            for a, b in combinations(several, 2):
                equal = [x == y for x, y in zip(a.arguments, b.arguments, strict=True)]
                yield z3.Implies(a.value == b.value, z3.And(equal) if len(equal) > 1 else equal[0])


def pointee(t: CType | None) -> CType | None:
    """What a pointer points to."""
    return t.to if isinstance(t, PointerType) else None
