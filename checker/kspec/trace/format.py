"""Traces as JSON files: an ITF document with a ``kspec`` object beside it (``spec/trace.md``)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import get_args

from kspec.lang.source import Span
from kspec.trace.itf import Damaged, Json, Node, brief, parse, state_json, state_of
from kspec.trace.model import (
    VERSION,
    Blocked,
    Cause,
    Failure,
    Fair,
    Intent,
    Kept,
    ModelRef,
    Observed,
    Origin,
    Outcome,
    Trace,
    TraceError,
    TraceProperty,
    TraceStep,
    Why,
)

__all__ = ["Trace", "TraceError", "dumps", "load_trace", "loads", "save", "suggested_name", "trace_id"]

ITF = "https://apalache-mc.org/docs/adr/015adr-trace.html"
SUFFIX = ".itf.json"
MAX_BYTES = 256 << 20
HOW = ("taken", "disabled", "idle", "stopped")
_STATUS = {"violated": "violation", "reached": "ok", "run": "ok"}


def save(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Writes a trace, atomically: a reader sees the old file or the whole new one.

    Raises OSError when the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".trace-{secrets.token_hex(8)}")
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(dumps(trace))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def load_trace(path: str | os.PathLike[str]) -> Trace | TraceError:
    """Reads a trace; a file that cannot be read or is no trace gives a :class:`TraceError`."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        return TraceError(name, "", e.strerror or "cannot be read")
    except ValueError as e:
        return TraceError(name, "", str(e))
    if len(data) > MAX_BYTES:
        return TraceError(name, "", f"larger than {MAX_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        return TraceError(name, f"byte {e.start}", "not UTF-8 text")
    return loads(text, name)


def loads(text: str, name: str = "<trace>") -> Trace | TraceError:
    """Reads a trace from text; ``name`` is what the file is called in an error."""
    try:
        return _trace(Node(parse(text)))
    except Damaged as e:
        return TraceError(name, e.where, e.message)


def trace_id(trace: Trace) -> str:
    """Eight hexadecimal digits that depend on the system, the property and the run alone."""
    run = [[s.action, *(v for _, v in s.args)] for s in trace.steps]
    name = trace.property.name if trace.property else ""
    states = [state_json(s, {}) for s in trace.states]
    loop = [] if trace.loop is None else [trace.loop]
    data = json.dumps([trace.system_hash, name, run, states, *loop]).encode("ascii")
    return hashlib.blake2b(data, digest_size=4).hexdigest()


def suggested_name(trace: Trace) -> str:
    """A file name for a trace, such as ``perf_context-epc_linked-3f9c01ab.itf.json``.

    Safe on any file system: letters, digits, ``_``, ``.`` and ``-`` only, never hidden, at most 120 long.
    """
    stem = Path(trace.model.file).stem or trace.model.name
    parts = [stem, trace.property.name if trace.property else "run"]
    words = [re.sub(r"[^A-Za-z0-9_.]+", "_", p)[:48].strip("._") or "x" for p in parts]
    return "-".join([*words, trace_id(trace)]) + SUFFIX


def dumps(trace: Trace) -> str:
    """The JSON text of a trace, pure ASCII, one state and one step a line."""
    return _lay_out(document(trace)) + "\n"


def document(trace: Trace) -> dict[str, Json]:
    """The JSON document of a trace."""
    meta: dict[str, Json] = {
        "format": "ITF",
        "format-description": ITF,
        "source": trace.model.file,
        "status": _STATUS[trace.outcome],
    }
    if trace.property:
        meta["description"] = f"{trace.property.name}: {trace.outcome}"
    states = []
    for i, s in enumerate(trace.states):
        note: dict[str, Json] = {"index": i}
        if i:
            step = trace.steps[i - 1]
            args = ", ".join(v for _, v in step.args)
            note["action"] = f"{step.action}({args})" if args else step.action
        states.append(state_json(s, note))
    out: dict[str, Json] = {"#meta": meta, "vars": list(trace.variables), "states": states}
    if trace.loop is not None:
        # In ITF the states from that index to the last one repeat; the last one is that after step `loop` again.
        out["loop"] = min(trace.loop + 1, len(trace.steps))
    out["kspec"] = _kspec_json(trace)
    return out


def _kspec_json(trace: Trace) -> Json:
    p, f = trace.property, trace.failure
    out: dict[str, Json] = {
        "format": VERSION,
        "version": trace.kspec_version,
        "model": {
            "file": trace.model.file,
            "name": trace.model.name,
            **_plain(trace.model, "case"),
            "params": dict(trace.model.params),
        },
        "system": trace.system_hash,
        "outcome": trace.outcome,
    }
    if p:
        out["property"] = {"name": p.name, "kind": p.kind, **_plain(p, "message", "text", "place")}
    origin = _plain(trace.origin, "engine", "strength", "when", "shortest", "notes")
    if origin:
        out["origin"] = origin
    if trace.kept:
        out["kept"] = {"intent": trace.kept.intent, "story": trace.kept.story}
        if trace.kept.settings:
            out["kept"]["settings"] = dict(trace.kept.settings)
    out["steps"] = [
        {"action": s.action, "args": dict(s.args), **_plain(s, "actor", "actor_param", "place", "text")}
        for s in trace.steps
    ]
    if trace.loop is not None:
        out["loop"] = trace.loop
    if trace.fairness:
        out["fairness"] = [{"kind": x.kind, "who": x.who, "how": x.how, "step": x.step} for x in trace.fairness]
    if f:
        out["failure"] = {"kind": f.kind, "property": f.property, **_plain(f, "message", "text", "place")}
    why: dict[str, Json] = {}
    if trace.why.causes:
        why["causes"] = [_cause_json(c) for c in trace.why.causes]
    if trace.why.blocked:
        why["blocked"] = [
            {"action": b.action, "instances": list(b.instances), "cause": _cause_json(b.cause)}
            for b in trace.why.blocked
        ]
        why |= _plain(trace.why, "more_blocked")
    if why:
        out["why"] = why
    return out


def _cause_json(c: Cause) -> Json:
    out: dict[str, Json] = {"text": c.text, "truth": c.truth, **_plain(c, "place")}
    if c.bindings:
        out["bindings"] = dict(c.bindings)
    out |= _plain(c, "given")
    if c.operands:
        out["operands"] = [list(p) for p in c.operands]
    if c.reads:
        out["reads"] = [{"element": r.element, "value": r.value, "step": r.step, **_plain(r, "old")} for r in c.reads]
    return out | _plain(c, "more_reads", "when")


def _plain(item: object, *names: str) -> dict[str, Json]:
    """The fields of those names that are not empty."""
    out: dict[str, Json] = {}
    for name in names:
        match getattr(item, name):
            case Span() as span:
                out[name] = {
                    "file": span.file,
                    "line": span.line,
                    "column": span.column,
                    "end_line": span.end_line,
                    "end_column": span.end_column,
                }
            case tuple() as items if items:
                out[name] = list(items)
            case value if value:
                out[name] = value
            case _:
                pass
    return out


def _lay_out(value: Json, indent: int = 0, depth: int = 0) -> str:
    """JSON text: what fits on a line of 110, or is a state or a step, stays on one."""
    flat = json.dumps(value)
    if depth >= 4 or not value or not isinstance(value, dict | list) or len(flat) + indent <= 110:
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(k)}: {_lay_out(v, indent + 1, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    rows = [pad + _lay_out(v, indent + 1, 4 if indent < 3 else depth + 1) for v in value]
    return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"


def _trace(root: Node) -> Trace:
    if not isinstance(root.value, dict) or "states" not in root.value:
        raise Damaged("", "not a trace: a JSON object with 'vars', 'states' and 'kspec' is expected")
    k = root.get("kspec")
    if k is None:
        raise Damaged("", "an ITF trace, but not one that kspec wrote: no 'kspec' object")
    version = k.at("format")
    if version.number(1) != VERSION:
        raise version.fail(f"format {brief(version.value)}; this kspec reads format {VERSION}")
    variables = tuple(v.text() for v in root.at("vars").items())
    if len(set(variables)) != len(variables):
        raise root.at("vars").fail("a variable is there twice")
    if any(v.startswith("#") for v in variables):
        raise root.at("vars").fail("the name of a variable begins with #")
    model, prop, origin, kept = k.at("model"), k.get("property"), k.get("origin"), k.get("kept")
    failure = k.get("failure")
    trace = Trace(
        model=ModelRef(model.at("file").text(), model.at("name").text(), model.string("case"), model.texts("params")),
        outcome=k.at("outcome").one_of(get_args(Outcome)),
        system_hash=k.at("system").text(),
        variables=variables,
        states=tuple(state_of(s, variables) for s in root.at("states").items()),
        steps=tuple(_step(s) for s in k.at("steps").items()),
        property=_property(prop) if prop else None,
        origin=_origin(origin) if origin else Origin(),
        failure=_failure(failure) if failure else None,
        why=_why(k.get("why")),
        kept=_kept(kept) if kept else None,
        kspec_version=k.string("version"),
        loop=_loop(k),
        fairness=tuple(
            Fair(x.at("kind").text(), x.at("who").text(), x.at("how").one_of(HOW), x.at("step").number())
            for x in k.list("fairness")
        ),
    )
    if trace.loop is not None and (trace.loop > len(trace.steps) or trace.failure):
        raise k.at("loop").fail("it is beyond the last step")
    expected = len(trace.steps) + (0 if trace.failure else 1)
    if len(trace.states) != expected:
        raise root.at("states").fail(
            f"{len(trace.states)} states do not fit {len(trace.steps)} steps (they need {expected})"
        )
    return trace


def _loop(k: Node) -> int | None:
    node = k.get("loop")
    return None if node is None else node.number()


def _step(node: Node) -> TraceStep:
    return TraceStep(
        node.at("action").text(),
        node.texts("args"),
        node.string("actor"),
        node.string("actor_param"),
        _place(node),
        node.string("text"),
    )


def _property(node: Node) -> TraceProperty:
    return TraceProperty(
        node.at("name").text(),
        node.at("kind").text(),
        node.string("message"),
        node.string("text"),
        _place(node),
    )


def _kept(node: Node) -> Kept:
    settings = node.texts("settings") if node.get("settings") else ()
    return Kept(node.at("intent").one_of(get_args(Intent)), node.string("story"), settings)


def _origin(node: Node) -> Origin:
    shortest = node.get("shortest")
    return Origin(
        node.string("engine"),
        node.string("strength"),
        node.string("when"),
        shortest.flag() if shortest else False,
        tuple(n.text() for n in node.list("notes")),
    )


def _failure(node: Node) -> Failure:
    return Failure(
        node.at("kind").text(),
        node.at("property").text(),
        node.string("message"),
        node.string("text"),
        _place(node),
    )


def _why(node: Node | None) -> Why:
    if node is None:
        return Why()
    more = node.get("more_blocked")
    return Why(
        tuple(_cause(c) for c in node.list("causes")),
        tuple(
            Blocked(
                b.at("action").text(),
                tuple(i.text() for i in b.list("instances")),
                _cause(b.at("cause")),
            )
            for b in node.list("blocked")
        ),
        more.number() if more else 0,
    )


def _cause(node: Node) -> Cause:
    more, truth = node.get("more_reads"), node.at("truth")
    return Cause(
        node.at("text").text(),
        None if truth.value is None else truth.flag(),
        _place(node),
        node.texts("bindings"),
        tuple(g.text() for g in node.list("given")),
        tuple(_operand(o) for o in node.list("operands")),
        tuple(
            Observed(r.at("element").text(), r.at("value").text(), r.at("step").number(), r.string("old"))
            for r in node.list("reads")
        ),
        more.number() if more else 0,
        node.string("when"),
    )


def _operand(node: Node) -> tuple[str, str]:
    parts = tuple(n.text() for n in node.items())
    if len(parts) != 2:
        raise node.fail(f"a pair is expected, not {len(parts)} items")
    return parts[0], parts[1]


def _place(node: Node) -> Span | None:
    p = node.get("place")
    if p is None:
        return None
    return Span(
        p.at("file").text(),
        p.at("line").number(1),
        p.at("column").number(1),
        p.at("end_line").number(1),
        p.at("end_column").number(1),
    )
