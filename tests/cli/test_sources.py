from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import uvicorn

from diwan.cli.calling import Caller, sources_of
from diwan.cli.opening import console_hand
from diwan.cli.rounds import rounds
from diwan.desks.cyber.kinds.collection import everything
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE
from diwan.house import House
from diwan.people.accounts import Account, account_named, open_account
from diwan.reading import Query
from diwan.registry.chance import Chance
from diwan.release.marking import parse_marking
from diwan.settings import Settings
from diwan.terms.hand import Role
from diwan.terms.item import Draft
from diwan.terms.reader import Reader
from diwan.web.app import create_app

Run = Callable[..., Any]
PASSWORD = "a long enough word"
NONE = "No such source is named in desks/cyber/sources.toml of the node's folder.\n"


class Peer(msgspec.Struct, frozen=True):
    """Another node, served on the loopback, whose account `reader` reads and enters for Bahrain."""

    house: House
    root: str

    @property
    def collection(self) -> str:
        return everything("BHR", "Actual").id

    def enter(self, count: int, marking: str = "TLP:AMBER // Releasable to KWT", name: str = "Heron") -> list[str]:
        return self.say([identity(f"{name} {number}") for number in range(count)], marking)

    def say(self, said: list[bytes], marking: str = "TLP:AMBER // Releasable to KWT") -> list[str]:
        label = parse_marking(marking, self.house.rules().policies)
        drafts: list[Draft] = [self.house.draft(MEDIA_TYPE, one) for one in said]
        self.house.take_all(account(self.house).hand, [(draft, label) for draft in drafts], originator="BHR")
        return [draft.title for draft in drafts]

    def names(self, party: str = "BHR") -> list[str]:
        room = self.house.room(Reader("anybody", party))
        return sorted(item.title for item in room.walk(Query(kind="cyber.identity")))


def identity(name: str, **more: object) -> bytes:
    at = "2017-01-20T08:00:00.000Z"
    head = {"type": "identity", "spec_version": "2.1", "id": f"identity--{uuid4()}", "created": at, "modified": at}
    return json.dumps({**head, "name": name, **more}).encode()


