from __future__ import annotations

import gzip
import json
import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diwan.desks.cyber.calls.call import Call, Fault, Oversized
from diwan.desks.cyber.calls.line import Line, fetch
from diwan.desks.cyber.calls.poll import poll
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import State, due, health, resumed

sys.path.insert(0, str(Path(__file__).parent))
import taxii_peers as peers
from taxii_peers import COLLECTION, MEDIA, SECOND, START, Answer, Bench, Clock, Peer, indicator, served

DAY = 86_400 * SECOND


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with served() as bench:
        yield bench


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def line(client: httpx.Client, clock: Clock, **over: object) -> Line:
    told = Line(client, clock.now, clock.wait, random.Random(7).random)
    for name, value in over.items():
        setattr(told, name, value)
    return told


def source(bench: Bench, **over: object) -> Source:
    told = {"name": "peer", "root": bench.root, "collection": COLLECTION, "label": "TLP:GREEN", "page": 10}
    return msgspec.convert({**told, **over}, Source)


class Node:
    """Who polls: enters a page and its state together, and keeps the state as JSON, as a register would."""

    def __init__(self, line: Line, source: Source) -> None:
        self.line, self.source = line, source
        self.entered: list[bytes] = []
        self.kept = msgspec.json.encode(State())

    @property
    def state(self) -> State:
        return msgspec.json.decode(self.kept, type=State)

    def poll(self, *, crash: Callable[[], bool] = lambda: False, pages: int = 1_000) -> None:
        for page in poll(self.line, self.source, self.state, pages=pages):
            if crash():
                return
            self.entered += page.objects
            self.kept = msgspec.json.encode(page.state)


def filled(peer: Peer, count: int, *, at: int = START - DAY, apart: int = 1_000_003) -> list[bytes]:
    objects = [indicator(number) for number in range(count)]
    for number, raw in enumerate(objects):
        peer.hold(at + number * apart, raw)
    return objects


def node(bench: Bench, client: httpx.Client, peer: Peer, **over: object) -> Node:
    bench.peer = peer
    return Node(line(client, peer.clock), source(bench, **over))


def test_a_collection_is_read_to_its_end_byte_for_byte_and_then_asked_for_news_alone(
    bench: Bench, client: httpx.Client
) -> None:
    peer = Peer(Clock())
    objects = filled(peer, 25)
    reader = node(bench, client, peer)

    reader.poll()
    asked = len(peer.asks)
    peer.hold(START, new := indicator(99))
    reader.poll()

    assert reader.entered == [*objects, new]
    assert [ask.query.get("added_after") for ask in peer.asks[:asked]] == [None, None, None]
    assert [ask.query["added_after"] for ask in peer.asks[asked:]] == [peers.written(START - DAY + 24 * 1_000_003)]
    assert (reader.state.taken, reader.state.known, reader.state.walk) == (26, 0, None)


@pytest.mark.parametrize("kind", [peers.Medallion, peers.Undated, peers.Sieve, peers.Capped, peers.Silent])
def test_nothing_is_lost_or_said_twice_with_the_habits_of_known_servers(
    bench: Bench, client: httpx.Client, kind: type[Peer]
) -> None:
    peer = kind(Clock())
    objects = filled(peer, 25)
    reader = node(bench, client, peer, page=1_000 if kind is peers.Capped else 7)

    reader.poll()
    peer.clock.at += DAY
    peer.hold(peer.clock.at - 1, new := indicator(99))
    reader.poll()
    reader.poll()

    assert reader.entered == [*objects, new]
    assert reader.state.last_error == ""


