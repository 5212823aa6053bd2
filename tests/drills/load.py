"""Two hundred readers of different parties and clearances, and twenty writers, against a node that serves over HTTP.

    ./dev python -m tests.drills.load --minutes 10 --engine postgres [--processes 2]

Every answer is checked while it runs: what a reader is shown must name the reader in its title, and what a writer was
told is entered must be there for one whom it names and unknown to one whom it does not.  Prints the number of answers,
errors, wrong views and p50/p99 by question, the memory of the serving processes minute by minute, and what processor
time they and the clients took.  Exit code 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
from argon2 import PasswordHasher

from diwan.house import House
from diwan.people.accounts import open_account
from diwan.people.passwords import Passwords
from diwan.release.ceiling import Height
from diwan.settings import Settings
from diwan.terms.hand import Role
from diwan.terms.reader import Clearance

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import running

PARTIES = [f"P{number:02}" for number in range(40)]
AUDIENCES = [sorted(random.Random(n).sample(PARTIES, (1, 2, 5, 20)[n % 4])) for n in range(60)]
"""As many as a network of forty parties uses; whoever comes to a label that is new costs every reader a look at it."""
LEVELS = ("", "RESTRICTED", "SECRET")
"""What a fifth of the items ask for besides the audience; a reader's clearance is one of them."""
ALERT = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>load-{name}</identifier>
<sender>load@example.org</sender><sent>2017-01-24T08:00:00+03:00</sent><status>Actual</status><msgType>Alert</msgType>
<scope>Public</scope><info><language>en</language><category>Met</category><event>Storm</event>
<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty><headline>{title}</headline>
<description>{words}</description><area><areaDesc>Northern Gulf</areaDesc></area></info></alert>"""
WORDS = ("vessel", "storm", "grid", "convoy", "port", "outage", "drill", "beacon", "flood", "harbour", "tanker", "reef")


class Told:
    """What was answered, by question."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self.wrong: list[str] = []
        self.errors: Counter[str] = Counter()
        self.entered: list[tuple[str, str, str]] = []
        self.busy: list[float] = []


