"""What the machine says of this process: memory, processor time, open files; under the names Prometheus gives them."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Final

_OF_PROCESS: Final = Path("/proc/self")

Family = tuple[str, str, str, list[tuple[str, tuple[tuple[str, str], ...], float]]]


def process() -> list[Family]:
    """Return the families, in seconds and bytes; none on a machine without /proc.

    Source: proc_pid_stat(5); Prometheus, writing client libraries, process metrics.
    """
    try:
        # The name of the program stands in brackets and may hold anything.
        fields = (_OF_PROCESS / "stat").read_text().rpartition(")")[2].split()
        limits = (_OF_PROCESS / "limits").read_text().splitlines()
        most = next(line for line in limits if line.startswith("Max open files")).split()[3]
        files = len(list((_OF_PROCESS / "fd").iterdir()))
    except (OSError, StopIteration):
        return []
    ticks = os.sysconf("SC_CLK_TCK")
    user, system, started, size, pages = (int(fields[place - 3]) for place in (14, 15, 22, 23, 24))
    return [
        _one("process_cpu_seconds", "counter", "Processor time.", (user + system) / ticks),
        _one("process_resident_memory_bytes", "gauge", "Memory that is in use.", pages * os.sysconf("SC_PAGE_SIZE")),
        _one("process_virtual_memory_bytes", "gauge", "Memory that is addressed.", size),
        _one("process_start_time_seconds", "gauge", "When it began.", _begun(started / ticks)),
        _one("process_open_fds", "gauge", "Open files.", files),
        _one("process_max_fds", "gauge", "Files that may be open at most.", float(most.replace("unlimited", "inf"))),
    ]


@cache
def _begun(after_boot: float) -> float:
    """Return the instant that lies so many seconds after the machine's start; once, for a number that never moves."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + after_boot


def _one(name: str, sort: str, told: str, number: float) -> Family:
    return name, sort, told, [("_total" if sort == "counter" else "", (), number)]
