"""Other people's TAXII clients at a running node: taxii2-client, and the stores of stix2, by password and by token.

What they should get is known from what was entered alone: JSON values, compared as whole sets.
"""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import stix2
from requests.auth import AuthBase, HTTPBasicAuth
from stix2.datastore.filters import Filter
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION_TYPE
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE
from diwan.house import House
from diwan.release.marking import parse_marking
from diwan.terms.errors import Refused
from diwan.terms.hand import Hand, Role
from diwan.terms.reader import Reader

Json = dict[str, Any]
DAY = "2026-03-{:02d}T08:00:00.000Z"
ours = pytest.mark.parametrize("way", ["password", "token"])


class Token(AuthBase):
    """A token as RFC 6750 sends it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.secret}"
        return request


class Node(msgspec.Struct, frozen=True):
    """A running node, and its accounts' passwords and tokens."""

    address: str
    passwords: dict[str, str]
    tokens: dict[str, str]

    def auth(self, who: str, way: str = "token") -> AuthBase:
        return Token(self.tokens[who]) if way == "token" else HTTPBasicAuth(who, self.passwords[who])

    def server(self, who: str, way: str = "token") -> Server:
        return Server(f"{self.address}/taxii2/", auth=self.auth(who, way))

    def collection(self, who: str, way: str = "token") -> Collection:
        return root_of(self.server(who, way)).collections[0]


def root_of(server: Server) -> ApiRoot:
    (root,) = [root for root in server.api_roots if root.url.endswith("/taxii2/root/")]
    return root


# What is entered ---------------------------------------------------------------------------------------------------


def uuid_of(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def identity(number: int) -> Json:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{uuid_of(number)}",
        "created": DAY.format(1),
        "modified": DAY.format(1),
        "name": f"Harbour watch {number}",
        "identity_class": "organization",
    }


def indicator(number: int, day: int = 2, **more: Any) -> Json:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid_of(number)}",
        "created": DAY.format(2),
        "modified": DAY.format(day),
        "name": f"Beacon {number}, day {day}",
        "indicator_types": ["malicious-activity"],
        "pattern": f"[ipv4-addr:value = '198.51.100.{number % 250}']",
        "pattern_type": "stix",
        "valid_from": DAY.format(2),
        **more,
    }


def malware(number: int) -> Json:
    return {
        "type": "malware",
        "spec_version": "2.1",
        "id": f"malware--{uuid_of(number)}",
        "created": DAY.format(3),
        "modified": DAY.format(3),
        "name": f"Limpet {number}",
        "is_family": False,
    }


def indicates(number: int, source: Json, target: Json) -> Json:
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{uuid_of(number)}",
        "created": DAY.format(4),
        "modified": DAY.format(4),
        "relationship_type": "indicates",
        "source_ref": source["id"],
        "target_ref": target["id"],
    }


def domain(number: int) -> Json:
    return {
        "type": "domain-name",
        "spec_version": "2.1",
        "id": f"domain-name--{uuid_of(number)}",
        "value": f"beacon-{number}.example.net",
    }


def some(base: int) -> list[Json]:
    """Return 23 objects and one older version: things of every shape that TAXII tells apart."""
    named = [indicator(base + n) for n in range(12)]
    found = [malware(base + n) for n in range(4)]
    links = [indicates(base + n, named[n], found[n]) for n in range(4)]
    newer = indicator(base, day=9)
    return [identity(base), *named, newer, *found, *links, domain(base), domain(base + 1)]


COLLECTION = "7b0a1c52-3d7e-4f0b-9d52-5f6a2f1f9b11"
SHARED, OWN = some(0x1000), some(0x2000)
"""What KWT lets QAT read, and what it keeps to itself."""


# How it is compared ------------------------------------------------------------------------------------------------


def version_of(one: Json) -> str:
    return str(one.get("modified") or one.get("created") or "")


