"""Intake and reading on both engines at several sizes, beside the bare engine, in one run.

    ./dev python bench/register.py --entries 100000 1000000 --labels 500 5000 --layout spread clustered

Items are signed, audited and searchable, under Zipf-popular labels; readers may see about 0.1, 10 and 90 % of them.
Labels are spread over time, or clustered: a thousand entries in a row are then under a handful of labels.  Each size
continues the same register, so what is printed for 1,000,000 was measured with 1,000,000 in it.  The bare engine reads
the same rows of the same register with no filter; PostgreSQL's as a superuser, whom no row policy holds.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil
import psycopg

from diwan.house import House
from diwan.house.steady import keep_what_stands
from diwan.reading import Query
from diwan.registry.engines.sqlite_file import REGISTER
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import Server, running

READERS = {"0.1 %": 0.001, "10 %": 0.1, "90 %": 0.9}
WORDS = [
    "vessel",
    "storm",
    "grid",
    "malware",
    "convoy",
    "port",
    "outage",
    "drill",
    "beacon",
    "flood",
    "pipeline",
    "consult",
    "mission",
    "visa",
    "cable",
    "radar",
    "intake",
    "tanker",
    "dhow",
    "harbour",
    "spill",
    "fire",
    "smoke",
    "dust",
    "wind",
    "wave",
    "current",
    "crane",
    "berth",
    "pilot",
    "tug",
    "buoy",
    "reef",
    "channel",
]
BATCH = 1000
_INDEXED = "-c search_path=register " + " ".join(
    f"-c enable_{way}=off" for way in ("seqscan", "hashjoin", "mergejoin", "sort", "bitmapscan")
)
"""So that the bare page is read in the order of its index, whatever the planner knows of what was just filled."""
AIMS = {"sqlite": 2.0, "postgres": 5.0}
"""Milliseconds at p50 for every read but a search for several common words."""


def labels_of(count: int, rng: random.Random) -> tuple[list[Label], list[float]]:
    """Return labels and their Zipf weights; each reader's party is named in labels that add up to its share."""
    weights = [1 / (rank + 1) for rank in range(count)]
    total = sum(weights)
    parties: list[set[str]] = [{f"P{rank}"} for rank in range(count)]
    for number, share in enumerate(READERS.values()):
        left = share * total
        for rank in rng.sample(range(count), count):
            if weights[rank] <= left:
                parties[rank].add(f"R{number}")
                left -= weights[rank]
    made = [
        Label(
            "TLP",
            "UNCLASSIFIED",
            (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, tuple(named)),),
            Handling(tlp="TLP:AMBER"),
        )
        for named in parties
    ]
    return made, weights


def theirs(labels: list[Label]) -> list[Label]:
    """Return a label for each reader."""
    parties = [f"R{number}" for number in range(len(READERS))]
    return [next(label for label in labels if party in label.categories[0].values) for party in parties]


def drafts(number: int, count: int, rng: random.Random) -> Iterator[Draft]:
    """Yield drafts of the size and shape of a small alert."""
    for i in range(number, number + count):
        title = " ".join(rng.choices(WORDS, k=6))
        text = " ".join(rng.choices(WORDS, k=14)) + f" ref{i}"
        yield Draft(
            kind="crisis.alert",
            title=title,
            parts=(Part("alert.xml", "application/cap+xml", f"<alert>{title} {text}</alert>".encode().ljust(600)),),
            text=(text,),
            facets=(("severity", rng.choice(("Extreme", "Severe", "Minor"))), ("status", "Actual")),
            values=(f"incident={i // 40}",),
            aliases=(Alias("cap", f"bench,{i},x"),),
            brief=b'{"severity":"Severe"}',
        )


def timed(ask: Callable[[], object], times: int = 100) -> tuple[float, float]:
    """Return the median and the 99th percentile of `ask`, in milliseconds."""
    for _ in range(6):  # a statement is prepared when it was asked a few times
        ask()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - start) * 1e3)
    taken.sort()
    return statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.99))]


