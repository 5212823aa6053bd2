"""A node served over HTTP by a process of its own, and callers who know of it what any client of TAXII 2.1 knows."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import time
from calendar import timegm
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpx
import msgspec
from argon2 import PasswordHasher

from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION_JSON
from diwan.house import House
from diwan.people.accounts import open_account
from diwan.people.passwords import Passwords
from diwan.release.marking import parse_marking
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Part
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Reader

Json = dict[str, Any]
MEDIA = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
"""How TAXII writes an instant; clause 2."""
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNKNOWN = "0b1a2f3c-4d5e-4f60-8a7b-9c0d1e2f3a4b"
"""An id that nothing has."""
LARGEST = 256 * 1024
"""Bytes of one message at most; small, so that going over it costs little."""
PASSWORD = "correct horse: battery staple"
"""With a colon, which a password may hold and a name may not (RFC 7617, section 2)."""
PEOPLE = {
    "kuwait": ("KWT", True),
    "kuwait.reads": ("KWT", False),
    "qatar": ("QAT", True),
    "qatar.reads": ("QAT", False),
    "emirates.reads": ("ARE", False),
    "jordan.reads": ("JOR", False),
}
"""Accounts: their party, and whether they have a role that enters."""
MEMBERS = ("KWT", "QAT", "BHR")
ICI = "TLP:AMBER // Releasable to ICI"
OURS = "TLP:AMBER // KWT ONLY"
WIDE = "TLP:AMBER // Releasable to ARE, ICI"
GREEN = "TLP:GREEN // Releasable to ICI"


class Shelf(msgspec.Struct, frozen=True):
    """A collection that is entered before the node is served."""

    id: str
    marking: str
    push: str | None = None
    types: tuple[str, ...] = ()
    originators: tuple[str, ...] = ()
    tlp: tuple[str, ...] = ()
    world: World = World.ACTUAL


SHELVES = {
    "shared": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a01", "TLP:CLEAR", ICI),
    "ours": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a02", "TLP:CLEAR", OURS),
    "closed": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a03", "TLP:CLEAR"),
    "tides": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a04", "TLP:CLEAR", ICI, types=("x-tide-table",)),
    "hidden": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a05", OURS, ICI),
    "wide": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a07", "TLP:CLEAR", WIDE),
    "green": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a08", "TLP:CLEAR", GREEN, tlp=("TLP:GREEN",)),
    "of-qatar": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a09", "TLP:CLEAR", ICI, originators=("QAT",)),
    "exercise": Shelf("6a2a9c1e-27c1-4f0a-9a5e-5b6f0d1c0a06", "TLP:CLEAR", ICI, world=World.EXERCISE),
}


# What is asked -----------------------------------------------------------------------------------------------------


class Caller:
    """A program that asks in someone's name."""

    def __init__(self, address: str, root: str, headers: Mapping[str, str]) -> None:
        """Ask the node at `address` about what stands under the API root `root`."""
        self.root = root
        self.http = httpx.Client(base_url=address, headers={"Accept": MEDIA, **headers}, timeout=30)

    def at(self, shelf: str, *more: str) -> str:
        """Return the path of something in a collection."""
        one = SHELVES[shelf].id if shelf in SHELVES else shelf
        return "/".join((f"{self.root}collections", one, *more, ""))

    def ask(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        return self.http.request(method, path, **more)

    def objects(self, shelf: str, **params: Any) -> httpx.Response:
        return self.ask(self.at(shelf, "objects"), params=named(params))

    def manifest(self, shelf: str, **params: Any) -> httpx.Response:
        return self.ask(self.at(shelf, "manifest"), params=named(params))

    def object(self, shelf: str, id: str, **params: Any) -> httpx.Response:
        return self.ask(self.at(shelf, "objects", id), params=named(params))

    def versions(self, shelf: str, id: str, **params: Any) -> httpx.Response:
        return self.ask(self.at(shelf, "objects", id, "versions"), params=named(params))

    def delete(self, shelf: str, id: str, **params: Any) -> httpx.Response:
        return self.ask(self.at(shelf, "objects", id), "DELETE", params=named(params))

    def post(self, shelf: str, content: bytes, media: str | None = MEDIA, **more: Any) -> httpx.Response:
        headers = {"Content-Type": media} if media else {}
        return self.ask(self.at(shelf, "objects"), "POST", content=content, headers=headers, **more)

    def push(self, shelf: str, objects: Sequence[Json]) -> Json:
        """Push an envelope and return its status once it is complete."""
        status = told(self.post(shelf, json.dumps({"objects": objects}).encode()), 202)
        until = time.monotonic() + 20
        while status["status"] != "complete":
            assert time.monotonic() < until, f"still {status['status']}"
            time.sleep(0.02)
            status = told(self.ask(f"{self.root}status/{status['id']}/"))
        return status

    def enter(self, shelf: str, *objects: Json) -> str:
        """Push objects that must all go in, and return an instant before the first: for `added_after`."""
        before = told(self.manifest(shelf, match_version="all", match_id=objects[0]["id"]))
        status = self.push(shelf, objects)
        assert (status["success_count"], status["failure_count"]) == (len(objects), 0), status
        listed = dates(told(self.manifest(shelf, match_version="all", match_id=",".join(o["id"] for o in objects))))
        return earlier(next(one for one in listed if one not in dates(before)))

    def collections(self) -> list[Json]:
        return list(told(self.ask(f"{self.root}collections/")).get("collections", []))


def named(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters by their names on the wire: `match_id` is `match[id]`; None is left out."""
    return {
        f"match[{name[6:]}]" if name.startswith("match_") else name: str(value)
        for name, value in params.items()
        if value is not None
    }


def told(answer: httpx.Response, status: int = 200) -> Json:
    """Return what an answer says that must be of TAXII 2.1, with a status; clause 1.6.8."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer} {answer.text[:400]}"
    assert answer.headers["content-type"] == MEDIA
    said = json.loads(answer.content)
    assert isinstance(said, dict)
    return said


def refused(answer: httpx.Response, *statuses: int) -> Json:
    """Return the error message of an answer that must be a refusal; clause 3.6.1."""
    assert answer.status_code in statuses, f"{answer.request.method} {answer.request.url}: {answer} {answer.text[:400]}"
    said = told(answer, answer.status_code)
    assert isinstance(said["title"], str)
    assert said["title"]
    assert said.get("http_status", str(answer.status_code)) == str(answer.status_code)
    return said


def bare(answer: httpx.Response, *names: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all of an answer but when it came, with what was asked for by name taken out."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in ("date", "content-length"))
    text = answer.text
    for name in names:
        text = text.replace(name, "NAME")
    return answer.status_code, headers, text


def first_last(answer: httpx.Response) -> tuple[str | None, str | None]:
    """Return the instants that the headers of an answer give; clause 3.2."""
    return answer.headers.get("X-TAXII-Date-Added-First"), answer.headers.get("X-TAXII-Date-Added-Last")


def ids(said: Json) -> list[str]:
    return [one["id"] for one in said.get("objects", [])]


def dates(said: Json) -> list[str]:
    return [one["date_added"] for one in said.get("objects", [])]


def earlier(stamp: str) -> str:
    """Return the microsecond before an instant."""
    at = micro(stamp) - 1
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1_000_000))
    return f"{whole}.{at % 1_000_000:06}Z"


def micro(stamp: str) -> int:
    return timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) * 1_000_000 + int(stamp[20:26])


