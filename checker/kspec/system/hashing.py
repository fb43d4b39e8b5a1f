"""A stable hash of a transition system.

Only what has a meaning counts: dataclass fields with ``compare=False`` (spans, messages, source
texts) are left out, so comments, layout and message texts do not change the hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

from kspec.system.model import System


def _feed(node: object) -> Iterator[bytes]:
    """A prefix-free serialisation, iterative where nesting can be deep (chains of blocks and expressions)."""
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            fields = [f for f in dataclasses.fields(item) if f.compare and not _unset(item, f)]
            yield f"({type(item).__name__} {len(fields)}".encode()
            stack.extend(getattr(item, f.name) for f in reversed(fields))
        elif isinstance(item, tuple):
            yield f"[{len(item)}".encode()
            stack.extend(reversed(item))
        else:
            text = repr(item).encode()
            yield b"%d:" % len(text) + text


def _unset(item: object, f: dataclasses.Field[object]) -> bool:
    """Whether a field that came later has its default: systems that do without it keep their hash."""
    return f.metadata.get("hash") == "if set" and getattr(item, f.name) == f.default


def system_hash(system: System) -> str:
    """32 hexadecimal digits."""
    h = hashlib.blake2b(digest_size=16)
    for part in _feed(system):
        h.update(part)
    return h.hexdigest()
