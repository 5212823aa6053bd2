from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from diwan.desks.cyber.calls.call import Fault
from diwan.desks.cyber.calls.line import Line
from diwan.desks.cyber.calls.protocol import (
    collection_of,
    collections_of,
    delete,
    discover,
    manifest_of,
    object_of,
    root_of,
    versions_of,
)
from diwan.desks.cyber.calls.push import Outcome, push
from diwan.desks.cyber.calls.resources import Collection, Discovery, Manifest, Record, read
from diwan.desks.cyber.calls.source import Source

sys.path.insert(0, str(Path(__file__).parent))
from taxii_peers import COLLECTION, MEDIA, Answer, Bench, Clock, Peer, Taker, indicator, served

TAKEN_ALREADY = (
    b'{"id":"x","status":"complete","failures":[{"id":"%s","message":"Object already added"}],"failure_count":1}'
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with served() as bench:
        yield bench


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def line(bench: Bench, client: httpx.Client, peer: Peer, **over: str) -> Line:
    bench.peer = peer
    return Line(client, peer.clock.now, peer.clock.wait, random.Random(7).random, **over)


def source(bench: Bench, **over: object) -> Source:
    told = {"name": "peer", "root": bench.root, "collection": COLLECTION, "direction": "push", "page": 100}
    return msgspec.convert({**told, **over}, Source)


def ident(number: int) -> str:
    return f"indicator--00000000-0000-4000-8000-{number:012d}"


def accepted(*numbers: int) -> list[Outcome]:
    return [Outcome(number, ident(number), "accepted") for number in numbers]


def posts(peer: Peer) -> list[int]:
    return [len(ask.body) for ask in peer.asks if ask.method == "POST"]


def test_objects_arrive_byte_for_byte_and_each_is_accounted_for(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock())
    objects = [indicator(number) for number in range(25)]

    told = list(push(line(bench, client, peer), source(bench, page=10), objects))

    assert told == accepted(*range(25))
    assert [raw for _, raw in peer.held] == objects
    assert len(posts(peer)) == 3
    assert {ask.headers["content-type"] for ask in peer.asks if ask.method == "POST"} == {MEDIA}


def test_a_slow_server_is_asked_until_it_has_decided(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock(), slow=4)

    told = list(push(line(bench, client, peer), source(bench), [indicator(0), indicator(1)]))

    assert told == accepted(0, 1)
    assert peer.clock.waited == [0.5, 1, 2, 4]


def test_what_is_undecided_at_the_deadline_is_pending(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock(), slow=10**6)

    told = list(push(line(bench, client, peer), source(bench), [indicator(0)], deadline=30))

    assert told == [Outcome(0, ident(0), "pending", "The server has not decided in time.")]
    assert 30 <= sum(peer.clock.waited) < 45


def test_batches_keep_to_the_length_that_the_root_names(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock(), longest=1_500)
    peer.content_length = 1_500

    told = list(push(line(bench, client, peer), source(bench), [indicator(number) for number in range(12)]))

    assert told == accepted(*range(12))
    assert len(peer.held) == 12
    assert [length <= 1_500 for length in posts(peer)] == [True] * 3


def test_too_long_a_batch_is_halved_down_to_the_one_object_that_never_fits(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock(), longest=1_500)
    objects = [indicator(number, note="x" * 2_000 if number == 5 else "") for number in range(8)]

    told = list(push(line(bench, client, peer), source(bench), objects))

    assert [one for one in told if one.number != 5] == accepted(0, 1, 2, 3, 4, 6, 7)
    assert (told[5].id, told[5].state, "413" in told[5].reason) == (ident(5), "refused", True)
    assert {raw for _, raw in peer.held} == {raw for number, raw in enumerate(objects) if number != 5}


@pytest.mark.parametrize("habit", ["details", "counts", "422", "500"])
def test_one_bad_object_keeps_no_other_out(bench: Bench, client: httpx.Client, habit: str) -> None:
    peer = Taker(Clock(), bad="host6.", told=habit)
    objects = [indicator(number) for number in range(11)]

    told = list(push(line(bench, client, peer), source(bench), objects))

    assert [one for one in told if one.number != 6] == accepted(*(number for number in range(11) if number != 6))
    assert (told[6].number, told[6].state, told[6].reason != "") == (6, "refused", True)
    assert {raw for _, raw in peer.held} == {raw for number, raw in enumerate(objects) if number != 6}


def test_a_server_that_breaks_on_everything_leaves_all_pending_after_few_tries(
    bench: Bench, client: httpx.Client
) -> None:
    peer = Taker(Clock(), bad="indicator", told="500")

    told = list(push(line(bench, client, peer), source(bench), [indicator(number) for number in range(64)]))

    assert [(one.number, one.state) for one in told] == [(number, "pending") for number in range(64)]
    assert len(posts(peer)) < 60


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_does_not_let_us_write_is_asked_once(bench: Bench, client: httpx.Client, status: int) -> None:
    peer = Taker(Clock())
    objects = [indicator(number) for number in range(30)]
    peer.faults = [Answer(b"", 404), Answer(b"", status)]

    told = list(push(line(bench, client, peer), source(bench, page=10), objects))

    assert [(one.number, one.state) for one in told] == [(number, "pending") for number in range(30)]
    assert f"answers {status}" in told[29].reason
    assert {(one.fault.status, one.fault.lasting) for one in told if one.fault} == {(status, True)}
    assert len(posts(peer)) == 1


def test_how_long_a_server_asks_us_to_stay_away_is_told_with_what_is_left(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock())
    peer.faults = [Answer(b"", 404), Answer(b"", 503, {"Retry-After": "900"})]

    (told,) = push(line(bench, client, peer), source(bench), [indicator(0)])

    assert told.state == "pending"
    assert told.fault is not None
    assert (told.fault.lasting, told.fault.after) == (False, 900.0)


def test_what_the_server_has_already_is_accepted_though_it_calls_that_a_failure(
    bench: Bench, client: httpx.Client
) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b"{}"), Answer(TAKEN_ALREADY % ident(3).encode(), 202)]

    told = list(push(line(bench, client, peer), source(bench), [indicator(3)]))

    assert told == [Outcome(0, ident(3), "accepted", "Object already added")]


