"""A trace for people: what is violated and where, why, and the steps with what each of them changes.

The same lines go to a terminal (with colours) and to a pipe; they fit any width.  Everything comes from
the trace itself, and all text in it is made visible (``kspec.trace.lines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from kspec.lang.source import Span
from kspec.trace.lines import columns, flow, fold, pad, text, visible, width_of
from kspec.trace.model import Cause, Failure, Observed, Trace, TraceStep
from kspec.trace.values import Change, changes, folded

PLAIN_WIDTH = 120
_ROOM = 32
_STATEMENT = 32
_INDENT = 8
_NARROWEST = 30
_WORDS = {"violated": ("VIOLATED", "bold red"), "reached": ("REACHED", "bold green"), "run": ("RUN", "bold")}
_ACTORS = ("cyan", "magenta", "yellow", "green", "blue")


@dataclass(frozen=True)
class TraceView:
    """A trace as something that rich prints, at the width of the console."""

    trace: Trace

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in lines(self.trace, options.max_width):
            line.end = "\n"
            yield line


def render(trace: Trace) -> TraceView:
    """The rich renderable of a trace."""
    return TraceView(trace)


def plain(trace: Trace, width: int = PLAIN_WIDTH) -> str:
    """The same as text without colours; the headline is one line, for programs that look for it."""
    return "".join(line.plain.rstrip() + "\n" for line in lines(trace, width, whole=True))


def lines(trace: Trace, width: int, whole: bool = False) -> Iterator[Text]:
    """All lines of a trace: headline, reason, steps; ``whole``: the headline is one line, however long."""
    width = max(width, _NARROWEST)
    yield from headline(trace, width, whole)
    why = list(_why(trace, width))
    if why:
        yield text("")
        yield from why
    yield text("")
    yield from _indented(_length(trace), width)
    yield text("")
    yield from _steps(trace, width)
    if trace.loop is not None:
        yield text("")
        yield from repeating(trace, width)


def headline(trace: Trace, width: int, whole: bool = False) -> Iterator[Text]:
    """``file:line:col  VIOLATED  kind name "message"``, and which model and parameters."""
    p = trace.property
    word = _WORDS[trace.outcome]
    where = str(p.place) if p and p.place else f"{trace.model.file or trace.model.name}:1:1"
    parts: list[str | tuple[str, str]] = [(where, "bold"), "  ", word]
    if p:
        named = p.name if p.kind in ("error", "deadlock") else f"{p.kind} {p.name}"
        parts += ["  ", (named, "bold")]
        if p.message:
            parts.append(f'  "{p.message}"')
    yield from [text(*parts)] if whole else fold(text(*parts), width)
    model = trace.model
    about = [f"{model.name}" + (f" {model.case}" if model.case else "")]
    about += [f"{n} = {v}" for n, v in model.params]
    source = ", ".join(x for x in (trace.origin.engine, trace.origin.strength, trace.origin.when) if x)
    entries = [text((x, "dim")) for x in [*about, *([source] if source else [])]]
    for line in flow(entries, width - 2):
        yield text("  ", line)


def _length(trace: Trace) -> Text:
    n = len(trace.steps)
    if n == 0 and trace.failure:
        words = "the initialisation fails"
    elif n == 0:
        words = "an initial state"
    else:
        words = _count(n, "step")
        if any(s.actor for s in trace.steps):
            words += f", {_count(switches(trace), 'switch', 'switches')} of actor"
    if trace.loop is not None:
        words = f"an infinite behaviour: {words}"
    if trace.origin.shortest and n:
        words = f"shortest trace: {words}"
    return text("; ".join([words, *trace.origin.notes]))


def switches(trace: Trace) -> int:
    """How often two consecutive steps have different actors."""
    return sum(a.actor != b.actor for a, b in zip(trace.steps, trace.steps[1:], strict=False))


def _count(n: int, noun: str, nouns: str = "") -> str:
    return f"{n} {noun if n == 1 else nouns or noun + 's'}"


def _indented(line: Text, width: int) -> Iterator[Text]:
    for piece in fold(line, width - 2):
        yield text("  ", piece)


def _why(trace: Trace, width: int) -> Iterator[Text]:
    for cause in trace.why.causes:
        yield from cause_lines(trace, cause, width)
    if not trace.why.blocked:
        return
    label = "because"
    for b in trace.why.blocked:
        names = [f"{b.action}({i})" for i in b.instances] or [b.action]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        if b.cause.text and b.cause.truth is None and trace.property and trace.property.kind == "property":
            yield from _labelled(label, text(f"{shown}  ", (b.cause.text, "bold")), width)
        elif b.cause.text:
            yield from needed_lines(trace, f"{shown}  waits for  ", b.cause, width, label)
        else:
            yield from _labelled(label, text(shown, "  has no step where it is"), width)
            yield from _given(trace, b.cause, width)
        label = ""
    if trace.why.more_blocked:
        yield from _labelled("", text((f"and {_count(trace.why.more_blocked, 'reason')} more", "dim")), width)


def cause_lines(trace: Trace, cause: Cause, width: int, label: str = "because") -> Iterator[Text]:
    """A cause: the condition, its bindings, and the values it read with the steps that set them."""
    yield from _labelled(label, _verdict(cause), width)
    yield from _given(trace, cause, width)


def needed_lines(trace: Trace, lead: str, cause: Cause, width: int, label: str = "because") -> Iterator[Text]:
    """What would have to be true, and is not, with the values it read."""
    needed = f"!({cause.text})" if cause.truth else cause.text
    where = f"  {_where(cause.place)}" if cause.place else ""
    yield from _labelled(label, text(lead, (needed, "bold"), (where, "dim")), width)
    yield from _given(trace, cause, width)


def _verdict(cause: Cause) -> Text:
    says = {True: "is true", False: "is false", None: "raises the error"}[cause.truth]
    says += f" {cause.when}" if cause.when else ""
    where = f"  {_where(cause.place)}" if cause.place else ""
    return text((cause.text, "bold"), f"  {says}", (where, "dim"))


def _given(trace: Trace, cause: Cause, width: int) -> Iterator[Text]:
    if cause.bindings:
        pairs = ", ".join(f"{n} = {v}" for n, v in cause.bindings)
        yield from _labelled("where", text(pairs), width)
    for i, g in enumerate(cause.given):
        yield from _labelled("while" if i == 0 else "", text(g), width)
    label = "with"
    for what, value in cause.operands:
        yield from _labelled(label, text(what, " = ", (value, "bold")), width)
        label = ""
    names = [text(*_value(r)) for r in cause.reads]
    room = max((width_of(n) for n in names), default=0)
    for r, name in zip(cause.reads, names, strict=True):
        since = text((_since(trace, r), "dim"))
        whole = text(pad(name, room), "  ", since)
        yield from _labelled(label, whole if width_of(whole) <= width - 11 else text(name, "  ", since), width)
        label = ""
    if cause.more_reads:
        yield from _labelled(label, text((f"and {_count(cause.more_reads, 'element')} more", "dim")), width)


def _value(r: Observed) -> list[str | tuple[str, str]]:
    if r.old and r.old != r.value:
        return [r.element, " ", (r.old, "dim"), " -> ", (r.value, "bold")]
    return [r.element, " = ", (r.value, "bold")]


def _since(trace: Trace, r: Observed) -> str:
    if r.step == 0:
        return "from the start"
    if r.step > len(trace.steps):
        return f"since step {r.step}"
    step = trace.steps[r.step - 1]
    line = f"  line {step.place.line}" if step.place else ""
    return f"since step {r.step}  {step_text(step)}{line}"


def _labelled(label: str, line: Text, width: int) -> Iterator[Text]:
    for i, piece in enumerate(fold(line, width - 11)):
        yield text("  ", (f"{label if i == 0 else '':>7}", "bold" if label == "because" else "dim"), "  ", piece)


def _where(place: Span) -> str:
    return f"{PurePosixPath(place.file).name}:{place.line}:{place.column}"


def _line(trace: Trace, place: Span | None) -> str:
    """A line number; with the file where that is not the model's."""
    if place is None:
        return ""
    main = trace.property.place.file if trace.property and trace.property.place else trace.model.file
    if place.file in (main, trace.model.file):
        return str(place.line)
    return f"{PurePosixPath(place.file).name}:{place.line}"