class Person:
    """A reader or writer: a party, a clearance, a token, and the one connection over which they ask.

    By hand: of a client library's pool, two hundred connections took twice the processor time that the node did.
    """

    def __init__(self, party: str, level: int, token: str) -> None:
        self.party, self.level, self.token = party, level, token
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        try:
            self._line = self._line or await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            reads, writes = self._line
            head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self.token}\r\n"
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            writes.write(head.encode() + body)
            first, *fields = (await reads.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            (length,) = (int(field[15:]) for field in fields if field.lower().startswith("content-length:"))
            return int(first.split()[1]), await reads.readexactly(length)
        except (OSError, EOFError):
            if self._line:
                self._line[1].close()
            self._line = None
            raise

    def may(self, title: str) -> bool:
        """Return whether an item with this title is theirs to see: `for P01,P02 at 1 by P03 ...`."""
        _, named, _, level, _, by, *_ = title.split()
        return int(level) <= self.level and (by == self.party or self.party in named.split(","))


async def ask(port: int, told: Told, who: Person, what: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Return the status of an answer, 0 where there was none, and what it says."""
    begun = time.perf_counter()
    try:
        sent = b"" if body is None else msgspec.json.encode(body)
        status, said = await who.ask(port, "GET" if body is None else "POST", path, sent)
    except (OSError, EOFError) as wrong:
        told.errors[f"{what}: {type(wrong).__name__}"] += 1
        return 0, None
    told.took[what].append((time.perf_counter() - begun) * 1e3)
    if status >= 500 or (status >= 400 and status != 404):
        told.errors[f"{what}: {status} {said[:120].decode()}"] += 1
    return status, msgspec.json.decode(said) if said else None


async def read(port: int, told: Told, who: Person, until: float, rng: random.Random) -> None:
    """Ask one thing after another, as a duty officer's screen and a program would, and check what is shown."""
    cursor = ""
    while time.monotonic() < until:
        what = rng.choice(("page", "page", "feed", "feed", "search", "count", "point", "hidden"))
        if what == "feed":
            status, feed = await ask(port, told, who, what, f"/api/changes?limit=50{cursor}")
            if status == 200:
                cursor = f"&cursor={feed['cursor']}"
                check(told, who, [change["item"] for change in feed["changes"] if change["item"]])
        elif what in ("page", "search"):
            words = f"&q={rng.choice(WORDS)}" if what == "search" else ""
            status, page = await ask(port, told, who, what, f"/api/items?limit=50{words}")
            if status == 200:
                check(told, who, page["items"])
        elif what == "count":
            await ask(port, told, who, what, "/api/count")
        elif told.entered:
            originator, ident, title = rng.choice(told.entered[-2000:])
            status, _ = await ask(port, told, who, "point", f"/api/items/{originator}/{ident}")
            if status in (200, 404) and (status == 200) != who.may(title):
                told.wrong.append(f"{who.party}/{who.level} was answered {status} for {title!r}")
        await asyncio.sleep(rng.random())


def check(told: Told, who: Person, items: list[dict[str, Any]]) -> None:
    told.wrong.extend(f"{who.party}/{who.level} saw {one['title']!r}" for one in items if not who.may(one["title"]))


async def write(port: int, told: Told, who: Person, until: float, rng: random.Random, n: int) -> None:
    """Enter one item after another, each under a label of its own."""
    count = 0
    while time.monotonic() < until:
        count += 1
        named = rng.choice(AUDIENCES)
        level = rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 2))
        title = f"for {','.join(named)} at {level} by {who.party} number {n}-{count}"
        text = ALERT.format(name=f"{n}-{count}", title=title, words=" ".join(rng.choices(WORDS, k=12)))
        audience = {"tag": "Releasable To", "type": "PERMISSIVE", "values": named}
        label: dict[str, Any] = {"policy": "TLP", "classification": "UNCLASSIFIED", "categories": [audience]}
        label["handling"] = {"tlp": "TLP:AMBER"}
        if level:
            context = {"tag": "Context", "type": "PERMISSIVE", "values": ["NATO", "Releasable"]}
            label = {"policy": "NATO-EXAMPLE", "classification": LEVELS[level], "categories": [context, audience]}
        body = {"media_type": "application/cap+xml", "label": label, "text": text}
        status, entered = await ask(port, told, who, "enter", "/api/items", body)
        if status == 201:
            (ref,) = entered["items"]
            told.entered.append((ref["originator"], ref["id"], title))
        await asyncio.sleep(rng.random() * 0.5)


def lay(folder: Path, postgres: str, rng: random.Random) -> tuple[list[Person], list[Person]]:
    """Begin the node, and return its readers and writers."""
    heights = (Height("TLP", "UNCLASSIFIED"), Height("NATO-EXAMPLE", "SECRET"))
    settings = Settings(keeper="NATO", hosted=tuple(PARTIES), heights=heights, postgres=postgres)
    house = House(folder, settings)
    readers, writers = [], []
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))  # nobody signs in by a password here
    ends = house.clock() + 86_400_000_000
    for number in range(220):
        party, level = PARTIES[number % len(PARTIES)], 2 if number >= 200 else rng.choice((0, 0, 1, 2))
        cleared = (Clearance("NATO-EXAMPLE", LEVELS[level]),) if level else ()
        account = open_account(
            house.book,
            cheap,
            name=f"person{number}",
            shown=f"Person {number}",
            party=party,
            password=f"a password of {number} and more",
            by="console",
            clearances=cleared,
            roles=frozenset({Role.DUTY_OFFICER}) if number >= 200 else frozenset(),
        )
        token = house.doors.make_token(account, "load", ends, by="console")
        (writers if number >= 200 else readers).append(Person(party, level, token))
    house.close()
    parties = ", ".join(f'"{party}"' for party in PARTIES)
    tiers = (
        '{ policy = "TLP", classification = "UNCLASSIFIED" }, { policy = "NATO-EXAMPLE", classification = "SECRET" }'
    )
    (folder / "settings.toml").write_text(
        f'keeper = "NATO"\nhosted = [{parties}]\nheights = [{tiers}]\npostgres = {json.dumps(postgres)}\n', "utf-8"
    )
    return readers, writers


