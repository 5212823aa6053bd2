"""Who waits for changes is answered by what is released to them, and never by what is written behind other gates.

Time passes at once here (`leaks/haste.py`), so that an answer and the seconds it was held back for compare exactly.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from leaks.ask import Ask
from leaks.ground import MINUTE, Clock, Ground, Maker, copy_of, lay_ground, open_house
from leaks.hidden import Hiding
from leaks.known import known_of
from leaks.pairs import Three, scratch, three_of
from leaks.view import Answer, Browser, browsing

from diwan.house import House
from diwan.people.accounts import change_account, close_account
from diwan.terms.errors import Refused
from diwan.terms.label import Label, Succession

WAIT: Final = 8
Act = Callable[["Node"], object]


class Node:
    """A node whose reader has been told everything there is for them, and waits, while others go on writing."""

    def __init__(self, ground: Ground, name: str, house: House, clock: Clock, browser: Browser) -> None:
        self.house, self.clock, self.browser, self.start = house, clock, browser, clock.now
        self.hiding = Hiding(house, clock, random.Random(11), ground, name)
        self.maker = Maker(house, clock, random.Random(12), ground)
        self.account = ground.people[name].account
        self.cursor = ""
        while (told := self.changes())["changes"]:
            self.cursor = told["cursor"]
        listening = threading.Event()
        with house.heard(listening.set):
            assert listening.wait(10)

    def changes(self) -> Any:
        """Return what changed since the cursor."""
        query = (("limit", "500"), *((("cursor", self.cursor),) if self.cursor else ()))
        return msgspec.json.decode(self.browser.ask(Ask("GET", "/api/changes", query, by="token")).body)

    def wait(self, acts: Mapping[float, Act]) -> tuple[Answer, float]:
        """Return what one who waits is answered and after how many seconds; `acts` are done so many seconds in."""
        asked = Ask("GET", "/api/changes", (("cursor", self.cursor), ("wait", str(WAIT))), by="token")
        return self.browser.ask_meanwhile(asked, {at: lambda act=act: self._do(act) for at, act in acts.items()})

    def _do(self, act: Act) -> None:
        before, rung = self.house.facts(), threading.Event()
        with self.house.heard(rung.set):
            act(self)
            if self.house.facts() != before:
                assert rung.wait(10)
                threading.Event().wait(0.25)  # by then whoever waits has heard of it all

    def at(self, minute: int) -> None:
        """Set the clock, so that what comes now comes at the same instant whatever was written before."""
        self.clock.now = self.start + minute * MINUTE

    def write_hidden(self, part: int) -> None:
        """Do a third of all that can be done without the reader having any business with it."""
        before = self.house.facts()["last_position"]
        for act in list(self.hiding.acts.values())[part::3]:
            with suppress(Refused):
                act()
        assert self.house.facts()["last_position"] > before

    def enter(self, party: str, label: Label) -> str:
        """Enter an alert and return the word by which it is known."""
        made = self.maker.alert()
        assert self.maker.enter(party, made, label) is not None
        return made[1].word


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("waiting") / "ground", 4, size=20)


@pytest.fixture(scope="module", params=["emirates", "jordan", "emirates on postgres"])
def three(request: pytest.FixtureRequest, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Three:
    """The registers of one that left a framework, and of one to whom gates opened."""
    name, _, engine = request.param.partition(" on ")
    folder = tmp_path_factory.mktemp("three")
    if engine:
        ground = lay_ground(folder / "ground", 4, size=20, server=request.getfixturevalue("postgres"))
    return three_of(ground, name, 7, folder, steps=0)


@pytest.fixture
def nodes(three: Three, tmp_path: Path) -> Iterator[tuple[Node, Node, Node]]:
    """The node as it was, with hidden writes, and with all that purged: to their reader all three are one."""
    three = scratch(three, tmp_path / "nodes")
    with ExitStack() as opened:

        def node(ground: Ground) -> Node:
            clock = Clock(three.now)
            house = opened.enter_context(open_house(ground.folder, clock, 5))
            return Node(
                ground, three.known.name, house, clock, opened.enter_context(browsing(three.known, house, clock))
            )

        yield node(three.before), node(three.written), node(three.purged)


def hidden(part: int) -> Act:
    return lambda node: node.write_hidden(part)


def released(node: Node) -> None:
    node.at(40)
    node.enter("KWT", node.maker.label("TLP:CLEAR"))


def test_what_is_hidden_ends_no_wait_and_changes_nothing_of_its_answer(nodes: tuple[Node, Node, Node]) -> None:
    before, written, purged = nodes

    told = [before.wait({}), written.wait({0.4: hidden(0), 3.3: hidden(1), 7.9: hidden(2)}), purged.wait({})]

    assert told[1:] == told[:1] * 2
    answer, seconds = told[0]
    assert (answer.status, seconds) == (200, WAIT)
    assert msgspec.json.decode(answer.body) == {"changes": [], "cursor": before.cursor, "more": False}


@pytest.mark.parametrize("at", [2.1, 7.9])
def test_what_is_released_is_told_when_it_would_be_had_nothing_else_been_written(
    nodes: tuple[Node, Node, Node], at: float
) -> None:
    """Neither sooner nor later: who enters something themselves could measure by it that another just wrote."""
    before, written, purged = nodes
    noise = {at - 0.08: hidden(0), at: released, at + 0.07: hidden(1)}

    told = [before.wait({at: released}), written.wait(noise), purged.wait({at: released})]

    assert told[1:] == told[:1] * 2
    answer, seconds = told[0]
    assert [change["what"] for change in msgspec.json.decode(answer.body)["changes"]] == ["released"]
    assert at <= seconds <= at + 0.25


def test_a_gate_that_opens_by_its_date_opens_for_who_waits_at_the_same_instant_whatever_is_written_beside(
    nodes: tuple[Node, Node, Node],
) -> None:
    """The place of such a gain is that of the first look, and looking must not hang on others' writing."""

    def embargoed(node: Node) -> None:
        label = node.maker.label("TLP:RED // OMN ONLY")
        ends = Succession(node.start + 20 * MINUTE, node.maker.label("TLP:CLEAR"))
        node.enter("OMN", msgspec.structs.replace(label, succession=ends))

    def turned(node: Node) -> None:
        node.at(21)

    before, written, purged = nodes
    for node in nodes:
        embargoed(node)
    plain = {1.1: turned, 5.0: lambda node: node.at(50)}

    told = [before.wait(plain), written.wait({**plain, 2.0: hidden(0)}), purged.wait(plain)]

    assert [change["what"] for change in msgspec.json.decode(told[0][0].body)["changes"]] == ["released"]
    assert told[1:] == told[:1] * 2


@pytest.mark.parametrize(
    ("lost", "status", "shown"), [(None, 200, True), ("clearance", 200, False), ("account", 401, False)]
)
def test_who_loses_a_clearance_or_their_account_while_they_wait_is_not_shown_what_comes_then(
    ground: Ground, tmp_path: Path, lost: str | None, status: int, shown: bool
) -> None:
    mine, clock = copy_of(ground, tmp_path / "node"), Clock(ground.now + MINUTE)
    word = ""

    def lose_and_enter(node: Node) -> None:
        nonlocal word
        if lost == "clearance":
            change_account(node.house.book, msgspec.structs.replace(node.account, clearances=()), by="")
        elif lost == "account":
            close_account(node.house.book, node.account, by="")
        word = node.enter("NATO", node.maker.label("NATO SECRET // Releasable to QAT"))

    with (
        open_house(mine.folder, clock, 5) as house,
        browsing(known_of(mine, "qatar", 1), house, clock) as browser,
    ):
        answer, seconds = Node(mine, "qatar", house, clock, browser).wait({1.1: lose_and_enter})

    assert (answer.status, seconds, word in answer.text) == (status, 1.25, shown)
