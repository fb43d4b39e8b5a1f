"""What cannot be exported is refused with a diagnostic, and hostile names do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command import kspec, lock
from explicit.classic_systems import philosophers
from kspec.export import aiger
from kspec.export.formats import FORMATS
from kspec.lang.diagnostics import Failed


@pytest.mark.parametrize("form", FORMATS)
def test_a_property_that_there_is_not(form: str, tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("export", "lock.kspec", "--to", form, "-o", "out", "--property", "mutx", cwd=tmp_path)
    assert done.returncode == 2
    assert "E0701" in done.stderr and "did you mean `mutex`?" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_circuit_that_gets_too_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kspec.symbolic.encode.QUANTIFIED_NODES", 0)
    with pytest.raises(Failed, match="E0702"):
        aiger.write(philosophers(3))