@pytest.mark.parametrize("grain", [1, 1_000, SECOND])
@pytest.mark.parametrize("heard", [1, 1_000, SECOND])
def test_objects_that_share_a_cut_date_are_all_read_from_a_server_without_cursors(
    bench: Bench, client: httpx.Client, grain: int, heard: int
) -> None:
    peer = peers.Cursorless(Clock(), grain, heard)
    objects = [indicator(number) for number in range(60)]
    for number, raw in enumerate(objects):
        # Forty share one second, thirty of them one millisecond, twenty one microsecond.
        peer.hold(START - DAY + (0 if 10 <= number < 30 else number * (7 if number < 40 else 100_000)), raw)
    reader = node(bench, client, peer, page=4)

    reader.poll()

    assert Counter(reader.entered) == Counter(objects)
    assert (reader.state.doubt, reader.state.last_error) == ("", "")


def test_a_date_that_more_objects_share_than_the_server_ever_gives_is_passed_and_doubted_aloud(
    bench: Bench, client: httpx.Client
) -> None:
    peer = peers.Cursorless(Clock(), most=5)
    objects = [indicator(number) for number in range(9)]
    peer.hold(START - DAY, *objects[:8])
    peer.hold(START - DAY + SECOND, objects[8])
    reader = node(bench, client, peer, page=3)

    reader.poll()

    assert reader.entered == [*objects[:5], objects[8]]
    assert reader.state.doubt.startswith(f"More objects share the date {peers.written(START - DAY)}")
    assert health(reader.state, reader.source, START).state == "well"


def test_dates_are_taken_from_the_manifest_where_pages_tell_none(bench: Bench, client: httpx.Client) -> None:
    peer = peers.Dateless(Clock())
    objects = filled(peer, 12)
    reader = node(bench, client, peer, page=5)

    reader.poll()

    assert reader.entered == objects
    assert {ask.path.split("/")[-2] for ask in peer.asks} == {"objects", "manifest"}


