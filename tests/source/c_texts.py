"""Small C files with comparison functions, and how they are asked about."""

from __future__ import annotations

from pathlib import Path

from kspec.conform.source.binding import Binding, assumption
from kspec.conform.source.order import Question, prove
from kspec.conform.source.proof import Answer

HEAD = """
struct rb_node { unsigned long parent; };
struct pool { struct rb_node node; int cpu; u64 stamp; unsigned short prio; struct owner *owner; };
struct owner { struct tag { int id; } tag; };
struct key { int cpu; u64 stamp; };
u64 owner_id(const struct owner *o);

"""

COMPARE = """static __always_inline int pool_cmp(const int cpu, const u64 stamp, const struct pool *right)
{
	if (cpu < right->cpu)
		return -1;
	if (cpu > right->cpu)
		return 1;
	if (stamp < right->stamp)
		return -1;
	return stamp > right->stamp;
}

#define to_pool(n) rb_entry((n), struct pool, node)

static inline bool pool_less(struct rb_node *a, const struct rb_node *b)
{
	struct pool *p = to_pool(a);
	return pool_cmp(p->cpu, p->stamp, to_pool(b)) < 0;
}

static int pool_find(const void *key, const struct rb_node *node)
{
	const struct key *k = key;
	const struct pool *b = to_pool(node);

	return pool_cmp(k->cpu, b->stamp, b);
}
"""


def ask(folder: Path, text: str, function: str, *given: str, unique: tuple[str, ...] = ()) -> list[Answer]:
    """All that is claimed of the functions in a text, in all configurations."""
    path = folder / "pool.c"
    path.write_text(HEAD + text)
    binding = Binding(function, given=tuple(map(assumption, given)), unique=frozenset(unique))
    return [a for o in prove(Question(path, binding, seconds=20)) for a in o.answers]


def found(answers: list[Answer]) -> dict[str, str]:
    """The claims and what became of them."""
    return {f"{a.about} {a.text}": a.status for a in answers}
