"""Where the types of fields and the heads of functions are looked up: the file, then the headers it includes."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kspec.conform.source.ctext import CFile, Field, Function, Macro, fields
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean

_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^<>"]+)[>"]', re.MULTILINE)
MOST_HEADERS = 4000


@dataclass(frozen=True)
class Library:
    """A C file with the directories in which its headers are looked for."""

    file: CFile
    directories: tuple[Path, ...]
    _parsed: dict[Path, CFile] = field(default_factory=dict, compare=False, repr=False)
    _headers: list[tuple[Path, str]] = field(default_factory=list, compare=False, repr=False)
    _heads: dict[str, tuple[Function, ...]] = field(default_factory=dict, compare=False, repr=False)
    _members: dict[str, dict[str, Field] | None] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def around(path: Path, directories: tuple[Path, ...] = ()) -> Library:
        """The file; without ``directories`` its headers are those of the tree it lies in.

        Raises Failed when the file cannot be read.
        """
        return Library(CFile.read(path), directories or _of_tree(path))

    def functions(self, name: str) -> tuple[Function, ...]:
        """The definitions and declarations of a function: those of the file, else of the first header with any."""
        if name in self.file.functions:
            return self.file.functions[name]
        if name not in self._heads:
            with_it = self._with(name, re.compile(rf"\b{re.escape(name)}\s*\("))
            self._heads[name] = next((f.functions[name] for f in with_it if name in f.functions), ())
        return self._heads[name]

    def macro(self, name: str) -> Macro | None:
        """A macro that the file itself defines."""
        return self.file.macros.get(name)

    def field(self, tag: str, name: str) -> Field | None:
        """A member of ``struct tag``; None when the struct or the member is not found."""
        return (self._struct(tag) or {}).get(name)

    def knows(self, tag: str) -> bool:
        """Whether the definition of ``struct tag`` is found."""
        return self._struct(tag) is not None

    def _struct(self, tag: str) -> dict[str, Field] | None:
        if tag not in self._members:
            files: Iterator[CFile] = iter((self.file,))
            if tag not in self.file.structs:
                files = self._with(tag, re.compile(rf"\b(?:struct|union)\s+{re.escape(tag)}\b[^;{{(]*\{{"))
            bodies = (f.structs[tag] for f in files if tag in f.structs)
            body = next(bodies, None)
            self._members[tag] = {x.name: x for x in fields(body)} if body is not None else None
        return self._members[tag]

    def _with(self, word: str, pattern: re.Pattern[str]) -> Iterator[CFile]:
        for path, text in self._texts():
            if word in text and pattern.search(text):
                if path not in self._parsed:
                    self._parsed[path] = CFile.parse(str(path), text)
                yield self._parsed[path]

    def _texts(self) -> Iterator[tuple[Path, str]]:
        """The headers that are included, near ones first."""
        if not self._headers:
            self._headers.extend(self._found())
        return iter(self._headers)

    def _found(self) -> Iterator[tuple[Path, str]]:
        wanted = deque(self.file.includes)
        seen = set(wanted)
        here = Path(self.file.source.name).parent
        read = 0
        while wanted and read < MOST_HEADERS:
            name = wanted.popleft()
            path = next((d / name for d in (*self.directories, here) if (d / name).is_file()), None)
            if path is None:
                continue
            read += 1
            try:
                text = path.read_text("utf-8", "replace")
            except OSError:
                continue
            yield path, text
            for more in _INCLUDE.findall(text):
                if more not in seen:
                    seen.add(more)
                    wanted.append(more)


def _of_tree(path: Path) -> tuple[Path, ...]:
    """The header directories of the kernel tree around a file."""
    for parent in path.resolve().parents:
        if (parent / "include" / "linux").is_dir():
            return parent / "include", parent / "include" / "uapi"
    return ()


def found(path: Path, name: str, library: Library) -> tuple[Function, ...]:
    """The definitions of a function in the file; raises Failed when there is none."""
    here = tuple(f for f in library.file.functions.get(name, ()) if f.body is not None)
    if not here:
        near = did_you_mean(name, library.file.functions)
        raise Failed([Diagnostic("E0902", f"`{path}` defines no function `{name}`", help=near)])
    return here
