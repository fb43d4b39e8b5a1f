"""Wrong texts made from right ones: tokens deleted, doubled, swapped, replaced and spliced, and damaged bytes."""

from __future__ import annotations

import random
import re
from pathlib import Path

SUITE = Path(__file__).resolve().parents[2] / "spec" / "suite"
TOKEN = re.compile(r'\s+|//[^\n]*|/\*[\s\S]*?\*/|"(?:\\.|[^"\\\n])*"|\w+|\.\.|[<>=!&|+\-]=|&&|\|\||\+\+|--|=>|.')


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


WORDS = words("""
param const enum id ordered type struct var init fun proc action process when invariant lemma step reachable
terminal limit deadlock off check scenario bool set seq map if else for while loop either or atomic let choose
require await assert goto break continue return skip forall exists in where true false none at ref count sum min
max old ord use expect holds violates only states transitions up to within tier with disabled pick repeat 0 1 2
3 7 -1 0..3 99999999 0x10 _ self x y s q m Task Task#0 error range == != < <= > >= => && || ! + - * / % | & = +=
-= |= &= ++ -- ( ) [ ] { } , ; : . .. ? # {} [] .len .first .size .push(1) .pop() seq<bool,2> set<0..3>
map<bool,0..1> 0..1?
""")

KINDS = [
    group.split()
    for group in (
        "invariant lemma step reachable",
        "terminal limit",
        "await require",
        "forall exists",
        "count sum min max",
        "break continue return skip",
        "while if",
        "== != < <= > >= in",
        "+ - * / % | &",
        "&& || => ==",
        "= += -= |= &=",
        "true false none {} []",
        "push push_front add remove pop pop_back clear insert first last len size",
        "bool 0..1 0..3 0..1? set<0..3> seq<bool,2> map<bool,0..1>",
        "action process proc",
    )
]
"""What can stand where the others of the group stand: such changes often survive the parser."""

KEYWORDS = {w for w in WORDS if w.isalpha()}


def sources() -> list[str]:
    """The texts that mutations start from."""
    return [p.read_text("utf-8") for p in sorted(SUITE.glob("*.kspec")) if not p.stem.startswith("error_syntax")]


def tokens(text: str) -> list[str]:
    """The tokens of a text, blanks and comments among them; joined again they are the text."""
    return TOKEN.findall(text)


def mutant(texts: list[str], rng: random.Random) -> str:
    """One wrong text (now and then it is right)."""
    parts = tokens(rng.choice(texts))
    rough = rng.random() < 0.3
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        parts = _mutate(parts, texts, rng) if rough else _exchange(parts, texts, rng)
    text = "".join(parts)
    if rng.random() < 0.05:
        text = _noise(text, rng)
    return text


def _exchange(parts: list[str], texts: list[str], rng: random.Random) -> list[str]:
    """A token, or a small statement, is replaced by one of its kind."""
    out = list(parts)
    if rng.random() < 0.2:  # the end of a statement becomes the end of another one, from here or elsewhere
        other = parts if rng.random() < 0.5 else tokens(rng.choice(texts))
        ends = [k for k, t in enumerate(out) if t == ";"]
        theirs = [k for k, t in enumerate(other) if t == ";"]
        if len(ends) > 1 and len(theirs) > 1:
            k, j = rng.randrange(1, len(ends)), rng.randrange(1, len(theirs))
            start = ends[k] if rng.random() < 0.5 else ends[k - 1]
            out[start + 1 : ends[k] + 1] = other[theirs[j - 1] + 1 : theirs[j] + 1]
        return out
    names = [t for t in parts if re.fullmatch(r"[A-Za-z_]\w*", t) and t not in KEYWORDS]
    for _ in range(50):
        k = rng.randrange(len(out))
        t = out[k]
        group = next((g for g in KINDS if t in g), None)
        if group is not None:
            out[k] = rng.choice(group)
        elif t.isdecimal():
            out[k] = rng.choice(("0", "1", "2", "3", "4", "9", "70000", "-1", "1 + 1", rng.choice(names or ["x"])))
        elif t in names:
            out[k] = rng.choice(names)
        else:
            continue
        break
    return out


def _mutate(parts: list[str], texts: list[str], rng: random.Random) -> list[str]:
    solid = [k for k, t in enumerate(parts) if t.strip() and not t.startswith("//")] or [0]
    k, j = rng.choice(solid), rng.choice(solid)
    out = list(parts) or [""]
    match rng.randrange(9):
        case 0:
            del out[k : k + 1]
        case 1:
            out.insert(k, out[k])
        case 2:
            out[k], out[j] = out[j], out[k]
        case 3:
            out[k] = rng.choice(WORDS)
        case 4:
            out.insert(k, f" {rng.choice(WORDS)} ")
        case 5:
            out[k] = out[j]
        case 6:  # a piece is moved, or comes twice
            a, b = sorted((k, j))
            piece = out[a : min(b, a + 12)]
            out[rng.choice(solid) : 0] = [" ", *piece, " "]
        case 7:  # a piece of another text
            other = tokens(rng.choice(texts))
            a = rng.randrange(max(1, len(other)))
            out[k : k + rng.randrange(3)] = [" ", *other[a : a + rng.randrange(1, 25)], " "]
        case _:
            a, b = sorted((k, j))
            del out[a : min(b, a + 20)]
    return out


def _noise(text: str, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(chars) + 1)
        match rng.randrange(3):
            case 0:
                chars.insert(at, chr(rng.choice((0, 7, 10, 27, 34, 92, 127, 233, 0x2028, 0x1F600, rng.randrange(128)))))
            case 1:
                del chars[at : at + rng.randrange(1, 4)]
            case _:
                chars[at : at + 1] = [chr(rng.randrange(32, 127))]
    return "".join(chars)
