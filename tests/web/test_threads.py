"""Who waits for whom among the threads."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

from diwan.web.threads import exporting, probing, reading, writing


def test_nobody_waits_behind_exports_and_nobody_who_reads_behind_who_writes() -> None:
    free, held = threading.Event(), threading.Barrier(35)

    def wait() -> None:
        held.wait(20)
        free.wait(20)

    async def ask() -> list[str]:
        busy = [asyncio.create_task(exporting(wait)) for _ in range(2)]
        busy += [asyncio.create_task(writing(wait)) for _ in range(32)]
        await asyncio.to_thread(held.wait, 20)
        answers = [await asyncio.wait_for(reading(str, number), 20) for number in range(10)]
        free.set()
        await asyncio.gather(*busy)
        return answers

    assert asyncio.run(ask()) == [str(number) for number in range(10)]


def test_a_probe_is_answered_while_everybody_else_hangs() -> None:
    free, held = threading.Event(), threading.Barrier(37)

    def wait() -> None:
        held.wait(20)
        free.wait(20)

    async def ask() -> str:
        hung = [asyncio.create_task(run(wait)) for run in (reading, exporting) for _ in range(2)]
        hung += [asyncio.create_task(writing(wait)) for _ in range(32)]
        await asyncio.to_thread(held.wait, 20)
        answer = await asyncio.wait_for(probing(str, "well"), 20)
        free.set()
        await asyncio.gather(*hung)
        return answer

    assert asyncio.run(ask()) == "well"


def test_what_is_run_elsewhere_knows_what_its_request_noted() -> None:
    noted: ContextVar[str] = ContextVar("noted", default="nothing")

    async def ask() -> list[str]:
        noted.set("a request")
        return [await run(noted.get) for run in (reading, exporting, writing, probing)]

    assert asyncio.run(ask()) == ["a request"] * 4