def test_a_date_in_the_future_does_not_hide_what_is_added_before_it(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    objects = filled(peer, 5)
    peer.hold(START + 400 * DAY, future := indicator(77))
    reader = node(bench, client, peer)

    for number in range(3):
        reader.poll()
        peer.clock.at += 900 * SECOND
        peer.hold(peer.clock.at - SECOND, indicator(100 + number))
    reader.poll()

    assert reader.entered == [*objects, future, *(indicator(100 + number) for number in range(3))]


def test_an_object_shown_late_under_an_earlier_date_is_still_read(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.hold(START - SECOND, indicator(1))
    reader = node(bench, client, peer)

    reader.poll()
    peer.hold(START - 4 * SECOND, indicator(2))
    reader.poll()

    assert reader.entered == [indicator(1), indicator(2)]


def test_a_pager_that_never_ends_is_left_and_what_it_showed_is_kept(bench: Bench, client: httpx.Client) -> None:
    peer = peers.Circle(Clock())
    objects = filled(peer, 33)
    reader = node(bench, client, peer, page=3)

    reader.poll()

    assert set(reader.entered) == set(objects)
    assert len(peer.asks) < 3 * len(objects) // 3
    assert "goes in circles" in reader.state.last_error
    assert health(reader.state, reader.source, START).state == "failing"


def test_a_forgotten_cursor_is_replaced_by_a_date(bench: Bench, client: httpx.Client) -> None:
    peer = peers.Medallion(Clock())
    objects = filled(peer, 30)
    reader = node(bench, client, peer, page=4)

    reader.poll(pages=3)
    peer.forget()
    reader.poll()

    assert reader.entered == objects
    assert reader.state.last_error == ""


@pytest.mark.parametrize("page", [1, 2, 3, 4])
def test_a_page_that_was_thrown_away_as_it_was_sent_is_asked_for_by_date(
    bench: Bench, client: httpx.Client, page: int
) -> None:
    peer = peers.Medallion(Clock())
    objects = filled(peer, 30)
    reader = node(bench, client, peer, page=4)
    crashes = [True, *[False] * page]

    reader.poll(crash=crashes.pop)
    reader.poll(pages=1)
    for lost in poll(reader.line, reader.source, reader.state):
        reader.entered += lost.objects
        reader.kept = msgspec.json.encode(lost.state)
        peer.losing = len(peer.asks) % 3 == 0

    assert reader.entered == objects
    assert reader.state.last_error == ""


@pytest.mark.parametrize("kind", [peers.Old, peers.OldEquals])
def test_a_taxii_2_0_collection_is_read_in_ranges(bench: Bench, client: httpx.Client, kind: type[Peer]) -> None:
    peer = kind(Clock())
    objects = filled(peer, 25)
    reader = node(bench, client, peer, version="2.0", page=10)

    reader.poll()
    peer.hold(START, new := indicator(99))
    reader.poll()

    assert reader.entered == [*objects, new]


@pytest.mark.parametrize("spelling", ["application/taxii+json; version=2.1", "application/taxii+json", MEDIA])
def test_the_media_type_is_spelt_as_the_server_likes_it(bench: Bench, client: httpx.Client, spelling: str) -> None:
    peer = peers.Picky(Clock(), spelling)
    objects = filled(peer, 15)
    reader = node(bench, client, peer)

    reader.poll()

    assert reader.entered == objects
    assert [ask.headers["accept"] for ask in peer.asks][-2:] == [spelling] * 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_only_a_person_can_mend_is_asked_once_and_said(bench: Bench, client: httpx.Client, status: int) -> None:
    peer = Peer(Clock())
    objects = filled(peer, 3)
    peer.faults = [Answer(b'{"title":"No\\u202e way"}', status, {"Content-Type": MEDIA})]
    reader = node(bench, client, peer)

    reader.poll()
    stopped = health(reader.state, reader.source, START)
    reader.kept = msgspec.json.encode(resumed(reader.state))
    reader.poll()

    assert (stopped.state, stopped.due) == ("stopped", START + DAY)
    assert str(status) in stopped.said and "No� way" in stopped.said
    assert (len(peer.asks), peer.clock.waited, reader.entered) == (2, [], objects)
    assert health(reader.state, reader.source, START).state == "well"


def test_a_busy_server_is_asked_again_after_what_it_says(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    objects = filled(peer, 3)
    peer.faults = [Answer(b"", 429, {"Retry-After": "17"}), Answer(b"", 503), Answer(cut=True)]
    reader = node(bench, client, peer)

    reader.poll()

    assert reader.entered == objects
    assert peer.clock.waited[0] == 17
    assert [wait <= bound for wait, bound in zip(peer.clock.waited[1:], (2, 4), strict=True)] == [True, True]


def test_a_server_that_stays_away_is_left_alone_for_longer_and_longer(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b"", 503)] * 8 + [Answer(b"", 503, {"Retry-After": "7200"})]
    reader = node(bench, client, peer)
    reader.line.chance = lambda: 0.999

    waits = []
    for _ in range(3):
        reader.poll()
        waits.append(round((due(reader.state, reader.source, peer.clock.at) - peer.clock.at) / SECOND))

    assert waits == [899, 1798, 7200]
    assert (len(peer.asks), reader.state.failures) == (9, 3)
    assert health(reader.state, reader.source, peer.clock.at).state == "failing"


def test_a_source_that_never_comes_to_its_end_is_late(bench: Bench) -> None:
    told = health(State(tried=START, last_ok=START), source(bench), START + 2_701 * SECOND)

    assert (told.state, told.due) == ("late", START + 900 * SECOND)


def test_too_large_pages_are_halved_until_they_fit(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    objects = filled(peer, 40)
    reader = node(bench, client, peer, page=32)
    reader.line.most = 4_000

    reader.poll()

    assert reader.entered == objects
    assert [ask.query["limit"] for ask in peer.asks[:3]] == ["32", "16", "8"]


def test_a_gzip_bomb_costs_no_memory(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    peer.faults = [Answer(peers.bomb(100_000_000), 200, {"Content-Encoding": "gzip"})]

    tracemalloc.start()
    with pytest.raises(Oversized, match="answers more than 1000000 bytes"):
        fetch(line(client, peer.clock, most=1_000_000), Call(bench.root))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 20_000_000


def test_gzip_of_one_and_of_several_members_is_read(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    body = gzip.compress(b'{"title":') + gzip.compress(b'"two"}')
    peer.faults = [Answer(body, 200, {"Content-Encoding": "gzip"})]

    assert fetch(line(client, peer.clock), Call(bench.root)).body == b'{"title":"two"}'


def test_an_answer_that_trickles_in_for_ever_is_left(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    peer.faults = [Answer(b"{}")] * 4
    ticks = iter(range(0, 10**6, 301))

    with pytest.raises(Fault, match="takes longer than 300 s to answer"):
        fetch(Line(client, lambda: START + next(ticks) * SECOND, lambda _: None, lambda: 0.5), Call(bench.root))

    assert len(peer.asks) == 1


def test_a_server_that_says_nothing_is_asked_again_and_left(bench: Bench) -> None:
    peer = Peer(Clock())
    filled(peer, 1)
    peer.faults = [Answer(asleep=0.3)] * 4
    with httpx.Client(trust_env=False, timeout=0.1) as hasty:
        reader = node(bench, hasty, peer)

        reader.poll()

    assert reader.state.last_error.endswith("did not answer in time. Nothing was taken.")
    assert (len(peer.clock.waited), reader.state.failures, reader.entered) == (3, 1, [])


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:1/", "http://169.254.169.254/latest/", "https://example.org/", "//example.org/x", "ftp:/"],
)
def test_a_redirect_to_another_host_is_never_followed(bench: Bench, client: httpx.Client, target: str) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    peer.faults = [Answer(b"", 302, {"Location": target})]

    with pytest.raises(Fault, match="sends us to another host, which is never followed"):
        fetch(line(client, peer.clock, authorization="Bearer secret"), Call(bench.root))

    assert len(peer.asks) == 1


def test_a_redirect_to_the_same_host_is_followed_with_the_same_question(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    peer.faults = [Answer(b"", 301, {"Location": "/elsewhere/?x=y"}), Answer(b"{}")]

    fetch(line(client, peer.clock), Call(bench.root, (("limit", "5"),)))

    assert [(ask.path, ask.query) for ask in peer.asks] == [("/api/", {"limit": "5"}), ("/elsewhere/", {"limit": "5"})]


def test_redirects_in_a_ring_end(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    bench.peer = peer
    peer.faults = [Answer(b"", 308, {"Location": "/api/"})] * 10

    with pytest.raises(Fault, match="round and round"):
        fetch(line(client, peer.clock), Call(bench.root))

    assert len(peer.asks) == 4


@pytest.mark.parametrize(
    "address", ["http://example.org/", "http://10.0.0.1/", "https://u:p@example.org/", "file:///x"]
)
def test_an_address_without_tls_or_with_a_password_is_not_called(client: httpx.Client, address: str) -> None:
    with pytest.raises(Fault, match="neither https nor this machine"):
        fetch(line(client, Clock()), Call(address))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please log in</html>",
        b"[" * 1_000_000,
        b'{"objects":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b'{"objects":[' + b"0," * 5_000_000 + b"0]}",
        b"\xff" * 10_000_000,
        b'{"objects":{}}',
        b"",
    ],
)
def test_junk_is_refused_in_bounded_time_and_nothing_moves(bench: Bench, client: httpx.Client, body: bytes) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(body, 200, {"Content-Type": MEDIA})] * 8
    reader = node(bench, client, peer, page=1)

    reader.poll()

    assert (reader.entered, reader.state.since, reader.state.failures) == ([], "", 1)
    assert reader.state.last_error.endswith("Nothing was taken.")


def test_no_content_is_an_empty_page(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b"", 204)]
    reader = node(bench, client, peer)

    reader.poll()

    assert (reader.state.last_error, reader.state.last_ok, reader.state.since) == ("", START, "")


def test_what_is_no_object_is_counted_and_left(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b'\xef\xbb\xbf{"objects":[null, 1, %s, "x"]}' % indicator(1))]
    reader = node(bench, client, peer)

    reader.poll()

    assert (reader.entered, reader.state.odd) == ([indicator(1)], 3)


def test_real_objects_come_through_byte_for_byte(bench: Bench, client: httpx.Client) -> None:
    file = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix" / "attack-ics-18.1.json.gz"
    if not file.is_file():
        pytest.skip("shared STIX data is not beside the project")
    told = json.loads(gzip.decompress(file.read_bytes()))["objects"][:600]
    objects = [json.dumps(one, ensure_ascii=number % 2 == 0, indent=1).encode() for number, one in enumerate(told)]
    peer = peers.Cursorless(Clock())
    # A server filled in one go: all at one date.
    peer.hold(START - DAY, *objects)
    reader = node(bench, client, peer, page=100)

    reader.poll()
    asked = len(peer.asks)
    reader.poll()

    assert Counter(reader.entered) == Counter(objects)
    assert len(peer.asks) == asked + 1


KINDS: list[Callable[[Clock], Peer]] = [
    Peer,
    peers.Medallion,
    peers.Undated,
    peers.Dateless,
    peers.Silent,
    peers.Sieve,
    peers.Cursorless,
    lambda clock: peers.Cursorless(clock, 1_000, 1),
    lambda clock: peers.Cursorless(clock, 1, 1_000),
    lambda clock: peers.Cursorless(clock, SECOND, SECOND),
    peers.Old,
]
STEP = st.sampled_from([0, 0, 0, 1, 400, 1_000, 70_000, SECOND, 40 * SECOND])
BATCH = st.lists(STEP, max_size=12)
LATE = st.integers(0, 9_900_000)
FAULT = st.sampled_from(["none", "none", "busy", "cut", "gone", "forget", "crash", "crash", "junk", "lost"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(range(len(KINDS))),
    page=st.integers(1, 6),
    rounds=st.lists(st.tuples(BATCH, st.lists(LATE, max_size=4), st.lists(FAULT, max_size=6)), min_size=1, max_size=4),
    overlap=st.sampled_from([0, 10]),
)
def test_nothing_is_lost_and_nothing_entered_twice_across_cuts_restarts_and_faults(
    bench: Bench,
    client: httpx.Client,
    kind: int,
    page: int,
    rounds: list[tuple[list[int], list[int], list[str]]],
    overlap: int,
) -> None:
    clock = Clock()
    peer = KINDS[kind](clock)
    version = "2.0" if isinstance(peer, peers.Old) else "2.1"
    reader = node(bench, client, peer, page=page, overlap=overlap, version=version)
    held = list[bytes]()

    for batch, late, faults in rounds:
        for step in batch:
            clock.at += step
            held.append(indicator(len(held)))
            peer.hold(clock.at, held[-1])
        for back in late:
            held.append(indicator(len(held)))
            peer.arriving.append((back if overlap else 0, held[-1]))
        crashes = [fault == "crash" for fault in faults]
        for fault in faults:
            peer.faults += {
                "busy": [Answer(b"", 503)],
                "cut": [Answer(cut=True)],
                "gone": [Answer(b"", 503)] * 4,
                "junk": [Answer(b"<html>")],
            }.get(fault, [])
            peer.losing += fault == "lost"
            if fault == "forget" and isinstance(peer, peers.Medallion):
                peer.forget()
            reader.poll(crash=lambda: bool(crashes) and crashes.pop())  # noqa: B023 -- used up within this turn
        clock.at += SECOND
    peer.faults, peer.losing = [], 0
    for _ in range(3):
        reader.poll()
        clock.at += 400 * SECOND
    while peer.arriving:
        reader.poll()
    reader.poll()

    assert Counter(reader.entered) == Counter(held)
    assert (reader.state.last_error, reader.state.doubt) == ("", "")
