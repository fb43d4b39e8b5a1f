"""Loading a model: its file and the modules that it uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, Note
from kspec.lang.parse import parse
from kspec.lang.source import Source, Span
from kspec.resources import project_root

MAX_BYTES = 4 * 1024 * 1024
LIBRARY = Path(__file__).resolve().parent.parent
"""The library `std` lies below the program itself."""


@dataclass(frozen=True)
class Program:
    """A model: its modules, each after the modules that it uses; the last one is the model's own file.

    ``abstract``: the models that it refines, by the names of their modules.  ``sources`` has theirs too.
    """

    name: str
    path: str
    modules: tuple[ast.Module, ...]
    sources: tuple[Source, ...]
    abstract: tuple[tuple[str, Program], ...] = ()

    @property
    def main(self) -> ast.Module:
        """The module of the file that was asked for."""
        return self.modules[-1]


def load(path: str | Path) -> Program:
    """Reads and parses a model and everything that it uses.

    Raises Failed when a file cannot be read or has a syntax error, a module is not found, or modules
    use each other in a circle.
    """
    loader = _Loader(Path(path))
    loader.visit(Path(path), _module_name(Path(path)), ())
    return loader.program(Path(path).stem, str(path))


def load_text(text: str, name: str = "model.kspec") -> Program:
    """A program of one text; modules that it uses are looked up from the working directory."""
    loader = _Loader(Path(name))
    loader.add(Source(name, text), Path(name), Path(name).stem, ())
    return loader.program(Path(name).stem, name)


def _module_name(path: Path) -> str:
    return path.stem


def read_source(path: Path, used_at: Span | None = None) -> Source:
    """Reads one file; raises Failed with what is wrong with it."""

    def fail(code: str, what: str, help_: str = "") -> Failed:
        return Failed([Diagnostic(code, what, used_at, help=help_)])

    if path.is_dir():
        raise fail("E0003", f"{path} is a folder", "name a .kspec file")
    try:
        if path.exists() and not path.is_file():
            raise fail("E0002", f"{path} is not a regular file")
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise fail("E0001", f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise fail("E0002", f"cannot read {path}: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise fail("E0103", f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if b"\0" in raw:
        raise fail("E0004", f"{path} is not a text", "a model is a UTF-8 text that begins with `kspec 1`")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise fail("E0004", f"{path} is not UTF-8 (line {line})", "save it as UTF-8") from None
    return Source(str(path), text.replace("\r\n", "\n"))


class _Loader:
    """Depth-first over `use`; a module is finished after the modules that it uses."""

    def __init__(self, main: Path) -> None:
        self.roots = tuple(_roots(main))
        self.modules: list[ast.Module] = []
        self.sources: list[Source] = []
        self.done: set[str] = set()
        self.abstract: dict[str, Program] = {}

    def program(self, name: str, path: str) -> Program:
        """What has been read."""
        known = {s.name: s for p in self.abstract.values() for s in p.sources} | {s.name: s for s in self.sources}
        own = [s.name for s in self.sources]
        sources = (*(s for n, s in known.items() if n not in own), *self.sources)
        return Program(name, path, tuple(self.modules), sources, tuple(self.abstract.items()))

    def visit(self, path: Path, name: str, trail: tuple[str, ...], at: Span | None = None) -> None:
        self.add(read_source(path, at), path, name, trail)

    def add(self, source: Source, path: Path, name: str, trail: tuple[str, ...]) -> None:
        key = os.path.realpath(path)
        self.sources.append(source)
        module = parse(source, name)
        for decl in module.decls:
            if isinstance(decl, ast.UseDecl):
                self._use(decl, (*trail, key))
            elif isinstance(decl, ast.RefinesDecl):
                self._refined(decl, (*trail, key))
        self.modules.append(module)
        self.done.add(key)

    def _use(self, decl: ast.UseDecl, trail: tuple[str, ...]) -> None:
        found, key = self._found(decl, trail)
        if key not in self.done:
            try:
                self.visit(found, decl.module, trail, decl.span)
            except Failed as failed:
                notes = (Note(decl.span, "used here"),)
                raise Failed(
                    [
                        Diagnostic(d.code, d.headline, d.span, d.label, d.notes or notes, d.help)
                        for d in failed.diagnostics
                    ],
                    (*self.sources, *failed.sources),
                ) from None

    def _refined(self, decl: ast.RefinesDecl, trail: tuple[str, ...]) -> None:
        """Reads the abstract model as a program of its own; what it refines in turn is its own affair."""
        found, _ = self._found(decl, trail)
        if decl.module in self.abstract:
            return
        loader = _Loader(found)
        loader.roots = self.roots
        try:
            loader.visit(found, decl.module, trail, decl.span)
        except Failed as failed:
            raise Failed(failed.diagnostics, (*self.sources, *failed.sources)) from None
        program = loader.program(found.stem, str(found))
        main = replace(program.main, decls=tuple(d for d in program.main.decls if not isinstance(d, ast.RefinesDecl)))
        self.abstract[decl.module] = replace(program, modules=(*program.modules[:-1], main))

    def _found(self, decl: ast.UseDecl | ast.RefinesDecl, trail: tuple[str, ...]) -> tuple[Path, str]:
        """The file of a module, and its real path."""
        relative = Path(*decl.module.split(".")).with_suffix(".kspec")
        found = next((r / relative for r in self.roots if (r / relative).is_file()), None)
        if found is None:
            places = ", ".join("the library" if r == LIBRARY else str(r) for r in self.roots)
            raise Failed(
                [
                    Diagnostic(
                        "E0110",
                        f"module `{decl.module}` not found",
                        decl.span,
                        help=f"there is no {relative} in {places}",
                    )
                ],
                self.sources,
            )
        key = os.path.realpath(found)
        if key in trail:
            raise Failed(
                [
                    Diagnostic(
                        "E0111",
                        f"module `{decl.module}` uses itself",
                        decl.span,
                        "closes the circle",
                        help=" -> ".join(Path(t).stem for t in (*trail[trail.index(key) :], key)),
                    )
                ],
                self.sources,
            )
        return found, key


def _roots(main: Path) -> Iterator[Path]:
    """Where modules are looked up: below the nearest folder upwards with `kspec.toml`, else beside the file."""
    start = Path(os.path.abspath(main)).parent
    folder = project_root(start)
    if folder is None:
        yield Path(os.path.relpath(start))
        yield LIBRARY
        return
    here = Path(os.path.relpath(folder))
    yield here
    yield here / "models"
    yield LIBRARY
