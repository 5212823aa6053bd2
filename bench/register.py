"""Intake and reading at several sizes, beside the bare engine, in one run.

    ./dev python bench/register.py --entries 10000 100000 1000000 --labels 500

Items are signed, audited and searchable, under Zipf-popular labels; readers may see about 0.1, 10 and 90 % of them.
Each size continues the same register, so what is printed for 1,000,000 was measured with 1,000,000 in it.  The bare
engine reads the same rows of the same file with no filter.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from diwan.house import House
from diwan.reading import Query
from diwan.registry.engines.sqlite import REGISTER
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

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


def timed(ask: Callable[[], object], times: int = 60) -> tuple[float, float]:
    """Return the median and the 99th percentile of `ask`, in milliseconds."""
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
    options.add_argument("--labels", type=int, default=500)
    options.add_argument("--folder", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(chosen.folder or Path(scratch), sorted(chosen.entries), chosen.labels)


def run(folder: Path, sizes: list[int], label_count: int) -> None:
    """Measure at each size in turn."""
    rng = random.Random(7)
    house = House(folder, Settings(keeper="NATO", hosted=("KWT",)))
    hand = Hand(Reader("bench", "KWT"), frozenset({Role.DUTY_OFFICER}))
    labels, weights = labels_of(label_count, rng)
    for size in sizes:
        intake(house, hand, labels, weights, size, rng)
        reading(house, folder, size)
    one_by_one(house, hand, labels[0], rng)
    house.close()


def one_by_one(house: House, hand: Hand, label: Label, rng: random.Random) -> None:
    """Print the rate of single items, each durable before the next: by one hand, and by 20 hands that share commits."""
    for hands in (1, 20):
        waiting = list(drafts(rng.randrange(10**9, 10**10), 20 * 15 * hands, rng))
        start = time.perf_counter()
        with ThreadPoolExecutor(hands) as pool:
            list(pool.map(lambda draft: house.take(hand, draft, label, originator="KWT"), waiting))
        rate = len(waiting) / (time.perf_counter() - start)
        print(f"one item a commit, {hands} at once: {rate:,.0f} items/s, each fsynced before it is acknowledged")


def intake(house: House, hand: Hand, labels: list[Label], weights: list[float], size: int, rng: random.Random) -> None:
    """Fill the register up to `size`, and print the rates by one and by a thousand."""
    done = house.room(hand.reader).count()
    many = size - done
    start = time.perf_counter()
    for at in range(done, size, BATCH):
        batch = list(drafts(at, min(BATCH, size - at), rng))
        house.take_all(hand, [(draft, rng.choices(labels, weights)[0]) for draft in batch], originator="KWT")
    entered = time.perf_counter()
    house.book.words.catch_up(everything=True)
    indexed = time.perf_counter()
    print(
        f"\n{size:,} entries, {len(labels)} labels: intake {many / (entered - start):,.0f} items/s in batches of"
        f" {BATCH:,}; {many / (indexed - start):,.0f}/s with the word index",
        flush=True,
    )


def reading(house: House, folder: Path, size: int) -> None:
    """Print what each reader's questions take, beside the same rows read with no filter."""
    bare = sqlite3.connect(f"file:{folder / REGISTER}?mode=ro", uri=True)
    page = "SELECT * FROM stand s JOIN revision r ON r.position=s.revision WHERE s.until IS NULL AND s.since<?"
    (last,) = bare.execute("SELECT max(since) FROM stand").fetchone()
    limit, _ = timed(lambda: bare.execute(f"{page} ORDER BY s.since DESC LIMIT 50", [last]).fetchall())
    print(f"bare engine, 50 rows joined, no filter: {limit:.2f} ms")
    print(f"{'reader':8}{'items':>10}{'page':>14}{'deep page':>14}{'tail poll':>14}{'count':>14}{'search':>14}"
          f"{'rare word':>14}{'two words':>14}{'facets':>14}{'point':>14}{'related':>14}   (ms, p50/p99)")  # fmt: skip
    for number, name in enumerate(READERS):
        room = house.room(Reader(f"reader{number}", f"R{number}"))
        items = room.page(limit=50)
        deep = items
        for _ in range(20):
            deep = room.page(cursor=deep.cursor) if deep.cursor else deep
        feed = room.changes(limit=500)
        while feed.more and room.count() < 5000:
            feed = room.changes(feed.cursor, limit=500)
        ref = items.items[0].ref
        asked = {
            "page": lambda room=room: room.page(limit=50),
            "deep": lambda room=room, deep=deep: room.page(cursor=deep.cursor, limit=50),
            "tail": lambda room=room, feed=feed: room.changes(feed.cursor, limit=50),
            "count": lambda room=room: room.count("crisis.alert"),
            "search": lambda room=room: room.page(Query(words="harbour"), limit=50),
            "rare": lambda room=room: room.page(Query(words="ref77"), limit=50),
            "two": lambda room=room: room.page(Query(words="harbour flood"), limit=50),
            "facets": lambda room=room: room.facets(Query(), ["severity"], bound=200),
            "point": lambda room=room, ref=ref: room.get(ref),
            "related": lambda room=room, item=items.items[0]: room.related(item),
        }
        cells = [timed(ask) for ask in asked.values()]
        print(f"{name:8}{room.count():>10,}" + "".join(f"{a:>7.2f}/{b:<6.1f}" for a, b in cells), flush=True)
    bare.close()
    memory = psutil.Process().memory_info().rss / 1e6
    print(f"resident memory {memory:,.0f} MB; register {(folder / REGISTER).stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