def main() -> None:
    """Run the benchmark and print its tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--labels", type=int, nargs="+", default=[500])
    options.add_argument("--layout", nargs="+", choices=["spread", "clustered"], default=["spread"])
    options.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    chosen = options.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch.chmod(0o711)  # the server runs under an account of its own
        server = None
        if "postgres" in chosen.engine:
            server = stack.enter_context(running(scratch / "server", durable=True))
        for labels in chosen.labels:
            for layout in chosen.layout:
                for engine in chosen.engine:
                    folder = scratch / f"{engine}-{labels}-{layout}"
                    run(folder, server if engine == "postgres" else None, sorted(chosen.entries), labels, layout)


def run(folder: Path, server: Server | None, sizes: list[int], label_count: int, layout: str) -> None:
    """Measure one engine at each size in turn."""
    rng = random.Random(7)
    engine, database = ("postgres", server.bare()) if server else ("sqlite", "")
    house = House(folder, Settings(keeper="NATO", hosted=("KWT",), postgres=database))
    hand = Hand(Reader("bench", "KWT"), frozenset({Role.DUTY_OFFICER}))
    labels, weights = labels_of(label_count, rng)
    keep_what_stands()  # as where it serves
    first: dict[tuple[str, str], float] = {}
    for size in sizes:
        print(f"\n{engine}, {size:,} entries, {label_count:,} labels, {layout}", flush=True)
        intake(house, hand, labels, weights, size, rng, clustered=layout == "clustered")
        bare = bare_page(folder, server.superuser_of(database) if server else "")
        reading(house, engine, bare, first)
    one_by_one(house, hand, labels[0], rng)
    house.close()
    if server:
        server.drop(database)
    print(f"resident memory of the node {psutil.Process().memory_info().rss / 1e6:,.0f} MB", flush=True)


def one_by_one(house: House, hand: Hand, label: Label, rng: random.Random) -> None:
    """Print the rate of single items, each durable before the next: by one hand, and by 20 hands that share commits."""
    for hands in (1, 20):
        waiting = list(drafts(rng.randrange(10**9, 10**10), (600 if hands == 1 else 6000), rng))
        start = time.perf_counter()
        with ThreadPoolExecutor(hands) as pool:
            list(pool.map(lambda draft: house.take(hand, draft, label, originator="KWT"), waiting))
        rate = len(waiting) / (time.perf_counter() - start)
        print(f"one item a commit, {hands} at once: {rate:,.0f} items/s, each fsynced before it is acknowledged")


def intake(
    house: House,
    hand: Hand,
    labels: list[Label],
    weights: list[float],
    size: int,
    rng: random.Random,
    *,
    clustered: bool,
) -> None:
    """Fill the register up to `size`, and print the rate of batches of a thousand."""
    done = house.room(hand.reader).count()
    many, spent = size - done, 0.0
    for at in range(done, size, BATCH):
        batch = list(drafts(at, min(BATCH, size - at), rng))
        some = rng.choices(labels, weights, k=5) if clustered else []
        if clustered and not at:
            some += theirs(labels)  # of a hundred batches none might be for the reader of a thousandth
        labelled = [(draft, rng.choice(some) if some else rng.choices(labels, weights)[0]) for draft in batch]
        start = time.perf_counter()
        house.take_all(hand, labelled, originator="KWT")
        spent += time.perf_counter() - start
    start = time.perf_counter()
    house.book.words.catch_up(everything=True)
    indexed = time.perf_counter() - start
    print(
        f"intake {many / spent:,.0f} items/s in batches of {BATCH:,}; {many / (spent + indexed):,.0f}/s with the word"
        " index built after it",
        flush=True,
    )


def bare_page(folder: Path, superuser: str) -> float:
    """Return the median milliseconds of a page of 50 rows, joined, with no filter, asked of the engine itself."""
    page = "SELECT * FROM stand s JOIN revision r ON r.position=s.revision WHERE s.until IS NULL AND s.since<{}"
    page += " ORDER BY s.since DESC LIMIT 50"
    if superuser:
        with psycopg.connect(superuser, autocommit=True, options=_INDEXED) as there:
            (last,) = there.execute("SELECT max(since) FROM stand").fetchone() or (0,)
            return timed(lambda: there.execute(page.format("%s"), [last], binary=True, prepare=True).fetchall())[0]
    with closing(sqlite3.connect(f"file:{folder / REGISTER}?mode=ro", uri=True)) as here:
        (last,) = here.execute("SELECT max(since) FROM stand").fetchone()
        return timed(lambda: here.execute(page.format("?"), [last]).fetchall())[0]


def asked_of(house: House, number: int) -> dict[str, Callable[[], Any]]:
    """Return the questions of one reader, by name."""
    room = house.room(Reader(f"reader{number}", f"R{number}"))
    items = room.page(limit=50)
    deep = items
    for _ in range(20):
        deep = room.page(cursor=deep.cursor) if deep.cursor else deep
    feed = room.changes(limit=500)
    while feed.more and number == 0:
        feed = room.changes(feed.cursor, limit=500)
    ref, first = items.items[0].ref, items.items[0]
    end = room.changes()
    return {
        "page": lambda: room.page(limit=50),
        "deep": lambda: room.page(cursor=deep.cursor, limit=50),
        "feed page": lambda: room.changes(feed.cursor, limit=50),
        "tail poll": lambda: room.changes(end.cursor, limit=50) if not end.more else room.page(limit=1),
        "count": lambda: room.count("crisis.alert"),
        "facets": lambda: room.facets(Query(), ["severity"], bound=200),
        "search": lambda: room.page(Query(words="harbour"), limit=50),
        "rare word": lambda: room.page(Query(words="ref77"), limit=50),
        "two words": lambda: room.page(Query(words="harbour flood"), limit=50),
        "point": lambda: room.get(ref),
        "related": lambda: room.related(first),
    }


def reading(house: House, engine: str, bare: float, first: dict[tuple[str, str], float]) -> None:
    """Print what each reader's questions take, as p50/p99; `first` are the medians at the first size."""
    print(f"bare engine, 50 rows joined, no filter: {bare:.2f} ms; p50/p99 in ms")
    late: list[str] = []
    for number, name in enumerate(READERS):
        took = {what: timed(ask) for what, ask in asked_of(house, number).items()}
        if number == 0:
            print(f"{'reader':8}" + "".join(f"{what:>13}" for what in took))
        print(f"{name:8}" + "".join(f"{median:>7.2f}/{high:<5.1f}" for median, high in took.values()), flush=True)
        for what, (median, high) in took.items():
            before = first.setdefault((name, what), median)
            if what != "two words" and median > AIMS[engine]:
                late.append(f"{name} {what} {median:.2f} ms")
            if high > 5 * median:
                late.append(f"{name} {what} p99 {high / median:.1f}x p50")
            if median > 2 * before:
                late.append(f"{name} {what} {median / before:.1f}x its first size")
        print(f"{'':8}page {took['page'][0] / bare:.1f}x the bare engine's")
    print("over the aims: " + ("; ".join(late) or "nothing"), flush=True)


if __name__ == "__main__":
    main()
