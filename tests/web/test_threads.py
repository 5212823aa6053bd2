"""Who waits for whom among the threads."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from functools import partial

import pytest

from diwan.terms.errors import Crowded
from diwan.web.threads import at_the_door, exporting, probing, reading, writing


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


def test_nobody_who_is_in_waits_behind_passwords_and_no_crowd_of_them_gathers() -> None:
    free = threading.Event()

    async def ask() -> str:
        tried = [asyncio.create_task(at_the_door("192.0.2.1", free.wait, 20)) for _ in range(16)]
        await asyncio.sleep(0)
        with pytest.raises(Crowded):
            await at_the_door("192.0.2.1", free.wait, 20)
        other = asyncio.create_task(at_the_door("192.0.2.2", str, "let in"))
        entered = await asyncio.wait_for(writing(str, "entered"), 20)
        assert not other.done()
        free.set()
        assert all(await asyncio.gather(*tried))
        again = await at_the_door("192.0.2.1", str, "looked at")
        return f"{entered}, {await other}, {again}"

    assert asyncio.run(ask()) == "entered, let in, looked at"


def test_what_is_run_elsewhere_knows_what_its_request_noted() -> None:
    noted: ContextVar[str] = ContextVar("noted", default="nothing")

    async def ask() -> list[str]:
        noted.set("a request")
        return [await run(noted.get) for run in (reading, exporting, writing, probing, partial(at_the_door, ""))]

    assert asyncio.run(ask()) == ["a request"] * 5
