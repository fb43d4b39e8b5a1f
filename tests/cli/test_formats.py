"""JSON, JUnit, annotations and text: valid, complete, and safe whatever a model says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
from cli.command import LARGE, kspec, lock

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "spec" / "result.schema.json").read_text())
CHECKS = (
    "check fine { TASKS = 2 } expect holds;",
    'check bad "a lock \\"broken\\" by 50%, on purpose" { broken = true } expect violates mutex;',
    "check wrong { broken = true } expect holds;",
    'scenario "two, three" { lock(Task#0); }',
)


def everything(folder: Path) -> None:
    """A model with every outcome but a fault."""
    lock(folder, *CHECKS)
    (folder / "large.kspec").write_text(LARGE)
    (folder / "syntax.kspec").write_text("kspec 1\nvar var var;\n")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_json_has_all_outcomes_and_fits_the_schema(tmp_path: Path) -> None:
    everything(tmp_path)
    done = kspec("check", ".", "--engine", "interp", "--timeout", "3", "--format", "json", cwd=tmp_path)
    assert done.returncode == 2
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["exit_code"] == 2
    by_name = {c["name"]: c for c in document["checks"]}
    assert by_name["fine"]["outcome"] == "met"
    assert {v["property"]: v["strength"] for v in by_name["fine"]["verdicts"]} == {
        "mutex": "exhausted", "busy": "reached", "deadlock": "exhausted",
    }  # fmt: skip
    assert by_name["fine"]["evidence"]["states"] == 3
    assert by_name["bad"]["outcome"] == "met"
    assert by_name["bad"]["traces"][0]["steps"] == 2
    assert Path(tmp_path / by_name["bad"]["traces"][0]["file"]).is_file()
    assert by_name["wrong"]["outcome"] == "unmet"
    assert by_name["wrong"]["place"]["line"] == 21
    assert by_name["two, three"]["kind"] == "scenario"
    large = next(c for c in document["checks"] if c["model"] == "large.kspec")
    assert large["outcome"] == "undecided" and large["verdicts"][0]["strength"] == "unknown"
    syntax = next(c for c in document["checks"] if c["model"] == "syntax.kspec")
    assert syntax["outcome"] == "invalid" and syntax["diagnostics"][0]["place"]["line"] == 2
    assert document["summary"] == {"total": 6, "met": 3, "unmet": 1, "undecided": 1, "invalid": 1, "fault": 0}


def test_json_in_a_file_leaves_the_text_on_standard_output(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)
    done = kspec("check", ".", "--format", "json", "--output", "out/result.json", cwd=tmp_path)
    jsonschema.validate(json.loads((tmp_path / "out" / "result.json").read_text()), SCHEMA)
    assert "violated mutex in 2 steps" in done.stdout


def test_text_in_a_file_is_what_a_pipe_gets(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)
    done = kspec("check", ".", "--output", "report.txt", cwd=tmp_path)
    assert (tmp_path / "report.txt").read_text() == done.stdout


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    lock(tmp_path, CHECKS[0])
    done = kspec("check", ".", "--output", "lock.kspec/report.txt", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_junit(tmp_path: Path) -> None:
    everything(tmp_path)
    kspec("check", ".", "--engine", "interp", "--timeout", "3", "--junit", "junit.xml", cwd=tmp_path)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6", "1", "2")
    assert sorted(s.get("name") or "" for s in root) == ["large.kspec", "lock.kspec", "syntax.kspec"]
    wrong = root.find(".//testcase[@name='wrong']")
    assert wrong is not None and wrong.get("line") == "21" and wrong.get("file") == "lock.kspec"
    failure = wrong.find("failure")
    assert failure is not None and "violated mutex in 2 steps" in (failure.get("message") or "")
    assert ".itf.json" in (failure.text or "")
    assert len(root.findall(".//error")) == 2


def test_annotations(tmp_path: Path) -> None:
    everything(tmp_path)
    done = kspec("check", ".", "--engine", "interp", "--timeout", "3", "--github", cwd=tmp_path)
    lines = [x for x in done.stdout.splitlines() if x.startswith("::")]
    assert len(lines) == 3
    assert any(re.match(r"::error file=lock.kspec,line=21,col=1,.*title=check wrong%3A expected", x) for x in lines)
    assert any(re.match(r"::error file=syntax.kspec,line=2,col=\d+,.*title=E\d+%3A", x) for x in lines)
    assert any(re.match(r"::warning file=large.kspec,title=check default%3A", x) for x in lines)


HOSTILE = """kspec 1
var x: 0..3;
action up() { x = x + 1; }
assert_placeholder
invariant low: x < 2, "\x1b[31mred \u202e <script>alert(1)</script> ]]> %0A::error::no {x}";
check c "::error::no\x1b]0;title\x07" { } expect holds;
""".replace("assert_placeholder\n", "")


def test_no_text_of_a_model_steers_a_terminal_or_a_report(tmp_path: Path) -> None:
    name = "evil\x1b[2J\n::error::x.kspec"
    (tmp_path / name).write_text(HOSTILE)
    done = kspec("check", name, "--junit", "j.xml", "--github", cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout + done.stderr
    commands = [x for x in done.stdout.splitlines() if x.startswith("::")]
    assert commands and all(re.match(r"::(error|warning) file=", x) for x in commands)
    ElementTree.parse(tmp_path / "j.xml")
    for file in (tmp_path / ".kspec").rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9_.\-]+", file.name)


def test_text_in_a_pipe_is_plain_and_not_wrapped(tmp_path: Path) -> None:
    long = "check " + "a" * 150 + " { TASKS = 2 } expect holds;"
    lock(tmp_path, long, CHECKS[0])
    done = kspec("check", ".", cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 4
    rows = done.stdout.splitlines()[:2]
    assert rows[0].startswith("ok") and rows[0].split()[2] == "a" * 150


def test_rows_are_in_a_stable_order(tmp_path: Path) -> None:
    lock(tmp_path, *(f"check c{n} {{ TASKS = {n % 3 + 1} }} expect holds;" for n in range(8)))
    lock(tmp_path, CHECKS[0], name="another.kspec")
    done = kspec("check", ".", "--jobs", "2", cwd=tmp_path)
    names = [x.split()[2] for x in done.stdout.splitlines() if x.startswith("ok")]
    assert names == ["fine", *(f"c{n}" for n in range(8))]
