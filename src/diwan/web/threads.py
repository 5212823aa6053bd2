"""Threads: a few for whoever reads, more for whoever writes.

Who reads is busy, and more threads than processors only take the interpreter from each other; who writes waits for the
disk together with others, and nobody who reads is to wait behind them.  Who asks is looked up before every page, so
that has threads of its own beside those of the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from litestar.concurrency import set_asyncio_executor

P = ParamSpec("P")
T = TypeVar("T")

_READING: Final = 8
_WRITING: Final = 32

_reading: Final[RunVar[CapacityLimiter]] = RunVar("diwan_reading")
_writing: Final[RunVar[CapacityLimiter]] = RunVar("diwan_writing")


def bound_pages() -> None:
    """Let pages be made by a few threads only; before anything is served."""
    set_asyncio_executor(ThreadPoolExecutor(_READING, thread_name_prefix="diwan-page"))


async def reading(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what reads, and return what it returns."""
    return await run_sync(partial(job, *args, **named), limiter=_limiter(_reading, _READING))


async def writing(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run what may wait for the write order, and return what it returns."""
    return await run_sync(partial(job, *args, **named), limiter=_limiter(_writing, _WRITING))


def _limiter(of: RunVar[CapacityLimiter], most: int) -> CapacityLimiter:
    try:
        return of.get()
    except LookupError:
        limiter = CapacityLimiter(most)
        of.set(limiter)
        return limiter