# What is pushed ----------------------------------------------------------------------------------------------------


class Maker:
    """Makes STIX objects of its own, from a stream that its seed fixes."""

    def __init__(self, seed: str) -> None:
        """Begin the stream of `seed`."""
        self._stream = random.Random(seed)

    def uuid(self) -> str:
        return str(UUID(int=self._stream.getrandbits(128), version=4))

    def indicator(self, **more: Any) -> Json:
        return {
            **self._head("indicator"),
            "name": "Beacon",
            "indicator_types": ["malicious-activity"],
            "pattern": f"[ipv4-addr:value = '198.51.100.{self._stream.randrange(256)}']",
            "pattern_type": "stix",
            "valid_from": "2026-03-02T08:00:00.000Z",
            **more,
        }

    def malware(self, **more: Any) -> Json:
        return {**self._head("malware"), "name": "Limpet", "is_family": False, **more}

    def domain(self, **more: Any) -> Json:
        """Return an object without any time of its own."""
        id = self.uuid()
        said = {"type": "domain-name", "spec_version": "2.1", "id": f"domain-name--{id}"}
        return {**said, "value": f"h{id[:8]}.example.com", **more}

    def statement(self) -> Json:
        """Return an object that has a time of creation and none of modification; STIX 2.1, section 7.2.1."""
        made = {"type": "marking-definition", "spec_version": "2.1", "id": f"marking-definition--{self.uuid()}"}
        said = {"statement": f"Harbour office, {self.uuid()}"}
        return {
            **made,
            "created": "2026-03-01T08:00:00.000Z",
            "definition_type": "statement",
            "definition": said,
        }

    def tide(self, **more: Any) -> Json:
        """Return an object of a type that STIX does not know."""
        return {**self._head("x-tide-table"), "x_height": 1.5, **more}

    def envelope(self, count: int) -> list[Json]:
        return [self.indicator(name=f"Beacon {number}") for number in range(count)]

    def _head(self, type: str) -> Json:
        return {
            "type": type,
            "spec_version": "2.1",
            "id": f"{type}--{self.uuid()}",
            "created": "2026-03-01T08:00:00.000Z",
            "modified": "2026-03-01T08:00:00.000Z",
        }


