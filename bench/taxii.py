"""TAXII 2.1 beside its peers and beside what the machine can do, in one run.

    ./dev python bench/taxii.py --quick                          two minutes, with no peers
    ./dev python bench/taxii.py --sizes 10000 100000 1000000     and the growth of our own node
    ./dev python bench/taxii.py --peer name=http://user:password@127.0.0.1:9000/root/collections/ID/

One client drives every server: raw sockets in processes of their own, bodies read to the end, objects counted off the
clock. All servers run during the whole comparison and take their rounds by turns, so that what else the machine does
falls on each alike. A peer is measured as it stands: it has to be running, with an empty collection that takes pushes;
`--peer-command` may (re)start it so before each set of objects. Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import multiprocessing
import random
import shlex
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import uvicorn
from taxii_client import BATCH, Caller, Envelope, Server, Unanswered
from taxii_measures import Bench, Figures, ingest, print_figures, print_ratios, read_side

from diwan.desks.cyber.kinds.stix import MEDIA_TYPE
from diwan.desks.cyber.parse.schema import conforms
from diwan.house import House
from diwan.people.accounts import open_account
from diwan.settings import FILE
from diwan.terms.hand import Hand, Role
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

DATA = Path(__file__).parents[1] / ".." / "shared" / "data" / "stix"
REAL = ("attack-ics-18.1.json.gz", "attack-mobile-17.1.json.gz")
SHARES = {"0.1 %": 0.001, "10 %": 0.1, "90 %": 0.9, "100 %": 1.0, "100 %, first visit": 1.0}
"""Readers by what they may see; those but the last have read here before the register was filled."""
PASSWORD = "one password for the bench"
OURS = "this node"
Ways = dict[str, tuple[str, str]]
"""Account → what it shows as Basic, and its token."""


# Objects -----------------------------------------------------------------------------------------------------------


def real_objects() -> list[bytes]:
    """Return the objects of ATT&CK ICS 18.1 and Mobile 17.1; none where the files are not beside the project."""
    if not all((DATA / name).exists() for name in REAL):
        return []
    texts = (gzip.decompress((DATA / name).read_bytes()) for name in REAL)
    found = [bytes(raw) for text in texts for raw in msgspec.json.decode(text, type=Envelope).objects]
    return [msgspec.json.format(raw, indent=-1) for raw in found]


def indicators(begin: int, count: int) -> Iterator[bytes]:
    """Yield indicators of some 740 bytes, the same for the same number, valid by the schemas of STIX 2.1."""
    for number in range(begin, begin + count):
        rng = random.Random(number)
        made = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(2)]
        host = f"host-{number:08d}.example.net"
        day = f"2026-{rng.randint(1, 9):02d}-{rng.randint(10, 28)}T{rng.randint(10, 23)}:{rng.randint(10, 59)}:07.123Z"
        yield msgspec.json.encode(
            {
                "type": "indicator",
                "spec_version": "2.1",
                "id": f"indicator--{made[0]}",
                "created": day,
                "modified": day,
                "name": f"Beacon to {host}",
                "description": "Traffic to this name was seen shortly after the first stage had been unpacked there.",
                "indicator_types": ["malicious-activity"],
                "pattern": f"[domain-name:value = '{host}' AND network-traffic:dst_port = {rng.randint(1024, 65535)}]",
                "pattern_type": "stix",
                "valid_from": day,
                "confidence": rng.randint(10, 95),
                "kill_chain_phases": [{"kill_chain_name": "example-chain", "phase_name": "command-and-control"}],
                "external_references": [{"source_name": "bench", "external_id": made[1]}],
            }
        )


# Servers -----------------------------------------------------------------------------------------------------------


def peer(name: str, address: str, most: int) -> Server:
    """Return the peer at `http://user:password@127.0.0.1:port/root/collections/ID/#token`."""
    parts = urlsplit(address)
    held = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else ""
    return Server(name, parts.port or 80, parts.path.rstrip("/") + "/", coded(held), parts.fragment, most)


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode() if text else ""


def begin_node(folder: Path) -> Ways:
    """Begin a node with an account that enters objects, and one for each share of readers."""
    folder.mkdir(parents=True)
    (folder / FILE).write_text('keeper = "NATO"\nhosted = ["KWT"]\n', "utf-8")
    house = House(folder)
    roles = frozenset({Role.DUTY_OFFICER, Role.RELEASING_OFFICER})
    ways = {}
    for name, party in (("bench", "KWT"), *((f"reader{number}", f"R{number}") for number in range(len(SHARES)))):
        who = open_account(
            house.book,
            house.passwords,
            name=name,
            shown=name,
            party=party,
            password=PASSWORD,
            by="bench",
            roles=roles if party == "KWT" else frozenset(),
        )
        ends = house.clock() + 10 * 86_400_000_000
        ways[name] = coded(f"{name}:{PASSWORD}"), house.doors.make_token(who, "bench", ends, by="bench")
    house.close()
    return ways


@contextmanager
def running(command: Sequence[object], port: int) -> Iterator[None]:
    """Run a server in a process of its own until the block ends."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: subprocess.Popen[bytes] | None = None, seconds: float = 60) -> None:
    """Return when something listens on a port.

    Raises:
        Unanswered: nothing did in time.
    """
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and (process is None or process.poll() is None):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Unanswered(f"nothing listens on port {port}: not running")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def our_node(folder: Path) -> Iterator[int]:
    """Serve the node in `folder`, and yield its port."""
    port = free_port()
    program = Path(sys.executable).with_name("diwan")
    with running([program, "serve", "--node", folder, "--port", port], port):
        yield port


