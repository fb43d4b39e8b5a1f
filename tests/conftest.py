"""Records what the campaigns did: with KSPEC_SOAK set, a table for each run in tests/soak/."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class SoakRecord:
    """Counts outcomes and time by test function; parametrised seeds count one by one."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: Counter[str] = Counter()
        self.details: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test."""
        name = report.nodeid.partition("[")[0]
        self.seconds[name] += report.duration
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[name][report.outcome] += 1
        if report.when == "call":
            self.details[name] |= {f"{k}: {v}" for k, v in report.user_properties}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes the table."""
        if not self.outcomes or hasattr(session.config, "workerinput"):
            return
        now = datetime.now(UTC)
        folder = HERE / "soak"
        folder.mkdir(exist_ok=True)
        lines = [
            f"# Campaigns of {now:%Y-%m-%d %H:%M} UTC",
            "",
            f"Commit {_commit()}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
            "Seeds are fixed in the tests: each parametrised seed counts as a test, in order from the first.",
            "",
            "| test | passed | failed | skipped | seconds | |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
        ]
        for name in sorted(self.outcomes):
            n = self.outcomes[name]
            more = "; ".join(sorted(self.details[name]))
            lines.append(
                f"| {name} | {n['passed']} | {n['failed']} | {n['skipped']} | {self.seconds[name]:.0f} | {more} |"
            )
        (folder / f"{now:%Y-%m-%d-%H%M}.md").write_text("\n".join(lines) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Records soak runs only."""
    if os.environ.get("KSPEC_SOAK"):
        config.pluginmanager.register(SoakRecord(), "soak-record")


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
