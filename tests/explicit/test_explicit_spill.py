"""States on disk when memory ends: the same result, within the memory that was allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from explicit.classic_systems import german, peterson
from explicit.comparing import Recorder
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.budgets import resident
from kspec.explicit.checkpoint import Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.spill import DiskError, Spill
from kspec.explicit.tuning import Tuning


@pytest.mark.parametrize("threads", [1, 2])
def test_exact_within_memory(tmp_path: Path, threads: int) -> None:
    """A million states in 20 MB, which are too few without a disk."""
    tight = Budget(memory=resident() + (20 << 20), threads=threads)
    without = ExplicitEngine().check(german(4), Goals(), tight, Recorder())
    assert (without.status, without.reason) == ("unknown", "memory")
    tight = replace(tight, memory=resident() + (20 << 20))
    result = ExplicitEngine(spill=tmp_path).check(german(4), Goals(), tight, Recorder())
    assert result.status == "exhausted"
    assert any("on disk" in n for n in result.notes)
    assert result.evidence is not None
    free = ExplicitEngine().check(german(4), Goals(), Budget(), Recorder())
    assert result.evidence == free.evidence
    assert list(tmp_path.iterdir()) == []


def test_counterexample_from_disk(tmp_path: Path) -> None:
    """Levels that are on disk are swept backwards like others."""
    system = peterson(4, levels=2)
    expected = ExplicitEngine().check(system, Goals(), Budget(), Recorder())
    tight = Budget(memory=resident() + (5 << 20))
    engine = ExplicitEngine(Tuning(slots=1 << 17), spill=tmp_path)
    result = engine.check(system, Goals(), tight, Recorder())
    assert result.findings == expected.findings
    assert result.evidence == expected.evidence


def test_resumed_onto_disk(tmp_path: Path) -> None:
    """A checkpoint that is too large for memory is read onto disk."""
    kept = Keeping(tmp_path / "kept", resume=True)
    first = ExplicitEngine(keeping=kept).check(
        german(4), Goals(), Budget(memory=resident() + (20 << 20)), Recorder()
    )
    assert first.reason == "memory"
    engine = ExplicitEngine(keeping=kept, spill=tmp_path)
    second = engine.check(german(4), Goals(), Budget(memory=resident() + (14 << 20)), Recorder())
    assert second.status == "exhausted", second
    assert second.evidence is not None
    assert second.evidence.states == 1105353


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """The reason is memory, and a note says what was wrong with the disk."""
    tight = Budget(memory=resident() + (20 << 20))
    engine = ExplicitEngine(spill=tmp_path / "none")
    result = engine.check(german(4), Goals(), tight, Recorder())
    assert (result.status, result.reason) == ("unknown", "memory")
    assert any("none" in n for n in result.notes)
    with pytest.raises(DiskError):
        from kspec.explicit.memory import Region

        Spill(tmp_path / "none").move(Region(1), 1)