def later(one: Json, day: int, **more: Any) -> Json:
    """Return a later version of an object."""
    return {**one, "modified": f"2026-03-{day:02}T08:00:00.000Z", **more}


# The node ----------------------------------------------------------------------------------------------------------


class Node(msgspec.Struct, frozen=True):
    """A served node."""

    folder: Path
    addresses: tuple[str, ...]
    tokens: dict[str, str]
    root: str
    """The path of the default API root."""
    exercise: str
    """The path of the API root of what is only played."""

    def caller(self, name: str, process: int = 0, root: str = "") -> Caller:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return Caller(self.addresses[process], root or self.root, headers)


def begin(folder: Path) -> dict[str, str]:
    """Begin a node with people, members of ICI and collections, and return the tokens of its accounts."""
    folder.mkdir()
    settings = f'keeper = "NATO"\nhosted = ["KWT", "QAT", "BHR", "ARE", "JOR"]\nlargest = {LARGEST}\n'
    (folder / "settings.toml").write_text(settings)
    house = House(folder, synchronous="OFF")
    for party in MEMBERS:
        join_ici(house, party)
    for name, shelf in SHELVES.items():
        enter_shelf(house, name, shelf)
    tokens = {name: open_door(house, name, *who) for name, who in PEOPLE.items()}
    house.close()
    return tokens


def open_door(house: House, name: str, party: str, enters: bool) -> str:
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    roles = frozenset({Role.DUTY_OFFICER}) if enters else frozenset()
    person = {"name": name, "shown": name, "party": party, "password": PASSWORD, "by": ""}
    account = open_account(house.book, cheap, **person, roles=roles)
    return house.doors.make_token(account, "taxii", house.clock() + 86_400_000_000, by="")


def releasing(party: str) -> Hand:
    return Hand(Reader(f"releasing officer of {party}", party), frozenset({Role.RELEASING_OFFICER}))


def join_ici(house: House, party: str) -> None:
    """State as the keeper of ICI that a party is its member."""
    draft = Draft(
        kind="network.membership",
        title=f"{party} in ICI",
        parts=(Part("membership.json", "application/json", f"ICI {party}".encode()),),
        membership=Membership("ICI", party, Standing.MEMBER, date(2004, 6, 28)),
    )
    house.take(releasing("NATO"), draft, parse_marking("TLP:CLEAR", house.rules().policies), originator="NATO")


def enter_shelf(house: House, name: str, shelf: Shelf) -> None:
    query = {"types": shelf.types, "originators": shelf.originators, "tlp": shelf.tlp}
    said: Json = {"id": shelf.id, "title": f"Collection {name}", "push": shelf.push, **query}
    draft = house.draft(COLLECTION_JSON, json.dumps(said).encode())
    draft = msgspec.structs.replace(draft, world=shelf.world)
    house.take(releasing("KWT"), draft, parse_marking(shelf.marking, house.rules().policies), originator="KWT")


@contextmanager
def served(folder: Path, processes: int = 1) -> Iterator[Node]:
    """Begin a node and serve it by so many processes on free ports of the loopback."""
    tokens = begin(folder)
    ports = free_ports(processes)
    program = [str(Path(sys.executable).with_name("diwan")), "serve", "--node", str(folder), "--port"]
    with open(folder.parent / "served.log", "wb") as log:
        running = [subprocess.Popen([*program, str(port)], stdout=log, stderr=log) for port in ports]
        try:
            for one, port in zip(running, ports, strict=True):
                await_port(one, port)
            addresses = tuple(f"http://127.0.0.1:{port}" for port in ports)
            roots = (
                default_root(f"{addresses[0]}{one}", tokens["kuwait"]) for one in ("/taxii2/", "/exercise/taxii2/")
            )
            yield Node(folder, addresses, tokens, *roots)
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait(30)


def default_root(discovery: str, token: str) -> str:
    """Return the path of the default API root that a discovery names."""
    asked = {"Authorization": f"Bearer {token}", "Accept": MEDIA}
    return urlsplit(urljoin(discovery, told(httpx.get(discovery, headers=asked, timeout=30))["default"])).path


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def await_port(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the node did not begin to listen on port {port}")