def at_our_node(port: int, way: tuple[str, str], name: str = OURS) -> Server:
    """Return the default collection of our node, as one account sees it."""
    listed = Caller(Server(name, port, "/taxii2/root/collections/", *way)).get("/taxii2/root/collections/").body
    found = msgspec.json.decode(listed)["collections"]
    return Server(name, port, f"/taxii2/root/collections/{found[0]['id']}/", *way)


@contextmanager
def ready_pages(objects: Sequence[bytes], scratch: Path) -> Iterator[Server]:
    """Serve a ready page of 100 or of 1,000 objects with uvicorn and nothing else."""
    for limit in (100, 1000):
        page = b'{"more":true,"next":"x","objects":[' + b",".join(objects[:limit]) + b"]}"
        (scratch / f"page{limit}").write_bytes(page)
    port = free_port()
    with running([sys.executable, __file__, "--serve-pages", scratch, port], port):
        yield Server("uvicorn, a ready page", port, "/collections/x/", "x", most=len(objects), bare=True)


def serve_pages(scratch: Path, port: int) -> None:
    """Be the server of ready pages."""
    pages = {limit: (scratch / f"page{limit}").read_bytes() for limit in (100, 1000)}
    heads = {limit: [(b"content-length", str(len(page)).encode())] for limit, page in pages.items()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        limit = 1000 if b"limit=1000" in scope["query_string"] else 100
        await send({"type": "http.response.start", "status": 200, "headers": heads[limit]})
        await send({"type": "http.response.body", "body": pages[limit]})

    uvicorn.run(app, port=port, log_level="warning", access_log=False, lifespan="off")


# Limits ------------------------------------------------------------------------------------------------------------


def bare_insert(objects: Sequence[bytes], scratch: Path) -> Figures:
    """Measure SQLite alone: number and bytes, WAL, one transaction a batch, as durable as the node."""
    engine = sqlite3.connect(scratch / "bare.sqlite", isolation_level=None)
    engine.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE o(seq INTEGER PRIMARY KEY, raw)"
    )
    start = time.perf_counter()
    for at in range(0, len(objects), BATCH):
        engine.execute("BEGIN IMMEDIATE")
        batch = objects[at : at + BATCH]
        engine.executemany("INSERT INTO o VALUES(?,?)", list(enumerate(batch, at)))
        engine.execute("COMMIT")
    rate = len(objects) / (time.perf_counter() - start)
    engine.close()
    figures = Figures("SQLite, number and bytes alone", len(objects))
    figures.put("ingest", rate, f"{rate:,.0f}")
    return figures


