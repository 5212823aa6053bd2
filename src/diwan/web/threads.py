"""Threads: a few for whoever reads, two for what takes long, more for whoever writes, some at the door, one for probes.

Who reads is busy, and more threads than processors only take the interpreter from each other: SQLite gives it away
with every row.  Who asks a server waits as well, so there are some more for that.  Nobody is to wait behind somebody's
export of all that they may see.  Who writes waits for the disk together with others, and nobody who reads is to wait
behind them; a probe waits behind neither, for it has to answer when all of them hang.  A password takes a while to
check, on purpose, and anybody may send one: nobody who is in waits behind those, and only so many wait as are soon
looked at.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

from litestar.concurrency import get_asyncio_executor, set_asyncio_executor

from diwan.terms.errors import Crowded

P = ParamSpec("P")
T = TypeVar("T")

_EXPORTS: Final = ThreadPoolExecutor(2, thread_name_prefix="diwan-export")
_WRITERS: Final = ThreadPoolExecutor(32, thread_name_prefix="diwan-write")
_PROBES: Final = ThreadPoolExecutor(1, thread_name_prefix="diwan-probe")
_DOORS: Final = ThreadPoolExecutor(4, thread_name_prefix="diwan-door")
_CROWD: Final = 64
_OF_ONE: Final = 16
"""How many passwords wait to be checked at most, and how many of one address."""
_at_the_door: Final = Counter[str]()


def share_readers(count: int) -> None:
    """Let so many threads read, and the framework make its pages on them; before anything is served."""
    set_asyncio_executor(ThreadPoolExecutor(count, thread_name_prefix="diwan-read"))


async def reading(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what reads, and return what it returns."""
    return await _run(get_asyncio_executor(), partial(job, *args, **named))


async def exporting(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what reads as much as there is, and return what it returns."""
    return await _run(_EXPORTS, partial(job, *args, **named))


async def writing(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what may wait for the write order, and return what it returns."""
    return await _run(_WRITERS, partial(job, *args, **named))


async def probing(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what looks whether the node is well, and return what it returns."""
    return await _run(_PROBES, partial(job, *args, **named))


async def at_the_door(address: str, job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what checks a password that came from an address, and return what it returns.

    Raises:
        Crowded: as many as may wait do so already; the password was not looked at.
    """
    if _at_the_door[address] >= _OF_ONE or _at_the_door.total() >= _CROWD:
        raise Crowded("Too many try to sign in just now. You are not signed in; try again in a few seconds.")
    _at_the_door[address] += 1
    try:
        return await _run(_DOORS, partial(job, *args, **named))
    finally:
        _at_the_door[address] -= 1
        if not _at_the_door[address]:
            del _at_the_door[address]


async def _run(pool: ThreadPoolExecutor | None, job: Callable[[], T]) -> T:
    return await get_running_loop().run_in_executor(pool, copy_context().run, job)
