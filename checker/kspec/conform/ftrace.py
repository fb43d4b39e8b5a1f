"""ftrace text, as ``trace``, ``trace-cmd report`` and ``perf script`` give it, and JSON lines.

A line has the task, the processor, perhaps flags, the time and the event::

    wl-189     [000] d..3.           92: __perf_install_in_context: (...) ev=0xff11 st=0
    wl-189     [000]   1013.125: __perf_install_in_context: (...) ev=0xff11 st=0
    wl   189 [000]   1013.125: probe:__perf_install_in_context: (...) ev=0xff11 st=0
    {"event": "__perf_install_in_context", "cpu": 0, "pid": 189, "time": 92, "ev": "0xff11", "st": 0}

Fields are ``name=value``; what stands before them is a comment.  Times may not go back; equal times are in the
order of the file.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kspec.conform.records import BadTrace, Lost, Record

_LINE = re.compile(
    r"^\s*(?P<comm>\S.*?)(?:-|\s+)(?P<pid>\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(?P<cpu>\d+)\]\s+(?:[^\s:]{4,6}\s+)?"
    r"(?P<time>[\d.]+):\s+(?:(?P<event>[\w:.]+):(?:\s(?P<rest>.*))?|(?P<call>\w+)(?P<args>\(.*\)| -> .*))$"
)
_FIELD = re.compile(r"(\w+)=(\S+)")
_LOST = re.compile(r"^CPU:?\s*(\d+)\s*\[(?:LOST (\d+) EVENTS|.*LOST.*)\]$|^\s*\[LOST (\d+) EVENTS\]$", re.IGNORECASE)
LONGEST = 1 << 16


def read(path: str) -> Iterator[Record | Lost]:
    """The records of a file, packed by gzip or not, one by one.  Raises BadTrace."""
    with _opened(path) as stream:
        yield from parse(stream, path)


def _opened(path: str) -> IO[str]:
    try:
        with Path(path).open("rb") as start:
            packed = start.read(2) == b"\x1f\x8b"
        if packed:
            return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape")
        return Path(path).open(encoding="utf-8", errors="surrogateescape")
    except OSError as e:
        raise BadTrace(path, 0, e.strerror or str(e)) from None


def parse(stream: IO[str], file: str) -> Iterator[Record | Lost]:
    """The records of a text.  Raises BadTrace."""
    number, last, found = 0, -1.0, 0
    try:
        for number, line in enumerate(stream, 1):
            text = line.rstrip("\n")
            if "\0" in text or len(text) > LONGEST:
                raise BadTrace(file, number, "this is not a text")
            if not text or text[0] == "#" or text.startswith(("cpus=", "version =", "entries-in-buffer")):
                continue
            record = _json(text, file, number) if text[0] == "{" else _record(text, file, number)
            if isinstance(record, Record):
                found += 1
                last = _in_order(record, last)
            yield record
    except (EOFError, gzip.BadGzipFile, OSError) as e:
        raise BadTrace(file, number, f"the file ends too early or is damaged: {e}") from None
    if not found:
        raise BadTrace(file, 0, "there is no record in it")


def _in_order(record: Record, last: float) -> float:
    try:
        time = float(record.time)
    except ValueError:
        raise BadTrace(record.file, record.line, f"`{record.time}` is no time") from None
    if time < last:
        raise BadTrace(record.file, record.line, f"the clock goes back, from {last:g} to {time:g}")
    return time


def _record(text: str, file: str, number: int) -> Record | Lost:
    m = _LINE.match(text)
    if m is None:
        lost = _LOST.match(text.strip())
        if lost is not None:
            return Lost(file, number, int(lost[1] or -1), int(lost[2] or lost[3] or 0))
        raise BadTrace(file, number, "this line is no record of ftrace" + (
            ": it is cut short" if text.lstrip()[:1] and text.endswith(("[", ":", "=")) else ""
        ))  # fmt: skip
    name, rest = m["event"], m["rest"] or ""
    if name is None:
        name, rest = m["call"], m["args"]
    return Record(
        file, number, name.rsplit(":", 1)[-1], int(m["cpu"]), int(m["pid"]), m["time"],
        dict(_FIELD.findall(rest)), text,
    )  # fmt: skip


def _json(text: str, file: str, number: int) -> Record | Lost:
    try:
        item = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        raise BadTrace(file, number, f"this is no JSON: {e}") from None
    match item:
        case {"lost": int(count), **rest}:
            return Lost(file, number, _int(rest.get("cpu", -1), file, number), count)
        case {"event": str(name), **rest}:
            cpu, pid = (_int(rest.pop(k, 0), file, number) for k in ("cpu", "pid"))
            time = str(rest.pop("time", number))
            return Record(file, number, name, cpu, pid, time, {str(k): _text(v) for k, v in rest.items()}, text)
    raise BadTrace(file, number, "a record has an `event`")


def _int(value: object, file: str, number: int) -> int:
    if isinstance(value, int):
        return value
    raise BadTrace(file, number, f"`{value}` is no number")


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