async def load(
    ports: list[int], readers: list[Person], writers: list[Person], minutes: float, watched: list[int]
) -> Told:
    """Let everyone ask for so many minutes, over all the processes that serve."""
    told, until, before = Told(), time.monotonic() + minutes * 60, busy(watched)
    async with asyncio.TaskGroup() as group:
        for n, who in enumerate(readers):
            group.create_task(read(ports[n % len(ports)], told, who, until, random.Random(n)))
        for n, who in enumerate(writers):
            group.create_task(write(ports[n % len(ports)], told, who, until, random.Random(1000 + n), n))
        group.create_task(tell_memory(until, watched, told))
    told.busy = [now - then for now, then in zip(busy(watched), before, strict=True)]
    return told


def busy(watched: list[int]) -> list[float]:
    """Return the seconds of processor time that each process took so far, this one last."""
    return [sum(psutil.Process(pid).cpu_times()[:2]) for pid in (*watched, os.getpid())]


async def tell_memory(until: float, watched: list[int], told: Told) -> None:
    while time.monotonic() < until:
        await asyncio.sleep(min(60, max(1, until - time.monotonic())))
        sizes = ", ".join(f"{psutil.Process(pid).memory_info().rss / 1e6:,.0f}" for pid in watched)
        print(f"  {len(told.entered):,} entered; resident MB of what serves: {sizes}", flush=True)


def main() -> int:
    """Run the drill and print what it gave."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--engine", choices=["sqlite", "postgres"], default="postgres")
    options.add_argument("--processes", type=int, default=1)
    chosen = options.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch.chmod(0o711)
        postgres = ""
        if chosen.engine == "postgres":
            postgres = stack.enter_context(running(scratch / "server", durable=True)).bare()
        readers, writers = lay(scratch / "node", postgres, random.Random(1))
        served, ports = [], []
        for _ in range(chosen.processes):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            command = [
                str(Path(sys.executable).parent / "diwan"),
                "serve",
                "--node",
                str(scratch / "node"),
                "--port",
                str(port),
            ]
            served.append(subprocess.Popen(command, env={**os.environ}))
            ports.append(port)
        try:
            for port in ports:
                wait_for(f"http://127.0.0.1:{port}")
            told = asyncio.run(load(ports, readers, writers, chosen.minutes, [one.pid for one in served]))
        finally:
            for process in served:
                process.terminate()
            codes = [process.wait(60) for process in served]
    return tell(told, codes, chosen)


def wait_for(address: str) -> None:
    for _ in range(240):
        try:
            if httpx.get(f"{address}/ready", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)
    raise SystemExit(f"{address} does not serve.")


def tell(told: Told, codes: list[int], chosen: argparse.Namespace) -> int:
    answers = sum(map(len, told.took.values()))
    print(f"{chosen.engine}, {chosen.processes} serving, {chosen.minutes:g} minutes, 200 readers, 20 writers")
    print(f"{answers:,} answers, {len(told.entered):,} items entered; exit codes {codes}")
    serving, asking = sum(told.busy[:-1]), told.busy[-1]
    print(
        f"processor seconds: {serving:,.0f} serving, {asking:,.0f} asking, in {chosen.minutes * 60:,.0f} on the clock"
    )
    for what, took in sorted(told.took.items()):
        took.sort()
        high = took[min(len(took) - 1, int(len(took) * 0.99))]
        print(f"  {what:8}{len(took):>9,}  p50 {statistics.median(took):7.1f} ms   p99 {high:7.1f} ms")
    print(f"errors: {dict(told.errors) or 0}; items in a wrong view: {len(told.wrong)} {told.wrong[:3] or ''}")
    return 1 if told.errors or told.wrong or any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
