"""What is written to a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

from cli.command import KSPEC, LARGE, environment, kspec, lock

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(folder: Path, *arguments: str, interrupt_after: str = "", **env: str) -> tuple[int, str]:
    """Runs a command on a pseudo-terminal; Ctrl-C is typed once a text has appeared."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(KSPEC[0], [*KSPEC, *arguments], environment(**env))
    seen = b""
    deadline = time.monotonic() + 120
    typed = not interrupt_after
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                chunk = os.read(fd, 1 << 16)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        if not typed and interrupt_after.encode() in seen:
            os.write(fd, b"\x03")
            typed = True
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_colours_and_the_trace_at_the_width_of_the_terminal(tmp_path: Path) -> None:
    lock(tmp_path, "check wrong { broken = true } expect holds;")
    code, out = on_a_terminal(tmp_path, "check", "lock.kspec")
    assert code == 1
    assert COLOUR.search(out)
    plain = COLOUR.sub("", out).replace("\r", "")
    assert "FAILED" in plain and "VIOLATED" in plain


def test_no_color_is_honoured(tmp_path: Path) -> None:
    lock(tmp_path, "check wrong { broken = true } expect holds;")
    code, out = on_a_terminal(tmp_path, "check", "lock.kspec", NO_COLOR="1")
    assert code == 1
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", out)


def test_progress_is_shown_and_wiped(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    code, out = on_a_terminal(tmp_path, "check", "--engine", "interp", "--timeout", "3", "large.kspec")
    assert code == 3
    samples = re.findall(r"0/1 done, [0-9.]+ s\r?\n  default [0-9.]+ s: ([\d.]+k?) states, depth \d+, frontier \d", out)
    assert samples and (samples[-1].endswith("k") or int(samples[-1]) > 100)
    assert len(re.findall(r"\r(?:\x1b\[\d+A)?\x1b\[J", out)) >= len(samples)


def test_a_dumb_terminal_gets_no_control_sequences(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    _, out = on_a_terminal(tmp_path, "check", "--engine", "interp", "--timeout", "1", "large.kspec", TERM="dumb")
    assert "\x1b" not in out


def test_no_progress_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    done = kspec("check", "--engine", "interp", "--timeout", "1", "large.kspec", cwd=tmp_path)
    assert done.stderr == "" and "\r" not in done.stdout


def test_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    started = time.monotonic()
    code, out = on_a_terminal(tmp_path, "check", "--engine", "interp", "large.kspec", interrupt_after="frontier")
    assert code == 3 and time.monotonic() - started < 100
    assert "interrupted" in out and "Traceback" not in out