def test_a_status_names_versions_apart(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    failed = (
        b'{"id":"x","status":"complete","failures":[{"id":"%s","version":"2023-11-14T22:13:21Z"}]}' % ident(3).encode()
    )
    peer.faults = [Answer(b"{}"), Answer(failed, 202)]

    told = list(push(line(bench, client, peer), source(bench), [indicator(3), indicator(3, version=1)]))

    assert [one.state for one in told] == ["accepted", "refused"]


@pytest.mark.parametrize("name", ["nonsense", "indicator--another", ""])
def test_a_refusal_is_not_missed_though_the_status_names_it_in_its_own_way(
    bench: Bench, client: httpx.Client, name: str
) -> None:
    peer = Peer(Clock())
    told = b'{"status":"complete","failures":[{"id":"%s","version":"2026-01-01T00:00:00Z","message":"no UUID"}]}'
    peer.faults = [Answer(b"{}"), Answer(told % name.encode(), 202)]

    outcomes = list(push(line(bench, client, peer), source(bench), [b'{"type":"indicator","id":"nonsense"}']))

    assert outcomes == [Outcome(0, "nonsense", "refused", "no UUID")]


def test_a_status_that_names_ever_so_much_that_was_not_pushed_costs_little(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    strange = b",".join(b'{"id":"%032x"}' % number for number in range(200_000))
    said = b'{"status":"complete","pendings":[%s,{"id":"%s"}]}' % (strange, ident(3).encode())
    peer.faults = [Answer(b"{}"), Answer(said, 202)]
    objects = [indicator(number) for number in range(1_000)]
    begun = time.process_time()

    told = list(push(line(bench, client, peer), source(bench, page=1_000), objects))

    assert [one.number for one in told if one.state == "pending"] == [3]
    assert time.process_time() - begun < 4  # 200 million comparisons take longer


def test_an_answer_of_more_values_than_its_bytes_could_name_is_not_read() -> None:
    with pytest.raises(Fault, match="no TAXII manifest"):
        read(b'{"objects":[%s]}' % b",".join([b'{"id":""}'] * 100_000), Manifest, "https://peer.example/")


def test_a_status_that_would_lead_elsewhere_is_not_followed(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b"{}"), Answer(b'{"id":"../../admin","status":"pending"}', 202)]

    told = list(push(line(bench, client, peer), source(bench), [indicator(3)]))

    assert [one.state for one in told] == ["pending"]
    assert len(peer.asks) == 2


def test_nothing_to_push_posts_nothing(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock())

    assert list(push(line(bench, client, peer), source(bench), [])) == []
    assert posts(peer) == []


def test_a_server_is_discovered_and_its_relative_roots_are_made_whole(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    body = (
        b'{"title":"T","description":null,"default":"x","api_roots":["/api1/","https://taxii.example.org/api2/"],"n":1}'
    )
    peer.faults = [Answer(body)]

    told = discover(line(bench, client, peer), f"{bench.root}taxii2/")

    assert told == Discovery("T", None, None, "x", (bench.root[:-4] + "api1/", "https://taxii.example.org/api2/"))


def test_rights_that_are_null_or_text_are_stood(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    one = b'{"id":"a","title":"A","can_read":null,"can_write":"false"}'
    peer.faults = [Answer(b'{"collections":[%s,{"id":"b"}]}' % one), Answer(one), Answer(b"{}")]
    asked = line(bench, client, peer)

    assert collections_of(asked, bench.root) == (Collection("a", "A", can_write=False), Collection("b"))
    assert collection_of(asked, bench.root, "a") == Collection("a", "A", can_write=False)
    assert collections_of(asked, bench.root) == ()


def test_a_manifest_versions_and_one_object_are_read(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    raw = indicator(1)
    peer.faults = [
        Answer(b'{"objects":[{"id":"x","date_added":"2017-01-24T08:00:00.000000Z","version":"v","media_type":"m"}]}'),
        Answer(b'{"versions":["2017-01-24T08:00:00.000Z"]}'),
        Answer(b'{"objects":[%s]}' % raw),
        Answer(b'{"title":"root","max_content_length":"1000"}'),
    ]
    asked = line(bench, client, peer)

    assert manifest_of(asked, bench.root, "c", limit=5) == (Record("x", "2017-01-24T08:00:00.000000Z", "v"),)
    assert versions_of(asked, bench.root, "c", "x") == ("2017-01-24T08:00:00.000Z",)
    assert object_of(asked, bench.root, "c", "x", every=True) == (raw,)
    assert root_of(asked, bench.root).max_content_length == 1_000
    assert [(ask.path, ask.query) for ask in peer.asks[:3]] == [
        ("/api/collections/c/manifest/", {"limit": "5"}),
        ("/api/collections/c/objects/x/versions/", {}),
        ("/api/collections/c/objects/x/", {"match[version]": "all"}),
    ]


def test_an_object_is_deleted_at_its_own_address_whatever_it_is_called(bench: Bench, client: httpx.Client) -> None:
    peer = Taker(Clock())
    asked = line(bench, client, peer)

    delete(asked, bench.root, COLLECTION, ident(1))
    delete(asked, bench.root, COLLECTION, "../../../x", version="all")

    assert peer.gone[0] == f"/api/collections/{COLLECTION}/objects/{ident(1)}/"
    assert [ask.query for ask in peer.asks] == [{}, {"match[version]": "all"}]


def test_credentials_go_with_every_call_and_into_no_refusal(bench: Bench, client: httpx.Client) -> None:
    peer = Peer(Clock())
    peer.faults = [Answer(b"", 401, {"WWW-Authenticate": "Basic"})]

    with pytest.raises(Fault) as refused:
        root_of(line(bench, client, peer, authorization="Bearer very-secret"), bench.root)

    assert str(refused.value) == "127.0.0.1/api/ answers 401: the server does not know these credentials."
    assert peer.asks[0].headers["authorization"] == "Bearer very-secret"


def test_a_dead_server_is_tried_four_times_and_said(client: httpx.Client) -> None:
    clock = Clock()
    asked = Line(client, clock.now, clock.wait, lambda: 0.5)

    with pytest.raises(Fault, match=r"The line to 127\.0\.0\.1/ broke"):
        root_of(asked, "http://127.0.0.1:9/")

    assert clock.waited == [0.5, 1, 2]