def same(objects: Iterable[Json]) -> list[str]:
    """Return a set of objects in the one form that can be compared; what comes twice stays twice."""
    return sorted(json.dumps(one, sort_keys=True) for one in objects)


def newest(objects: Iterable[Json]) -> list[Json]:
    return list({one["id"]: one for one in sorted(objects, key=version_of)}.values())


def versions(objects: Iterable[Json]) -> set[tuple[str, str]]:
    return {(one["id"], version_of(one)) for one in objects}


def every(ask: Callable[..., Json], per_request: int = 5, **asked: Any) -> list[Json]:
    """Return what all pages hold; a pager that does not end is stopped."""
    found: list[Json] = []
    for number, page in enumerate(as_pages(ask, per_request, **asked)):
        assert number < 1000, "the pages do not end"
        assert len(page.get("objects", ())) <= per_request
        found += page.get("objects", [])
    return found


def whole(collection: Collection) -> list[Json]:
    return every(collection.get_objects, 100, version="all")


# The node ----------------------------------------------------------------------------------------------------------


def diwan(*words: object) -> str:
    program = [str(Path(sys.executable).with_name("diwan")), *map(str, words)]
    return subprocess.run(program, capture_output=True, check=True, text=True).stdout.strip()


def begin(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    diwan("init", "--keeper", "KWT", "--node", folder)
    passwords, tokens = {}, {}
    roles = {"analyst": ("KWT", ["--role", "releasing officer"]), "partner": ("QAT", []), "outsider": ("JOR", [])}
    for name, (party, role) in roles.items():
        passwords[name] = diwan("user", "add", name, "--party", party, *role, "--node", folder).splitlines()[-1]
        tokens[name] = diwan("token", "add", name, "journey", "--node", folder).splitlines()[-1]
    return passwords, tokens


def running(folder: Path) -> Iterator[Node]:
    passwords, tokens = begin(folder)
    enter(folder, SHARED, "TLP:AMBER // Releasable to KWT, QAT")
    enter(folder, OWN, "TLP:AMBER // KWT ONLY")
    collect(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [str(Path(sys.executable).with_name("diwan")), "serve", "--node", str(folder), "--port", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Node(f"http://127.0.0.1:{port}", passwords, tokens)
    finally:
        process.terminate()
        process.wait(30)


def enter(folder: Path, objects: list[Json], marking: str) -> None:
    house = House(folder)
    hand = Hand(Reader("analyst at the console", "KWT"), frozenset({Role.RELEASING_OFFICER}))
    label = parse_marking(marking, house.rules().policies)
    drafts = [house.draft(MEDIA_TYPE, json.dumps(one).encode()) for one in objects]
    came = house.take_all(hand, [(draft, label) for draft in drafts], originator="KWT")
    assert [one for one in came if isinstance(one, Refused)] == []
    house.close()


def collect(folder: Path) -> None:
    """Enter a collection of malware, which partners may see, and into which KWT pushes what they may read."""
    house = House(folder)
    hand = Hand(Reader("analyst at the console", "KWT"), frozenset({Role.RELEASING_OFFICER}))
    marking = "TLP:AMBER // Releasable to KWT, QAT"
    said = {"id": COLLECTION, "title": "Malware at sea", "types": ["malware"], "push": marking}
    draft = house.draft(COLLECTION_TYPE, json.dumps(said).encode())
    house.take(hand, draft, parse_marking(marking, house.rules().policies), originator="KWT")
    house.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that is only read."""
    yield from running(tmp_path_factory.mktemp("read") / "node")


@pytest.fixture(scope="module")
def open_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that is also written to."""
    yield from running(tmp_path_factory.mktemp("written") / "node")


# Reading -----------------------------------------------------------------------------------------------------------


@ours
def test_a_client_finds_the_api_root_and_a_collection_it_can_read_and_write(node: Node, way: str) -> None:
    server = node.server("analyst", way)
    root = root_of(server)
    first = root.collections[0]

    assert server.title and root.title and first.title
    assert server.default is root
    assert "application/taxii+json;version=2.1" in root.versions
    assert root.max_content_length >= 1_000_000
    assert (first.can_read, first.can_write) == (True, True)
    assert first.media_types == ["application/stix+json;version=2.1"]
    again = Collection(first.url, auth=node.auth("analyst", way))
    assert (again.id, again.title) == (first.id, first.title)


def test_nobody_comes_in_with_a_wrong_password_or_no_token(node: Node) -> None:
    address = f"{node.address}/taxii2/root/collections/"
    tried = [None, HTTPBasicAuth("analyst", "not the password"), Token("not-a-token")]

    answers = [requests.get(address, auth=auth, timeout=30) for auth in tried]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert all(answer.headers["WWW-Authenticate"] for answer in answers)


@ours
def test_pages_of_objects_hold_each_newest_version_once_as_it_was_entered(node: Node, way: str) -> None:
    collection = node.collection("analyst", way)

    assert same(every(collection.get_objects)) == same(newest(SHARED + OWN))
    assert same(every(collection.get_objects, version="all")) == same(SHARED + OWN)
    assert same(every(collection.get_objects, version="first")) == same(
        one for one in SHARED + OWN if version_of(one) != DAY.format(9)
    )


@ours
def test_pages_of_the_manifest_name_every_version_once_and_end(node: Node, way: str) -> None:
    collection = node.collection("analyst", way)

    listed = every(collection.get_manifest, version="all")

    entered = versions(SHARED + OWN)
    assert len(listed) == len(entered)
    # What has no times of its own goes by the instant it was added.
    assert {(one["id"], one["version"]) for one in listed if not one["id"].startswith("domain-name")} == {
        (id, version) for id, version in entered if version
    }
    assert {one["id"] for one in listed} == {id for id, _ in entered}
    assert {one["media_type"] for one in listed} == {"application/stix+json;version=2.1"}
    added = [one["date_added"] for one in listed]
    assert added == sorted(set(added))


def test_a_reader_gets_exactly_the_half_that_is_released_to_it(node: Node) -> None:
    collection = node.collection("partner")

    assert same(every(collection.get_objects, version="all")) == same(SHARED)
    assert {one["id"] for one in every(collection.get_manifest)} == {one["id"] for one in SHARED}
    for one in newest(OWN):
        for ask in (collection.get_object, collection.object_versions):
            with pytest.raises(requests.HTTPError) as hidden:
                ask(one["id"])
            with pytest.raises(requests.HTTPError) as unknown:
                ask(one["id"].replace("-0000-", "-dead-"))
            told = [refusal.value.response for refusal in (hidden, unknown)]
            assert [answer.status_code for answer in told] == [404, 404]
            assert told[0].text.replace(one["id"], "") == told[1].text.replace(
                one["id"].replace("-0000-", "-dead-"), ""
            )
    assert same(every(collection.get_objects, id=[one["id"] for one in newest(OWN + SHARED)])) == same(newest(SHARED))


def test_a_reader_to_whom_nothing_is_released_gets_nothing(node: Node) -> None:
    collection = node.collection("outsider")

    assert every(collection.get_objects) == []
    assert every(collection.get_manifest) == []


@ours
def test_one_object_and_its_versions_are_found_by_id(node: Node, way: str) -> None:
    collection = node.collection("analyst", way)
    one = indicator(0x1000, day=9)

    assert collection.get_object(one["id"])["objects"] == [one]
    assert same(collection.get_object(one["id"], version="all")["objects"]) == same([indicator(0x1000), one])
    assert sorted(collection.object_versions(one["id"])["versions"]) == [DAY.format(2), DAY.format(9)]


@ours
def test_a_poll_by_added_after_goes_on_where_the_last_one_ended(node: Node, way: str) -> None:
    collection = node.collection("analyst", way)
    listed = every(collection.get_manifest, version="all")

    for at in (0, 7, len(listed) - 1):
        later = every(collection.get_objects, version="all", added_after=listed[at]["date_added"])
        assert [one["id"] for one in later] == [one["id"] for one in listed[at + 1 :]]


@ours
def test_a_stix_source_finds_by_id_by_type_and_by_filters(node: Node, way: str) -> None:
    source = stix2.TAXIICollectionSource(node.collection("analyst", way), items_per_page=5)
    entered, one = newest(SHARED + OWN), indicator(0x2000, day=9)

    def got(*filters: Filter) -> list[str]:
        return same(json.loads(found.serialize()) for found in source.query(list(filters)))

    def wanted(fits: Callable[[Json], bool]) -> list[str]:
        """Return what fits, as stix2 reads and writes it: it fills defaults in."""
        return same(json.loads(stix2.parse(that).serialize()) for that in entered if fits(that))

    assert source.get(one["id"]) == stix2.parse(one)
    assert source.get(f"malware--{uuid_of(0xDEAD)}") is None
    assert same(json.loads(found.serialize()) for found in source.all_versions(one["id"])) == same(
        json.loads(stix2.parse(that).serialize()) for that in (indicator(0x2000), one)
    )
    assert got() == wanted(lambda that: True)
    assert got(Filter("type", "=", "malware")) == wanted(lambda that: that["type"] == "malware")
    assert got(Filter("type", "=", "malware,identity")) == wanted(lambda that: that["type"] in ("malware", "identity"))
    assert got(Filter("type", "=", "indicator"), Filter("name", "=", "Beacon 4099, day 2")) == wanted(
        lambda that: that["name"] == "Beacon 4099, day 2" if that["type"] == "indicator" else False
    )
    assert got(Filter("version", "=", DAY.format(9))) == wanted(lambda that: version_of(that) == DAY.format(9))
    assert got(Filter("id", "=", domain(0x1000)["id"])) == wanted(lambda that: that["id"] == domain(0x1000)["id"])


# Writing -----------------------------------------------------------------------------------------------------------


@ours
def test_what_a_client_pushes_is_complete_and_comes_back_as_it_was(open_node: Node, way: str) -> None:
    collection = open_node.collection("analyst", way)
    before, pushed = whole(collection), some(0x3000 if way == "token" else 0x4000)

    status = collection.add_objects({"objects": pushed}, wait_for_completion=True, poll_interval=0.05)

    assert (status.status, status.total_count, status.success_count) == ("complete", len(pushed), len(pushed))
    assert (status.failures, status.pendings) == ([], [])
    again = root_of(open_node.server("analyst", way)).get_status(status.id)
    assert (again.id, again.status, again.success_count) == (status.id, "complete", len(pushed))
    assert same(whole(collection)) == same(before + pushed)


def test_what_is_pushed_again_is_no_failure_and_is_not_there_twice(open_node: Node) -> None:
    collection = open_node.collection("analyst")
    pushed = some(0x5000)
    collection.add_objects({"objects": pushed}, poll_interval=0.05)
    before = whole(collection)

    status = collection.add_objects({"objects": pushed}, poll_interval=0.05)

    assert (status.status, status.success_count, status.failure_count) == ("complete", len(pushed), 0)
    assert same(whole(collection)) == same(before)


def test_an_object_that_is_not_stix_fails_alone_and_the_others_are_entered(open_node: Node) -> None:
    collection = open_node.collection("analyst")
    before, good, bad = whole(collection), indicator(0x6000), indicator(0x6001, pattern_type=7)

    status = collection.add_objects({"objects": [good, bad]}, poll_interval=0.05)

    assert (status.status, status.success_count, status.failure_count) == ("complete", 1, 1)
    assert [one["id"] for one in status.failures] == [bad["id"]]
    assert same(whole(collection)) == same([*before, good])


@ours
def test_what_is_deleted_is_gone_from_every_answer(open_node: Node, way: str) -> None:
    collection = open_node.collection("analyst", way)
    before = whole(collection)
    base = 0x7000 if way == "token" else 0x8000
    two = [indicator(base), indicator(base, day=9)]
    collection.add_objects({"objects": [*two, malware(base)]}, poll_interval=0.05)
    assert same(whole(collection)) == same([*before, *two, malware(base)])

    collection.delete_object(two[0]["id"])

    assert same(whole(collection)) == same([*before, malware(base)])
    assert two[0]["id"] not in {one["id"] for one in every(collection.get_manifest, 100)}
    for ask in (collection.get_object, collection.object_versions, collection.delete_object):
        with pytest.raises(requests.HTTPError) as gone:
            ask(two[0]["id"])
        assert gone.value.response.status_code == 404


def test_a_reader_without_a_role_can_neither_push_nor_delete(open_node: Node) -> None:
    analyst, partner = open_node.collection("analyst"), open_node.collection("partner")
    before = whole(analyst)
    objects = f"{partner.url}objects/"
    media = {"Content-Type": "application/taxii+json;version=2.1", "Accept": "application/taxii+json;version=2.1"}

    pushed = requests.post(
        objects, json={"objects": [indicator(0x9000)]}, headers=media, auth=open_node.auth("partner"), timeout=30
    )
    deleted = requests.delete(f"{objects}{SHARED[0]['id']}/", headers=media, auth=open_node.auth("partner"), timeout=30)

    assert partner.can_write is False
    assert {pushed.status_code, deleted.status_code} <= {403, 404}
    assert same(whole(analyst)) == same(before)


@ours
def test_a_stix_store_gives_back_what_its_sink_was_given(open_node: Node, way: str) -> None:
    collection = open_node.collection("analyst", way)
    before = whole(collection)
    base = 0xA000 if way == "token" else 0xB000
    made = [stix2.parse(one) for one in (identity(base), malware(base), indicator(base))]
    store = stix2.TAXIICollectionStore(collection, items_per_page=5)

    for one in made:
        store.add(one)

    assert [store.get(one["id"]) for one in made] == made
    assert same(whole(collection)) == same([*before, *(json.loads(one.serialize()) for one in made)])


def test_what_is_pushed_into_a_collection_that_was_released_is_read_by_those_its_marking_names(open_node: Node) -> None:
    analyst, partner = (root_of(open_node.server(who)) for who in ("analyst", "partner"))
    before, pushed = whole(partner.collections[0]), some(0xC000)

    (shared,) = [one for one in analyst.collections if one.id == COLLECTION]
    status = shared.add_objects({"objects": pushed}, poll_interval=0.05)

    assert (status.status, status.success_count) == ("complete", len(pushed))
    assert [one.can_write for one in partner.collections] == [False, False]
    assert same(whole(partner.collections[0])) == same([*before, *pushed])
    assert same(every(partner.collections[1].get_objects, type="malware")) == same(
        one for one in [*before, *pushed] if one["type"] == "malware"
    )
    assert every(partner.collections[1].get_objects, type="indicator") == []
    assert [one.id for one in root_of(open_node.server("outsider")).collections] == [partner.collections[0].id]


def test_attack_for_industrial_control_systems_comes_back_as_mitre_wrote_it(open_node: Node, data: Path) -> None:
    collection = open_node.collection("analyst")
    entered = json.loads(gzip.decompress((data / "stix" / "attack-ics-18.1.json.gz").read_bytes()))["objects"]
    before = whole(collection)

    for at in range(0, len(entered), 500):
        status = collection.add_objects({"objects": entered[at : at + 500]}, poll_interval=0.05)
        assert (status.status, status.failures) == ("complete", [])

    assert same(every(collection.get_objects, 1000, version="all")) == same(before + entered)