def schema_alone(objects: Sequence[bytes]) -> Figures:
    """Measure the schema check alone, as the node does it."""
    decoded = [msgspec.json.decode(text) for text in objects]
    for said in decoded:  # makes the validators
        conforms(said["type"], said)
    start = time.perf_counter()
    valid = sum(conforms(said["type"], said) for said in decoded)
    rate = len(objects) / (time.perf_counter() - start)
    figures = Figures("schema check alone", len(objects))
    figures.put("ingest", rate, f"{rate:,.0f}")
    if valid < len(objects):
        figures.notes.append(f"{len(objects) - valid} objects do not conform")
    return figures


# The run -----------------------------------------------------------------------------------------------------------


def side_by_side(bench: Bench, chosen: argparse.Namespace, name: str, objects: list[bytes], scratch: Path) -> None:
    """Compare our node with the peers and the limits on one set of objects."""
    mean = sum(map(len, objects)) / len(objects)
    print(f"\n## {name}: {len(objects):,} objects, mean {mean:,.0f} B, batches of {BATCH}\n", flush=True)
    scratch.mkdir(parents=True)
    file = scratch / "objects.ndjson"
    file.write_bytes(b"\n".join(objects) + b"\n")
    ways = begin_node(scratch / "node")
    peers = start_peers(chosen)
    with our_node(scratch / "node") as port, ready_pages(objects, scratch) as ready:
        ours = at_our_node(port, ways["bench"])
        figures = {server.name: Figures(server.name) for server in (ours, *peers, ready)}
        ingest(bench, [ours, *peers], figures, file, len(objects))
        read_side(bench, [ours, *peers, ready], figures)
    mine, *others = [*figures.values(), bare_insert(objects, scratch), schema_alone(objects)]
    print_figures([mine, *others], bench.clients)
    print_ratios(mine, others, bench.clients)


def start_peers(chosen: argparse.Namespace) -> list[Server]:
    """Return the peers that answer, their commands run first; say of the others that they do not."""
    given = dict(one.split("=", 1) for one in chosen.peer)
    commands = dict(one.split("=", 1) for one in chosen.peer_command)
    most = {name: int(count) for name, count in (one.split("=", 1) for one in chosen.peer_objects)}
    found = []
    for name in {**given, **commands}:
        address = given.get(name, "")
        if name in commands:
            done = subprocess.run(shlex.split(commands[name]), check=True, stdout=subprocess.PIPE, timeout=120)
            address = done.stdout.decode().strip().splitlines()[-1]
        server = peer(name, address, most.get(name, 10_000))
        try:
            wait_for(server.port, seconds=10 if name in commands else 1)
        except Unanswered:
            print(f"{name}: not measured: not running")
        else:
            found.append(server)
    return found


def labels_of(count: int) -> tuple[list[Label], list[float]]:
    """Return labels and their Zipf weights; each reader's party is named in labels that add up to its share."""
    rng, weights = random.Random(7), [1 / (rank + 1) for rank in range(count)]
    parties: list[set[str]] = [{f"P{rank}"} for rank in range(count)]
    for number, share in enumerate(SHARES.values()):
        left = share * sum(weights)
        for rank in rng.sample(range(count), count):
            if weights[rank] <= left + 1e-9:
                parties[rank].add(f"R{number}")
                left -= weights[rank]
    named = [(Category(RELEASABLE_TO, CategoryType.PERMISSIVE, tuple(those)),) for those in parties]
    return [Label("TLP", "UNCLASSIFIED", one, Handling(tlp="TLP:AMBER")) for one in named], weights


