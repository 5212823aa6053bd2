"""What the TAXII bench measures of servers that run side by side, and the tables it prints."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path
from urllib.parse import quote

import msgspec
import psutil
from taxii_client import Server, Unanswered, Walk, push, repeat, walk

ABSENT = "opinion"
"""A type that no object here has."""
RATES = {"ingest": "validated ingest, 500 a POST", "limit=100": "poll, limit=100", "limit=1000": "poll, limit=1000"}
MILLISECONDS = ("match[id]", "match[type] absent", "tail poll", "bearer", "basic")
Given = Callable[[Server], tuple[object, ...]]


class Bench(msgspec.Struct):
    """The options of a run, and the processes that its clients live in."""

    pool: Pool
    rounds: int
    asks: int
    pages: int
    patience: float
    clients: int

    def alone(self, job: Callable[..., Walk], *given: object) -> Walk:
        """Run a job in one client."""
        return self.pool.apply(job, given)

    def together(self, job: Callable[..., Walk], *given: object) -> list[Walk]:
        """Run a job in all clients at once."""
        waiting = [self.pool.apply_async(job, given) for _ in range(self.clients)]
        return [one.get() for one in waiting]

    def least(self, server: Server, limit: int) -> int:
        """Return how many pages a server is asked for at most: a bare page goes on for ever."""
        return min(self.pages, -(-server.most // limit)) if server.bare else self.pages


class Figures(msgspec.Struct):
    """What was measured of one server; what could not be is told in `notes`."""

    name: str
    objects: int = 0
    cells: dict[str, float] = {}
    shown: dict[str, str] = {}
    notes: list[str] = []

    def put(self, name: str, value: float, shown: str) -> None:
        self.cells[name], self.shown[name] = value, shown


def ingest(bench: Bench, servers: Sequence[Server], figures: Mapping[str, Figures], file: Path, count: int) -> None:
    """Push the same objects to each server, once; each starts with an empty collection."""
    for server in servers:
        mine = figures[server.name]
        with noting(mine, "ingest"):
            if bench.alone(walk, server, 1, 1, bench.patience).objects:
                mine.notes.append("ingest not measured: the collection holds objects already")
                continue
            mine.put("idle", memory(server.port), "")
            done = bench.alone(push, server, file, min(count, server.most), bench.patience)
            rate = done.objects / (done.ended - done.began)
            mine.put("ingest", rate, f"{rate:,.0f}")
            if done.failed:
                mine.notes.append(f"{done.failed} objects of the push were reported as failures")
            if done.objects < min(count, server.most):
                mine.notes.append(f"the push stopped at {done.objects:,}: {bench.patience:,.0f} s were over")


def read_side(bench: Bench, servers: Sequence[Server], figures: Mapping[str, Figures]) -> None:
    """Measure every way of reading, the servers by turns; a first walk of each warms it up, and tells what it holds."""
    first: dict[str, Walk] = {}
    for server in servers:
        with noting(figures[server.name], "poll"):
            pages = bench.least(server, 1000)
            first[server.name] = bench.alone(walk, server, 1000, pages, bench.patience, not server.bare)
            figures[server.name].objects = first[server.name].objects
    servers = [server for server in servers if server.name in first and first[server.name].objects]
    for limit in (100, 1000):
        name = f"limit={limit}"
        done = by_turns(bench, servers, figures, name, walk, paging(bench, limit))
        for who, walks in done.items():
            figures[who].put(name, *rates(walks, figures[who].objects))
    for server in servers:
        with noting(figures[server.name], "clients"):
            at_once(bench, server, figures[server.name])
    full = [server for server in servers if not server.bare]
    questions(bench, full, figures, first)
    both_ways_in(bench, full, figures)
    for server in servers:
        figures[server.name].put("end", memory(server.port), "")


def paging(bench: Bench, limit: int) -> Given:
    return lambda server: (limit, bench.least(server, limit), bench.patience)


def at_once(bench: Bench, server: Server, figures: Figures) -> None:
    """Measure clients that poll side by side: all their objects over the time from the first start to the last end."""
    rounds = [bench.together(walk, server, *paging(bench, 100)(server)) for _ in range(bench.rounds)]
    per = [sum(w.objects for w in one) / (max(w.ended for w in one) - min(w.began for w in one)) for one in rounds]
    rate = statistics.median(per)
    figures.put("clients", rate, f"{rate:,.0f} · {spread([w for one in rounds for w in one])}")


def questions(
    bench: Bench, servers: Sequence[Server], figures: Mapping[str, Figures], first: Mapping[str, Walk]
) -> None:
    """Measure single questions: one object by id, a type that is absent, and what is new since the newest."""
    rng = random.Random(3)
    asked: dict[str, Callable[[Server], list[str]]] = {
        "match[id]": lambda s: [f"?match[id]={i}" for i in rng.choices(first[s.name].ids, k=bench.asks)],
        "match[type] absent": lambda _: [f"?match[type]={ABSENT}"] * bench.asks,
        "tail poll": lambda s: [f"?added_after={quote(first[s.name].newest)}&limit=100"] * bench.asks,
    }
    for name, paths in asked.items():

        def given(server: Server, paths: Callable[[Server], list[str]] = paths) -> tuple[object, ...]:
            return [f"{server.collection}objects/{path}" for path in paths(server)], bench.patience

        able = [server for server in servers if name != "tail poll" or first[server.name].whole]
        for who, walks in by_turns(bench, able, figures, name, repeat, given).items():
            figures[who].put(name, median_of(walks), f"{median_of(walks):.2f}")


def both_ways_in(bench: Bench, servers: Sequence[Server], figures: Mapping[str, Figures]) -> None:
    """Measure a page of ten by token and by password."""
    for name, secret in (("bearer", lambda s: s.bearer), ("basic", lambda s: s.basic)):

        def given(server: Server, name: str = name, secret: Callable[[Server], str] = secret) -> tuple[object, ...]:
            asked = [f"{server.collection}objects/?limit=10"] * bench.asks
            return asked, bench.patience, f"{name.title()} {secret(server)}"

        able = [server for server in servers if secret(server)]
        for who, walks in by_turns(bench, able, figures, name, repeat, given).items():
            figures[who].put(name, median_of(walks), f"{median_of(walks):.2f}")


def by_turns(
    bench: Bench,
    servers: Sequence[Server],
    figures: Mapping[str, Figures],
    name: str,
    job: Callable[..., Walk],
    given: Given,
) -> dict[str, list[Walk]]:
    """Run a job in rounds, each server once a round; one that spends its patience or fails gets no further round."""
    done: dict[str, list[Walk]] = {}
    out: set[str] = set()
    for _ in range(bench.rounds):
        for server in [server for server in servers if server.name not in out]:
            with noting(figures[server.name], name, out):
                one = bench.alone(job, server, *given(server))
                done.setdefault(server.name, []).append(one)
                if one.ended - one.began > bench.patience:
                    out.add(server.name)
    return done


@contextmanager
def noting(figures: Figures, name: str, out: set[str] | None = None) -> Iterator[None]:
    """Note what could not be measured instead of stopping the run."""
    try:
        yield
    except Unanswered as wrong:
        figures.notes.append(f"{name} not measured: {wrong}")
        if out is not None:
            out.add(figures.name)


def rates(walks: Sequence[Walk], whole: int) -> tuple[float, str]:
    """Return the median of the rounds' objects/s, and how it is shown: with the pages' p50 / p99 ms, and MB/s.

    A `~` says that the walks did not reach the collection's end.
    """
    per = [(one.objects / sum(one.times), one.octets / sum(one.times)) for one in walks]
    rate, octets = (statistics.median(column) for column in zip(*per, strict=True))
    mark = "" if all(one.objects >= whole for one in walks) else "~"
    return rate, f"{mark}{rate:,.0f} · {spread(walks)} · {octets / 1e6:,.1f}"


def spread(walks: Iterable[Walk]) -> str:
    times = sorted(seconds * 1e3 for one in walks for seconds in one.times)
    return f"{statistics.median(times):.2f} / {times[min(len(times) - 1, int(len(times) * 0.99))]:.1f}"


def median_of(walks: Sequence[Walk]) -> float:
    return statistics.median(seconds * 1e3 for one in walks for seconds in one.times)


def memory(port: int) -> float:
    """Return the MB (proportional set size) of the processes that listen on a port, with their children; 0: unseen."""
    held = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.laddr[1] == port]
    try:
        tree = {psutil.Process(one.pid) for one in held if one.pid}
        tree |= {child for process in tuple(tree) for child in process.children(recursive=True)}
        return sum(process.memory_full_info().pss for process in tree) / 1e6
    except psutil.Error:
        return 0


def print_figures(figures: Sequence[Figures], clients: int) -> None:
    """Print what each server did, and what could not be measured."""
    rows = []
    for one in figures:
        held = " → ".join(f"{one.cells[name]:,.0f}" for name in ("idle", "end") if one.cells.get(name))
        cells = (one.shown.get(name, "–") for name in (*RATES, "clients", *MILLISECONDS))
        rows.append([one.name, f"{one.objects:,}", *cells, held or "–"])
    print_table(["server", "objects", *heads(clients), "memory MB"], rows)
    print("\nRates: objects/s, then p50 / p99 ms of a page, then MB/s. The rest: p50 ms. ~: not to the end.\n")
    for one in figures:
        for note in one.notes:
            print(f"{one.name}: {note}")
    print(flush=True)


def print_ratios(ours: Figures, others: Sequence[Figures], clients: int) -> None:
    """Print how ours compares: rates as ours / theirs, times as theirs / ours."""
    rows = []
    for other in others:
        row = [other.name]
        for name in (*RATES, "clients", *MILLISECONDS):
            mine, theirs = ours.cells.get(name), other.cells.get(name)
            if name in MILLISECONDS:
                mine, theirs = theirs, mine
            row.append(f"{mine / theirs:,.3g}" if mine and theirs else "–")
        rows.append(row)
    print_table([f"{ours.name} is … times as fast as", *heads(clients)], rows)
    print(flush=True)


def heads(clients: int) -> list[str]:
    return [*RATES.values(), f"{clients} clients, limit=100", *MILLISECONDS]


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
