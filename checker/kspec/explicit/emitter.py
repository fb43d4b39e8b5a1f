"""The text of one C function while it is being generated: lines, local variables, labels.

Every name in the generated C is a letter and a number made here; nothing of a model's text gets into it.
All locals are declared at the top of the function, so that jumps never pass a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kspec.explicit.fields import Unsupported

I32 = (-(1 << 31), (1 << 31) - 1)
I64 = (-(1 << 63), (1 << 63) - 1)
SPILL = 300
"""Length of C expression text beyond which a value is put into a local of its own."""


def c_type(lo: int, hi: int) -> str:
    """The C type for values ``lo..hi``; raises Unsupported when 64 bits are not enough."""
    if I32[0] <= lo and hi <= I32[1]:
        return "i32"
    if I64[0] <= lo and hi <= I64[1]:
        return "i64"
    raise Unsupported("arithmetic that needs more than 64 bits")


def literal(value: int) -> str:
    """A C integer constant expression."""
    if value == I32[0]:
        return "(-2147483647 - 1)"
    if value == I64[0]:
        return "(-9223372036854775807LL - 1)"
    suffix = "" if I32[0] <= value <= I32[1] else "LL"
    return f"({value}{suffix})" if value < 0 else f"{value}{suffix}"


@dataclass(frozen=True)
class Val:
    """A C expression without side effects, and the interval that its value is in."""

    text: str
    lo: int
    hi: int

    @property
    def constant(self) -> bool:
        """True when there is only one value."""
        return self.lo == self.hi

    @property
    def type(self) -> str:
        """The C type that holds it."""
        return c_type(self.lo, self.hi)


def constant(value: int) -> Val:
    """The value of a constant."""
    c_type(value, value)
    return Val(literal(value), value, value)


@dataclass
class Emitter:
    """One function body in the making."""

    lines: list[str] = field(default_factory=list)
    locals: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    depth: int = 1
    names: int = 0

    def line(self, text: str) -> None:
        """Appends a statement."""
        self.lines.append("\t" * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """``head {`` ... ``}``."""
        self.line(head + " {")
        self.depth += 1
        yield
        self.depth -= 1
        self.line("}")

    def fresh(self) -> str:
        """A name that is not in use."""
        self.names += 1
        return f"v{self.names}"

    def local(self, lo: int, hi: int) -> str:
        """Declares a local that holds ``lo..hi`` and gives its name.

        What the model computes need not be used by it, hence the cast that keeps compilers quiet.
        """
        name = self.fresh()
        self.types[name] = c_type(lo, hi)
        self.locals.append(f"{self.types[name]} {name} = 0; (void){name};")
        return name

    def array(self, c_type: str, size: int) -> str:
        """Declares a local array and gives its name."""
        name = self.fresh()
        self.types[name] = c_type
        self.locals.append(f"{c_type} {name}[{size}]; (void){name};")
        return name

    def word(self, text: str) -> str:
        """Puts an unsigned 32-bit expression into a local and gives its name."""
        if text.isdecimal() or text.isidentifier():
            return text
        name = self.fresh()
        self.locals.append(f"u32 {name} = 0; (void){name};")
        self.line(f"{name} = {text};")
        return name

    def keep(self, v: Val) -> Val:
        """The value in a local of its own (constants stay what they are)."""
        if v.constant or v.text.isidentifier():
            return v
        name = self.local(v.lo, v.hi)
        self.line(f"{name} = {v.text};")
        return Val(name, v.lo, v.hi)

    def short(self, v: Val) -> Val:
        """The value, kept in a local when its text has become long."""
        return self.keep(v) if len(v.text) > SPILL else v

    def jumps(self, label: str) -> bool:
        """Whether there is a jump to a label so far."""
        return any(f"goto {label};" in line for line in self.lines)

    def label(self, name: str) -> None:
        """Places a label (only if something jumps to it: call this after everything that may)."""
        if self.jumps(name):
            self.lines.append(f"{name}:;")

    def capture(self) -> _Capture:
        """Collects the lines emitted meanwhile instead of appending them."""
        return _Capture(self)

    def function(self, head: str, tail: tuple[str, ...] = ()) -> str:
        """The text of the whole function."""
        declared = ["\t" + d for d in self.locals]
        return "\n".join([f"{head}", "{", *declared, *self.lines, *("\t" + t for t in tail), "}", ""])


class _Capture:
    """See :meth:`Emitter.capture`."""

    def __init__(self, out: Emitter) -> None:
        self._out = out
        self._saved: list[str] = []
        self.lines: list[str] = []

    def __enter__(self) -> _Capture:
        self._saved = self._out.lines
        self._out.lines = self.lines
        return self

    def __exit__(self, *_: object) -> None:
        self._out.lines = self._saved

