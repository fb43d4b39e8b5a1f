"""What a state costs, from what is allocated and touched when the table is as full as it gets before it grows."""

from __future__ import annotations

import ctypes
import mmap
import time

import pytest
from explicit.comparing import Recorder
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.budgets import Budgets, StopError
from kspec.explicit.memory import HUGE, Region
from kspec.explicit.search import Search
from kspec.explicit.space import FILL
from kspec.explicit.tiers import Tiers
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.lang.load import load_text
from kspec.lower.build import build

SLOTS = 1 << 20
ROOM = int(SLOTS * FILL)


def touched(region: Region) -> int:
    """The bytes of a region that are in memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.PAGESIZE
    pages = -(-region.size // page)
    there = (ctypes.c_ubyte * pages)()
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_ubyte)]
    assert libc.mincore(region.address, region.size, there) == 0
    return page * sum(x & 1 for x in bytes(there))


@pytest.mark.skipif(system_compiler() is None and tiny_compiler() is None, reason="no compiler")
@pytest.mark.parametrize(("cells", "values", "words", "most"), [(10, 10, 1, 24.0), (12, 1000, 2, 34.0)])
def test_bytes_for_each_state(cells: int, values: int, words: int, most: float) -> None:
    """At most 24 bytes for states of up to 64 bits with links to predecessors, 34 for up to 128 bits."""
    text = f"kspec 1\nvar x[0..{cells - 1}]: 0..{values - 1};\n"
    text += f"action up(i: 0..{cells - 1}) when x[i] < {values - 1} {{ x[i] = x[i] + 1; }}\ndeadlock off;\n"
    system = build(load_text(text), {})
    # A quarter of the slots first, so that the table is rebuilt once on the way.
    tuning = Tuning(slots=SLOTS // 4)
    budgets = Budgets(Budget(states=ROOM), Recorder(), time.monotonic())
    tiers = Tiers(system, 1, tuning, budgets.poll)
    search = Search(system, Goals(), budgets, tiers, tuning)
    try:
        with pytest.raises(StopError, match="states"):
            search.run()
        space = search.space
        assert space.sizes.words == words
        assert int(space.shared.slot_count) == SLOTS and len(space) == ROOM
        assert space.used / len(space) <= most
        # Nothing else grows with the number of states; what is touched ends on large pages.
        regions = (space.states, space.parents, space.slots, space.marks)
        memory = sum(map(touched, regions))
        assert space.used * 0.98 <= memory <= space.used + len(regions) * HUGE
    finally:
        tiers.close()
        search.space.close()
