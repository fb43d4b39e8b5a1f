"""Measures how many bytes a state takes when there are very many, and how fast they are found.

    python bench/explicit/memory.py [--states 300000000] [--memory 24] [--out bench/results]

Explores a system of 10^9 states of one word each up to a number of states, on one thread.  The bytes of a
state follow from the layout: the state, 4 bytes for its parent, and 8 bytes for a slot of the table over the
share of slots in use (at most 85 %); the table says whether all 10^9 fit into the memory given (in GB).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cases import HERE, ROOT
from kspec.explicit.space import TIGHT
from tables import cpu_name, memory, replace

ALL = 10**9
STATE, PARENT, SLOT = 8, 4, 8


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--states", type=int, default=300_000_000)
    parser.add_argument("--memory", type=int, default=24)
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    args = parser.parse_args()
    settings = json.dumps({"DIGITS": "9", "BASE": "10"})
    command = [sys.executable, str(HERE / "search.py"), str(HERE / "toy.kspec"), "1", settings, str(args.states)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    a = json.loads(done.stdout)
    least = STATE + PARENT + SLOT / TIGHT
    row = {
        "command": " ".join(["python bench/explicit/memory.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cpu_name()}, {os.cpu_count()} cores, {memory()} GB",
        **a,
        "bytes_per_state": round(a["resident"] / a["states"], 1),
        "least_bytes_per_state": round(least, 1),
        "all_states_gb": round(least * ALL / 1e9, 1),
    }
    fits = "fit" if least * ALL <= args.memory * 2**30 else "do not fit"
    lines = ["# Memory of a large exploration", ""]
    lines += [f"- {k}: `{v}`" if k == "command" else f"- {k}: {v}" for k, v in row.items()]
    gb = least * ALL / 1e9
    lines += ["", f"One run.  A state takes {STATE} bytes, its parent {PARENT}, its share of the table at least"]
    lines += [f"{SLOT} / {TIGHT} bytes: {least:.1f} together.  10^9 states take {gb:.1f} GB (10^9 bytes);"]
    lines += [f"they {fits} into {args.memory} GB (2^30 bytes).  That is arithmetic: the run stopped where it says."]
    args.out.mkdir(parents=True, exist_ok=True)
    replace(args.out / "explicit-memory.json", json.dumps(row, indent=1) + "\n")
    replace(args.out / "explicit-memory.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
