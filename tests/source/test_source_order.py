"""Claims about comparison functions in small C files: what is proved, what is refuted, what is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.cli.main import main
from kspec.lang.diagnostics import Failed
from source.c_texts import COMPARE, HEAD, ask, found


def test_a_tree_and_its_search_are_proved(tmp_path: Path) -> None:
    assert found(ask(tmp_path, COMPARE, "pool_cmp")) == {
        "pool_less is a strict weak order": "proved",
        "pool_find is monotone along pool_less": "proved",
    }


WRONG = {
    "less or equal": ("pool_cmp(p->cpu, p->stamp, to_pool(b)) < 0", "pool_cmp(p->cpu, p->stamp, to_pool(b)) <= 0"),
    "only the later key": ("pool_cmp(k->cpu, b->stamp, b)", "pool_cmp(b->cpu, k->stamp, b)"),
    "a key cut short": ("const u64 stamp, const", "const u32 stamp, const"),
    "two fields mixed": ("if (cpu > right->cpu)", "if (cpu > right->prio)"),
    "a case left out": ("	if (cpu > right->cpu)\n		return 1;\n", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_refuted_with_values(name: str, tmp_path: Path) -> None:
    old, new = WRONG[name]
    assert old in COMPARE
    answers = ask(tmp_path, COMPARE.replace(old, new), "pool_cmp")
    refuted = [a for a in answers if a.status == "refuted"]
    assert refuted and all(a.rows and a.outcomes for a in refuted)


def test_a_difference_is_no_comparison(tmp_path: Path) -> None:
    """It overflows; of unsigned shorts it does not."""
    text = "int by_{0}(const void *l, const void *r) {{ const struct pool *a = l, *b = r; return a->{0} - b->{0}; }}\n"
    cpu, prio = (found(ask(tmp_path, text.format(n), f"by_{n}")) for n in ("cpu", "prio"))
    assert cpu["by_cpu is a strict weak order"] == "refuted"
    assert set(prio.values()) == {"proved"}
    assert "by_prio gives the opposite result for exchanged operands" in prio


ACCESSOR = """bool by_owner(const struct pool *a, const struct pool *b)
{
#ifdef CONFIG_OWNERS
	if (a->owner != b->owner) {
		if (!a->owner || !b->owner)
			return !a->owner;
		return owner_id(a->owner) < owner_id(b->owner);
	}
#endif
	return a->stamp < b->stamp;
}
"""


def test_accessors_and_assumptions(tmp_path: Path) -> None:
    """Two owners with one id are neither less nor greater than one another, whatever their stamps."""
    free = ask(tmp_path, ACCESSOR, "by_owner")
    assert [a.status for a in free] == ["refuted", "proved"]  # with and without CONFIG_OWNERS
    assert any("owner_id(owner)" in r.path for r in free[0].rows)
    assert [a.status for a in ask(tmp_path, ACCESSOR, "by_owner", unique=("owner_id",))] == ["proved", "proved"]
    same = ask(tmp_path, ACCESSOR, "by_owner", "struct pool *p: p->owner == NULL")
    assert [a.status for a in same] == ["proved", "proved"]


OUTSIDE = {
    "for (;;) ;": "a `for` loop",
    "switch (a->cpu) { default: return 1; }": "`switch`",
    "goto out; out: return 0;": "`goto`",
    "a->cpu = 1; return 0;": "an assignment to anything but a local variable",
    "return a->owner->check(b);": "a call through a pointer",
    "return unknown_function(a);": "`unknown_function()`, whose declaration is not found,",
    "return a->cpu / b->cpu;": "`/` here",
    "return a->cpu < nr_cpus;": "`nr_cpus`, which is neither a local variable nor a macro of this file,",
    "if (a->cpu) return 1;": "a path without `return`",
    "int x = 1; { int x = 2; } return x;": "`x`, which hides another variable,",
    "return again(a, b);": "recursion",
    "return sizeof(*a) < 5;": "`sizeof(*a)`",
    "return ((a->cpu; }": "what could not be parsed",
}  # fmt: skip


@pytest.mark.parametrize("body", OUTSIDE)
def test_what_is_not_understood_is_named(body: str, tmp_path: Path) -> None:
    text = f"int again(const struct pool *a, const struct pool *b)\n{{\n\t{body}\n}}\n"
    with pytest.raises(Failed) as caught:
        ask(tmp_path, text, "again")
    (d,) = caught.value.diagnostics
    assert d.code == "E0903" and d.headline.startswith(OUTSIDE[body]), d.headline
    assert d.span is not None and d.span.file.endswith("pool.c")


MEMBER = {
    "return a->colour;": "`struct pool` has no member `colour`",
    "return a->owner->deeper->x;": "`struct owner` has no member `deeper`",
}


@pytest.mark.parametrize("body", MEMBER)
def test_members_that_are_not_found(body: str, tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        ask(tmp_path, f"int f(const struct pool *a, const struct pool *b) {{ {body} }}", "f")
    assert [(d.code, d.headline) for d in caught.value.diagnostics] == [("E0904", MEMBER[body])]


def command(*arguments: str) -> int:
    return main(["source", "order", *arguments])


def written(folder: Path, text: str = COMPARE) -> str:
    (folder / "pool.c").write_text(HEAD + text)
    return str(folder / "pool.c")


MODEL = """kspec 1
struct Key { cpu: -1..2; stamp: 0..3; }
var x: bool;
fun before(a: Key, b: Key): bool = a.cpu != b.cpu ? a.cpu < b.cpu : a.stamp < b.stamp;
fun wrong(a: Key, b: Key): bool = a.stamp != b.stamp ? a.stamp < b.stamp : a.cpu < b.cpu;
fun adds(a: Key, b: Key): bool = a.cpu + 1 < b.cpu;
fun one(a: Key): bool = a.cpu < 1;
"""
KEYS = ("--object", "struct pool *p", "--key", "cpu=p->cpu", "--key", "stamp=p->stamp")


def test_the_order_of_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    c = written(tmp_path)
    assert command("--file", c, "--function", "pool_cmp", "--model", f"{tmp_path}/m.kspec::before", *KEYS) == 0
    assert "proved   pool_less is the order of m.kspec::before" in capsys.readouterr().out
    assert command("--file", c, "--function", "pool_cmp", "--model", f"{tmp_path}/m.kspec::wrong", *KEYS) == 1
    output = capsys.readouterr().out
    assert "refuted  pool_less is the order of m.kspec::wrong" in output
    assert "a before b in the model" in output


BAD = {
    "E0901": ("--file", "missing.c", "--function", "f"),
    "E0902": ("--file", "pool.c", "--function", "pool_cmpp"),
    "E0905": ("--file", "pool.c", "--function", "pool_cmp", "--given", "struct pool *p: p->("),
    "E0906": ("--file", "pool.c", "--function", "pool_cmp", "--model", "m.kspec::adds", *KEYS),
    "E0907": ("--file", "pool.c", "--function", "pool_cmp", "--model", "m.kspec::before"),
    "E0908": ("--file", "pool.c", "--function", "owner_less"),
}


@pytest.mark.parametrize("code", BAD)
def test_wrong_use(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    written(tmp_path, COMPARE + "bool owner_less(int a) { return a; }\n")
    monkeypatch.chdir(tmp_path)
    assert command(*BAD[code]) == 2
    output = "".join(capsys.readouterr())
    assert f"error[{code}]" in output and "Traceback" not in output


@pytest.mark.parametrize(
    "options",
    [
        ("--object", "pool"), ("--given", "nothing"), ("--config", "CONFIG_X=m"), ("--model", "m.kspec"),
        ("--model", "m.kspec::one", *KEYS), ("--model", "m.kspec::befor", *KEYS), ("--key", "cpu=p->cpu"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert command("--file", "pool.c", "--function", "pool_cmp", *options) == 2
    assert "error[E090" in "".join(capsys.readouterr())


def test_a_file_of_bindings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    toml = tmp_path / "pool.toml"
    toml.write_text(
        'function = "pool_cmp"\nobject = "struct pool *p"\nmodel = "m.kspec::before"\n'
        '[key]\ncpu = "p->cpu"\nstamp = "p->stamp"\n'
    )
    assert command("--file", written(tmp_path), "--binding", str(toml)) == 0
    toml.write_text('funktion = "pool_cmp"\n')
    assert command("--file", written(tmp_path), "--binding", str(toml)) == 2
    assert "did you mean `function`?" in "".join(capsys.readouterr())