def step_text(step: TraceStep) -> str:
    """A step with who takes it: ``put(Task#0, Event#1)``, ``locker(Task#1) want``."""
    process = step.actor.partition("(")[0]
    if process and step.action.startswith(f"{process}."):
        return f"{step.actor} {action_text(step)}"
    args = ", ".join(_arg(n, v) for n, v in step.args)
    return f"{step.action}({args})" if args else step.action


def _arg(name: str, value: str) -> str:
    """An argument; an identity says itself what it is."""
    return value if "#" in value else f"{name}={value}"


def action_text(step: TraceStep) -> str:
    """The action with its arguments, without what the actor says already: ``open(Event#1, n=2)``."""
    process = step.actor.partition("(")[0]
    name = step.action.removeprefix(f"{process}.") if process else step.action
    args = [_arg(n, v) for n, v in step.args if n != step.actor_param]
    return f"{name}({', '.join(args)})" if args else name


def _statement(step: TraceStep) -> Iterator[str | tuple[str, str]]:
    """What an unlabelled step of a process executes: its place alone says little."""
    process = step.actor.partition("(")[0]
    if process and step.action.startswith(f"{process}.") and "+" in step.action:
        line = " ".join(step.text.split()).removesuffix(";")
        short = line if len(line) <= _STATEMENT else line[: _STATEMENT - 3] + "..."
        if short:
            yield ": "
            yield (short, "dim")