def fill(folder: Path, size: int, count: int) -> float:
    """Fill the node's register up to `size` indicators under Zipf-popular labels; return the rate, objects/s."""
    house, rng = House(folder), random.Random(size)
    hand = Hand(Reader("bench", "KWT"), frozenset({Role.RELEASING_OFFICER}))
    labels, weights = labels_of(count)
    known = [house.room(Reader(f"reader{number}", f"R{number}")).count() for number in range(len(SHARES) - 1)]
    begin, start = known[-1], time.perf_counter()
    for at in range(begin, size, BATCH):
        drafts = [house.draft(MEDIA_TYPE, text) for text in indicators(at, min(BATCH, size - at))]
        picked = rng.choices(labels, weights, k=len(drafts))
        house.take_all(hand, list(zip(drafts, picked, strict=True)), originator="KWT")
    rate = (size - begin) / (time.perf_counter() - start)
    house.book.words.catch_up(everything=True)
    house.close()
    return rate


def growth(bench: Bench, chosen: argparse.Namespace, scratch: Path) -> None:
    """Measure our own node at several sizes for readers who may see little, some and all of it."""
    folder = scratch / "growing"
    ways = begin_node(folder)
    for size in sorted(chosen.sizes):
        rate = fill(folder, size, chosen.labels)
        octets = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"\n## {size:,} indicators: filled at {rate:,.0f}/s; {octets / 1e6:,.0f} MB on disk\n", flush=True)
        with our_node(folder) as port:
            readers = [at_our_node(port, ways[f"reader{n}"], name) for n, name in enumerate(SHARES)]
            figures = {server.name: Figures(server.name) for server in readers}
            read_side(bench, readers, figures)
        print_figures(list(figures.values()), bench.clients)


def main() -> None:
    """Run what was asked for."""
    if sys.argv[1:2] == ["--serve-pages"]:
        serve_pages(Path(sys.argv[2]), int(sys.argv[3]))
        return
    asked = options()
    if "--quick" in sys.argv:
        asked.set_defaults(rounds=2, asks=50, sizes=[10_000], synthetic=2_000, patience=20)
    chosen = asked.parse_args()
    clients = multiprocessing.get_context("spawn").Pool(chosen.clients)
    with clients as pool, tempfile.TemporaryDirectory() as made:
        scratch = chosen.folder or Path(made)
        bench = Bench(pool, chosen.rounds, chosen.asks, chosen.pages, chosen.patience, chosen.clients)
        if objects := real_objects():
            side_by_side(bench, chosen, "ATT&CK ICS 18.1 and Mobile 17.1", objects, scratch / "real")
        else:
            print("ATT&CK: not measured: the files lie in ../shared/data/stix, which is not here")
        if chosen.synthetic:
            side_by_side(bench, chosen, "Indicators", list(indicators(0, chosen.synthetic)), scratch / "made")
        if chosen.sizes:
            growth(bench, chosen, scratch)


def options() -> argparse.ArgumentParser:
    """Return what can be asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="a TAXII 2.1 collection; #TOKEN behind it for bearer",
    )
    asked.add_argument(
        "--peer-command",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="starts it empty; last line: its address",
    )
    asked.add_argument(
        "--peer-objects", action="append", default=[], metavar="NAME=COUNT", help="objects it is given at most; 10000"
    )
    asked.add_argument("--synthetic", type=int, default=5_000, help="indicators in the comparison; 0: none")
    asked.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="sizes of our own node")
    asked.add_argument("--labels", type=int, default=500)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--asks", type=int, default=200, help="single questions a round")
    asked.add_argument("--pages", type=int, default=1_000, help="pages that one walk reads at most")
    asked.add_argument("--patience", type=float, default=60, help="seconds that one measurement is given")
    asked.add_argument("--clients", type=int, default=4)
    asked.add_argument("--folder", type=Path, help="where nodes are begun; a temporary folder otherwise")
    asked.add_argument("--quick", action="store_true", help="few rounds, small sets: about two minutes")
    return asked


if __name__ == "__main__":
    main()