def account(house: House) -> Account:
    found = account_named(house.book, "reader")
    assert found is not None
    return found


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    house = House(tmp_path / "peer", Settings(keeper="BHR"), chance=Chance(7), synchronous="OFF")
    roles = frozenset({Role.RELEASING_OFFICER})
    for name, party in (("reader", "BHR"), ("kuwait", "KWT")):
        open_account(
            house.book, house.passwords, name=name, shown=name, party=party, password=PASSWORD, by="test", roles=roles
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(house), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Peer(house, f"http://127.0.0.1:{port}/taxii2/root/")
    server.should_exit = True
    thread.join()
    house.close()


def name_source(node: Path, peer: Peer, *, who: str = "kuwait", root: str = "", **more: object) -> None:
    """Write a source down; `keys` in its folder as an administrator lays it there."""
    (node / "keys" / "peer.secret").write_text(f"{who}:{PASSWORD}\n")
    said = {
        "name": "peer",
        "root": root or peer.root,
        "collection": peer.collection,
        "auth": "basic",
        "keys": "peer.secret",
        "label": "TLP:AMBER // Releasable to QAT",
        "page": 3,
        **more,
    }
    file = node / "desks" / "cyber" / "sources.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[[sources]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items()))


def heard(diwan: Run, node: Path, reader: str) -> list[tuple[str, str, str]]:
    told = diwan("as", reader, "list", "--kind", "cyber.identity", "--json", "--node", node).told
    return sorted((row["originator"], row["title"], row["marking"]) for row in told)


def test_what_a_source_has_is_entered_under_its_label_once_and_later_only_what_is_new(
    diwan: Run, node: Path, peer: Peer
) -> None:
    name_source(node, peer, originator="QAT", label="TLP:AMBER // Releasable to KWT")
    diwan("user", "add", "kuwait", "--party", "KWT", "--node", node)
    shown = peer.enter(7)
    peer.enter(2, "TLP:AMBER // Releasable to JOR", "Hidden")

    first = diwan("import", "taxii", "peer", "--node", node, "--json")
    later = peer.enter(1, name="Late")
    second = diwan("import", "taxii", "--node", node, "--json")
    listed = diwan("source", "list", "--node", node, "--json")

    assert (first.code, second.code, listed.code) == (0, 0, 0), first.err
    told = [(row["state"], row["entered"], row["rejected"], row["what"]) for row in first.told + second.told]
    assert told == [("well", 7, 0, ""), ("well", 8, 0, "")]
    expected = [("QAT", name, "TLP:AMBER // Releasable to KWT") for name in sorted(later + shown)]
    assert heard(diwan, node, "kuwait") == expected
    assert [row["name"] for row in listed.told] == ["peer"]


def test_a_source_that_cannot_be_asked_is_told_by_its_reason_and_nothing_is_lost(
    diwan: Run, node: Path, peer: Peer
) -> None:
    peer.enter(4)
    name_source(node, peer, who="nobody")
    refused = diwan("import", "taxii", "--node", node, "--json")
    name_source(node, peer)
    (node / "keys" / "peer.secret").unlink()
    missing = diwan("import", "taxii", "--node", node, "--json")
    name_source(node, peer, label="TLP:PURPLE")
    unlabelled = diwan("import", "taxii", "--node", node, "--json")
    name_source(node, peer)
    mended = diwan("import", "taxii", "--node", node, "--json")

    assert [answer.code for answer in (refused, missing, unlabelled, mended)] == [1, 1, 1, 0]
    assert (refused.told[0]["state"], refused.told[0]["entered"]) == ("stopped", 0)
    assert "the server does not know these credentials" in refused.told[0]["what"]
    assert missing.told[0]["what"] == "keys/peer.secret: No such file or directory. No call was made."
    assert "“TLP:PURPLE” is not understood" in unlabelled.told[0]["what"]
    assert (mended.told[0]["state"], mended.told[0]["entered"], mended.told[0]["what"]) == ("well", 4, "")


def test_objects_that_are_refused_are_listed_and_kept_with_the_source(diwan: Run, node: Path, peer: Peer) -> None:
    name_source(node, peer)
    peer.enter(3)
    # The same name says something else here already.
    other = node.parent / "other.json"
    room = peer.house.room(Reader("x", "BHR"))
    held = json.loads(room.parts(next(room.walk(Query(kind="cyber.identity"))))[0].data)
    other.write_text(json.dumps({**held, "name": "Somebody else"}))
    diwan("import", "stix", other, "--label", "TLP:AMBER // Releasable to QAT", "--originator", "KWT", "--node", node)

    polled = diwan("import", "taxii", "--node", node, "--json", "--rejects", "bad.jsonl")

    assert polled.err.endswith("What was not taken is listed in bad.jsonl\n")

    row = polled.told[0]
    assert (row["state"], row["entered"], row["already"], row["rejected"]) == ("well", 2, 0, 1)
    (bad,) = [msgspec.json.decode(line) for line in (node.parent / "bad.jsonl").read_bytes().splitlines()]
    assert (bad["file"], bad["rule"]) == ("peer", "conflict")
    assert [json.loads(line) for line in row["refusals"]] == [bad]


LATER = {"modified": "2019-01-20T08:00:00.000Z"}


@pytest.mark.parametrize("label", ["TLP:AMBER // Releasable to QAT", "TLP:GREEN // Releasable to QAT, BHR"])
def test_a_source_says_nothing_more_of_what_the_party_said_itself_nor_of_what_another_brought(
    diwan: Run, node: Path, peer: Peer, label: str
) -> None:
    own, brought, file = identity("Own"), identity("Brought"), node.parent / "own.json"
    file.write_bytes(own)
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    diwan("import", "stix", file, "--label", "TLP:AMBER // Releasable to QAT", "--originator", "KWT", "--node", node)
    peer.say([own, brought])
    name_source(node, peer)
    first = diwan("import", "taxii", "--node", node, "--json")
    name_source(node, peer, name="other", label=label)
    again = diwan("import", "taxii", "--node", node, "--json")
    peer.say([json.dumps(json.loads(one) | LATER | {"name": "Theirs"}).encode() for one in (own, brought)])
    later = diwan("import", "taxii", "--node", node, "--json")
    name_source(node, peer)
    same = diwan("import", "taxii", "--node", node, "--json")

    told = [
        (row["entered"], row["already"], row["rejected"]) for one in (first, again, later, same) for row in one.told
    ]
    # Of the first source: its own, the echo of what the party said, and then its own in a later version.
    assert told == [(1, 1, 0), (0, 2, 0), (0, 2, 2), (2, 1, 1)]
    assert all("party of its own" in json.loads(line)["message"] for line in later.told[0]["refusals"])
    assert [title for _, title, _ in heard(diwan, node, "qatar")] == ["Brought", "Own", "Theirs"]


def test_what_an_officer_corrects_is_the_partys_own_word_from_then_on(diwan: Run, node: Path, peer: Peer) -> None:
    peer.say([brought := identity("Brought")])
    name_source(node, peer)
    diwan("import", "taxii", "--node", node, "--json")
    house = House(node)
    hand = console_hand(house, "KWT")
    (item,) = house.room(hand.reader).walk(Query(kind="cyber.identity"))
    corrected = json.dumps(json.loads(brought) | {"modified": "2018-01-20T08:00:00.000Z", "name": "Mended"}).encode()
    house.rectify(hand, item.ref, house.draft(MEDIA_TYPE, corrected))
    house.close()
    peer.say([json.dumps(json.loads(brought) | LATER).encode()])

    polled = diwan("import", "taxii", "--node", node, "--json")

    assert (polled.told[0]["entered"], polled.told[0]["rejected"]) == (1, 1)


def test_a_push_sends_what_is_released_to_its_account_and_nothing_else(diwan: Run, node: Path, peer: Peer) -> None:
    more = {"direction": "push", "account": "bahrain", "label": ""}
    name_source(node, peer, who="reader", **more)
    diwan("user", "add", "bahrain", "--party", "BHR", "--node", node)
    for name, marking in (("Shown", "TLP:AMBER // Releasable to BHR"), ("Hidden", "TLP:AMBER // Releasable to QAT")):
        file = node.parent / f"{name}.json"
        file.write_text("[" + ",".join(identity(f"{name} {number}").decode() for number in range(5)) + "]")
        diwan("import", "stix", file, "--label", marking, "--originator", "KWT", "--node", node)

    first = diwan("source", "push", "--node", node, "--json")
    again = diwan("source", "push", "--node", node, "--json")

    assert [(row["state"], row["entered"], row["rejected"]) for row in first.told + again.told] == [("well", 5, 0)] * 2
    assert peer.names() == [f"Shown {number}" for number in range(5)]


def test_a_push_that_the_server_refuses_is_stopped_until_somebody_mends_it(diwan: Run, node: Path, peer: Peer) -> None:
    more = {"direction": "push", "account": "bahrain", "label": ""}
    name_source(node, peer, who="nobody", **more)
    diwan("user", "add", "bahrain", "--party", "BHR", "--node", node)
    file = node.parent / "one.json"
    file.write_bytes(identity("Shown"))
    diwan("import", "stix", file, "--label", "TLP:AMBER // Releasable to BHR", "--originator", "KWT", "--node", node)

    refused = diwan("source", "push", "--node", node, "--json")
    listed = diwan("source", "list", "--node", node, "--json")
    name_source(node, peer, who="reader", **more)
    mended = diwan("source", "push", "--node", node, "--json")

    assert [answer.code for answer in (refused, listed, mended)] == [1, 1, 0]
    for row in refused.told + listed.told:
        assert (row["state"], row["entered"], row["rejected"]) == ("stopped", 0, 0)
        assert "the server does not know these credentials" in row["what"]
    # A day: once in it the source is tried again.
    hours = (datetime.fromisoformat(listed.told[0]["due"]).timestamp() - time.time()) / 3600
    assert 23 < hours <= 24
    assert (mended.told[0]["state"], mended.told[0]["entered"], mended.told[0]["what"]) == ("well", 1, "")
    assert peer.names() == ["Shown"]


def test_a_push_as_an_account_that_is_closed_sends_nothing(diwan: Run, node: Path, peer: Peer) -> None:
    name_source(node, peer, who="reader", direction="push", account="bahrain", label="")
    diwan("user", "add", "bahrain", "--party", "BHR", "--node", node)
    file = node.parent / "one.json"
    file.write_bytes(identity("Shown"))
    diwan("import", "stix", file, "--label", "TLP:CLEAR", "--originator", "KWT", "--node", node)
    diwan("user", "close", "bahrain", "--node", node)

    pushed = diwan("source", "push", "--node", node, "--json")

    assert (pushed.code, pushed.told[0]["state"]) == (1, "failing")
    assert "no open account is named bahrain" in pushed.told[0]["what"]
    assert peer.names() == []


def test_a_running_node_polls_by_itself_and_lives_on_when_the_source_is_gone(node: Path, peer: Peer) -> None:
    name_source(node, peer, every=10, originator="KWT")
    peer.enter(4)
    house = House(node)
    room = house.room(Reader("x", "QAT"))
    try:
        with rounds(house):
            wait_for(lambda: room.count("cyber.identity") == 4)
    finally:
        house.close()
    name_source(node, peer, root="http://127.0.0.1:9/taxii2/root/", every=10)

    house = House(node)
    began = time.monotonic()
    with rounds(house):
        time.sleep(1)
        assert house.room(Reader("x", "QAT")).count("cyber.identity") == 4
    house.close()
    assert time.monotonic() - began < 20


def test_a_source_that_takes_long_is_left_after_some_pages_and_gone_on_with_later(node: Path, peer: Peer) -> None:
    name_source(node, peer, every=10, page=2, originator="KWT")
    peer.enter(10)
    house = House(node)
    room = house.room(Reader("x", "QAT"))
    caller, (source,) = Caller(house, time.sleep), sources_of(house)
    seen = []

    try:
        for _ in range(2):
            caller.call(source, longest=0)
            seen.append(room.count("cyber.identity"))
    finally:
        house.close()

    assert seen == [6, 10]


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "It did not come true."
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[sources]]\nname = 'x'", "Sources: "),
        ("[[sources]", "Sources: "),
    ],
)
def test_sources_that_are_not_sound_are_refused_by_the_key_and_keep_nobody_from_the_register(
    diwan: Run, node: Path, text: str, said: str
) -> None:
    file = node / "desks" / "cyber" / "sources.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)

    listed = diwan("source", "list", "--node", node)
    proved = diwan("verify", "--json", "--node", node)
    house = House(node)
    with rounds(house):
        pass
    house.close()

    assert (listed.code, listed.out) == (2, "")
    assert said in listed.err
    assert proved.code == 0


def test_a_source_that_is_not_there_is_refused_by_name(diwan: Run, node: Path) -> None:
    refused = diwan("import", "taxii", "nobody", "--node", node)

    assert refused.code == 2
    assert "No source of direction poll is named nobody" in refused.err


def test_a_node_that_names_no_source_says_so(diwan: Run, node: Path) -> None:
    for command in (("source", "list"), ("source", "push"), ("import", "taxii")):
        asked = diwan(*command, "--node", node)

        assert (asked.code, asked.err) == (0, NONE)