def change_text(c: Change) -> Text:
    """A change: ``ev[Event#1].refs 0 -> 1``, ``queue + Event#1``."""
    if c.added or c.removed:
        return text(
            c.path,
            *((f" + {x}", "green") for x in c.added),
            *((f" - {x}", "red") for x in c.removed),
        )
    return text(c.path, " ", (c.old or "absent", "dim"), " -> ", (c.new or "absent", "bold"))


@dataclass(frozen=True)
class _Columns:
    """The widths of the columns; ``stacked``: the changes of a step stand below it."""

    number: int
    who: int
    action: int
    line: int
    changes: int
    stacked: bool


def _columns(steps: int, whos: list[Text], actions: list[Text], places: list[Text], width: int) -> _Columns:
    number = max(4, len(str(steps)))
    who = min(24, max([3, *(width_of(w) for w in whos)]))
    action = min(40, max([9, *(width_of(a) for a in actions)]))
    line = min(24, max([4, *(width_of(p) for p in places)]))
    changes = width - (2 + number + 2 + who + 2 + action + 2 + line + 2)
    if changes >= _ROOM:
        return _Columns(number, who, action, line, changes, stacked=False)
    room = width - (2 + number + 2 + 2 + 2)
    who, line = min(who, max(3, room // 3)), min(line, max(4, room // 4))
    return _Columns(number, who, min(action, room - who - line), line, width - _INDENT, stacked=True)


def repeating(trace: Trace, width: int) -> Iterator[Text]:
    """What of an infinite behaviour repeats, and how that is fair."""
    n, loop = len(trace.steps), trace.loop
    if loop is None:
        return
    if loop == n:
        said = "nothing can happen any more: this state stays for ever"
    elif loop + 1 == n:
        said = f"step {n} repeats for ever"
    else:
        said = f"the cycle repeats from step {loop + 1}: steps {loop + 1} to {n} for ever"
    yield from _indented(text((said, "bold")), width)
    hows = {"taken": "taken at step {}", "disabled": "disabled after step {}", "idle": "not enabled in the cycle"}
    label = "fair"
    for f in trace.fairness:
        if f.how in hows:
            how = hows[f.how].format(f.step) if f.step or f.how != "disabled" else "disabled at the start"
            yield from _labelled(label, text(f"{f.kind} {f.who}", "  ", (how, "dim")), width)
            label = ""


def _steps(trace: Trace, width: int) -> Iterator[Text]:
    actors = list(dict.fromkeys(s.actor for s in trace.steps if s.actor))
    colour = {a: _ACTORS[i % len(_ACTORS)] for i, a in enumerate(actors)}
    whos = [text((s.actor, colour[s.actor])) if s.actor else text(("-", "dim")) for s in trace.steps]
    actions = [text(action_text(s), *_statement(s)) for s in trace.steps]
    places = [text((_line(trace, s.place), "dim")) for s in trace.steps]
    at = _columns(len(trace.steps), whos, actions, places, width)

    def row(n: str, w: Text, a: Text, p: Text, entries: list[Text]) -> Iterator[Text]:
        number = text((f"{n:>{at.number}}", "dim"))
        line = text(" " * max(0, at.line - width_of(p)), p)
        cells = [([number], at.number), (fold(w, at.who), at.who), (fold(a, at.action), at.action)]
        cells.append((fold(line, at.line), at.line))
        body = flow(entries, at.changes)
        if not at.stacked:
            cells.append((body, at.changes))
        for out in columns(cells):
            yield text("  ", out)
        if at.stacked and entries:
            for out in body:
                yield text(" " * _INDENT, out)

    if trace.steps or trace.states:
        heads = [text((h, "dim")) for h in ("who", "action", "line", "changes")]
        yield from row("step", heads[0], heads[1], heads[2], [] if at.stacked else [heads[3]])
    if trace.states:
        yield from row("0", text(""), text("initially"), text(""), list(_initial(trace)))
    for i, step in enumerate(trace.steps):
        if i + 1 < len(trace.states):
            entries = list(_changes(step, changes(trace.states[i], trace.states[i + 1])))
            entries = entries or [text(("nothing changes", "dim"))]
            if trace.loop is not None and i + 1 == len(trace.steps):
                entries.append(text((f"as {_after(trace.loop)}", "dim")))
        else:
            entries = _failure(trace, step, trace.failure)
        yield from row(str(i + 1), whos[i], actions[i], places[i], entries)
    if not trace.states and trace.failure:
        for entry in _failure(trace, None, trace.failure):
            yield from _indented(entry, width)


def _changes(step: TraceStep, found: tuple[Change, ...]) -> Iterator[Text]:
    """The changes of a step; where the acting process goes comes last: ``at critical``."""
    process, _, who = step.actor.partition("(")
    here = f"{process}[{who.removesuffix(')')}].pc" if who else f"{process}.pc"
    for c in found:
        if c.path != here:
            yield change_text(c)
    for c in found:
        if c.path == here:
            yield text((f"at {c.new}", "dim"))


def _after(step: int) -> str:
    return f"after step {step}" if step else "at the start"


def _failure(trace: Trace, step: TraceStep | None, failure: Failure | None) -> list[Text]:
    if failure is None:
        return []
    name = f"assert {failure.property}" if failure.kind == "assert" else failure.kind
    out = [text(("fails", "bold red"), f": {name}", f' "{failure.message}"' if failure.message else "")]
    if failure.text or failure.place:
        line = _line(trace, failure.place)
        here = f"line {line}: " if line and not (step and step.place == failure.place) else ""
        out.append(text((f"{here}{failure.text}", "dim")))
    return out


def _initial(trace: Trace) -> Iterator[Text]:
    """The initial state; what has the same short value is together: ``next, owner = 0``."""
    groups: dict[str, list[str]] = {}
    for name, value in folded(trace.states[0]):
        groups.setdefault(value if len(value) <= 12 else f"{name}={value}", []).append(name)
    for key, names in groups.items():
        value = key if len(key) <= 12 or len(names) > 1 else key.removeprefix(f"{names[0]}=")
        yield text(", ".join(names), " = ", (value, "bold"))


__all__ = [
    "TraceView",
    "action_text",
    "cause_lines",
    "headline",
    "lines",
    "needed_lines",
    "plain",
    "render",
    "repeating",
    "switches",
    "visible",
]
