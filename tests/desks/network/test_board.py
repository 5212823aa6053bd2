"""The board: as of any day, for one reader, with claims apart; and that what is hidden leaves no trace on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader, StrictUndefined

from diwan.desk import Request
from diwan.desks.network import DESK
from diwan.desks.network.kinds import (
    MEDIA_TYPE,
    Belonging,
    Framework,
    FrameworkType,
    Mission,
    MissionType,
    Party,
    PartyType,
    Roll,
    Statement,
)
from diwan.desks.network.pages import names_of_parties, network_board
from diwan.desks.network.render import write
from diwan.house import House
from diwan.registry.chance import Chance
from diwan.settings import Settings
from diwan.terms.errors import Malformed
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.party import Standing
from diwan.terms.reader import Reader
from diwan.terms.time import instant
from diwan.web.language import LANGUAGES

Say = Callable[..., Ref]
Look = Callable[..., dict[str, object]]
ICI = Framework(id="ICI", type=FrameworkType.FRAMEWORK, names={"en": "Initiative"}, keeper="NATO", since="2004")
UP = Framework(id="UP2011", type=FrameworkType.OPERATION, names={"en": "Protector"}, keeper="NATO", since="2011")
KUWAIT = Party(id="KWT", type=PartyType.NATION, names={"en": "Kuwait", "fr": "Koweït", "ar": "الكويت"})
CENTRE = Party(id="NATO.RC", type=PartyType.CENTRE, names={"en": "Regional Centre"}, part_of="NATO", since="2017-01-24")
OFFICE = Mission(id="NATO.RC", type=MissionType.OFFICE, of="NATO", host="KWT", since="2017-01-24")
EMBASSY = Mission(id="KWT.NATO", type=MissionType.MISSION, of="KWT", to="NATO", since="2016")


def member(party: str, since: date | None = date(2004, 6, 28), of: str = "ICI") -> Belonging:
    return Belonging(framework=of, party=party, standing=Standing.MEMBER, since=since)


def rolls(view: dict[str, object], name: str) -> dict[str, list[str]]:
    found: tuple[Roll, ...] = view[name]  # type: ignore[assignment]  # a view's values are for templates
    return {roll.id: [place.party for place in roll.members] for roll in found}


def test_board_shows_the_network_of_the_day_that_is_asked_for(say: Say, board: Look) -> None:
    for statement in (ICI, UP, member("KWT"), member("QAT", date(2011, 3, 31), "UP2011")):
        say("NATO", statement)

    assert rolls(board("KWT", date(2003, 1, 1)), "frameworks") == {}
    assert rolls(board("KWT", date(2005, 1, 1)), "frameworks") == {"ICI": ["KWT"]}
    assert rolls(board("KWT", date(2005, 1, 1)), "operations") == {}
    assert rolls(board("KWT", date(2012, 1, 1)), "operations") == {"UP2011": ["QAT"]}


def test_board_shows_today_by_the_clock_of_the_room_when_no_day_is_asked_for(board: Look) -> None:
    view = board("KWT")

    assert (view["on"], view["today"]) == (date(2017, 1, 24), date(2017, 1, 24))


@pytest.mark.parametrize("text", ["24.1.2017", "2017-13-01", "20170124", "2017-W04-2", "today"])
def test_as_of_that_is_not_a_day_is_refused(house: House, reader: Callable[..., Reader], text: str) -> None:
    with pytest.raises(Malformed, match="YYYY-MM-DD"):
        network_board(house.room(reader("KWT")), Request(query={"as_of": text}))


def test_timeline_leads_from_change_to_change(say: Say, board: Look) -> None:
    for statement in (ICI, member("KWT"), CENTRE, EMBASSY):
        say("NATO", statement)

    view = board("KWT", date(2010, 1, 1))
    assert [step.on for step in view["steps"]] == [  # type: ignore[attr-defined]
        date(2004, 1, 1),
        date(2004, 6, 28),
        date(2016, 1, 1),
        date(2017, 1, 24),
    ]
    assert (view["earlier"], view["later"]) == (date(2004, 6, 28), date(2016, 1, 1))


def test_mission_counts_by_the_word_of_either_side_and_is_a_claim_by_any_other(say: Say, board: Look) -> None:
    say("NATO", EMBASSY)
    say("QAT", Mission(id="BHR.NATO", type=MissionType.MISSION, of="BHR", to="NATO"))
    say("KWT", OFFICE)

    view = board("JOR")
    shown = [[post.mission.id for post in view[name]] for name in ("missions", "offices", "claimed_posts")]  # type: ignore[attr-defined]
    assert shown == [["KWT.NATO"], ["NATO.RC"], ["BHR.NATO"]]


def test_party_is_called_by_its_own_name_whatever_others_say_later(say: Say, board: Look) -> None:
    say("NATO", KUWAIT)
    say("QAT", Party(id="KWT", type=PartyType.NATION, names={"en": "Elsewhere"}))

    assert board("JOR")["known"] == {"KWT": KUWAIT}

    own = Party(id="KWT", type=PartyType.NATION, names={"en": "State of Kuwait"})
    say("KWT", own)
    assert board("JOR")["known"] == {"KWT": own}


def test_names_that_texts_may_use_come_in_every_language(say: Say, house: House, reader: Callable[..., Reader]) -> None:
    say("NATO", KUWAIT)

    assert names_of_parties(house.room(reader("JOR"))) == dict.fromkeys(("KWT", "Kuwait", "Koweït", "الكويت"), "KWT")


class _Keyed(Chance):
    """Chance that starts anew for every item, so that an item is the same whatever was entered before it."""

    def begin(self, seed: int) -> None:
        self._source.seed(seed)


class _Told:
    """A clock that stands where it was put."""

    now = instant(datetime(2017, 1, 24, 8, tzinfo=UTC))

    def __call__(self) -> int:
        return self.now


def test_board_is_as_if_what_the_reader_may_not_read_had_never_been_entered(
    tmp_path: Path, hand: Callable[..., Hand], amber: Callable[..., Label], reader: Callable[..., Reader]
) -> None:
    open_to_all, hidden = amber("ICI", "KWT", "JOR"), amber("NATO")
    said: list[tuple[str, Statement, Label]] = [
        ("NATO", Party(id="KWT", type=PartyType.NATION, names={"en": "Hidden name"}), hidden),
        ("NATO", ICI, open_to_all),
        ("NATO", KUWAIT, open_to_all),
        ("NATO", member("KWT"), open_to_all),
        ("NATO", Belonging(framework="ICI", party="KWT", standing=Standing.FORMER, since=date(2016, 1, 1)), hidden),
        ("NATO", member("OMN", date(2016, 12, 1)), hidden),
        ("NATO", member("JOR", date(2012, 1, 1)), open_to_all),
        ("QAT", member("SAU", date(2011, 5, 5)), amber("NATO")),
        ("QAT", member("SAU", date(2011, 6, 6)), open_to_all),
        ("NATO", OFFICE, hidden),
        ("NATO", EMBASSY, open_to_all),
        ("QAT", Framework(id="ICI", type=FrameworkType.FRAMEWORK, names={"en": "Rival"}, keeper="QAT"), hidden),
        ("NATO", UP, hidden),
    ]

    def pages(folder: str, *, whole: bool) -> list[tuple[dict[str, object], str]]:
        clock, chance = _Told(), _Keyed(0)
        settings = Settings(keeper="NATO", hosted=("KWT", "QAT", "JOR"))
        house = House(tmp_path / folder, settings, clock=clock, chance=chance, synchronous="OFF")
        for number, (by, statement, label) in enumerate(said):
            clock.now += 1_000_000
            chance.begin(number)
            if whole or label != hidden:
                house.take(hand(by), house.draft(MEDIA_TYPE, write(statement)), label, originator=by)
        asked = [{}, *({"as_of": day} for day in ("2003-01-01", "2011-05-10", "2016-12-15", "2030-01-01"))]
        room = house.room(reader("JOR"))
        views = [dict(network_board(room, Request(query=query))) for query in asked]
        answer = [({**view, "items": list(view["items"])}, _html("network/board.html", view)) for view in views]  # type: ignore[call-overload]
        house.close()
        return answer

    seen = pages("whole", whole=True)
    assert "Initiative" in seen[0][1]
    assert seen == pages("purged", whole=False)


def test_hidden_things_of_the_leak_test_would_be_seen_by_who_may_read_them(say: Say, board: Look) -> None:
    say("NATO", ICI)
    say("NATO", member("OMN", date(2016, 12, 1)))

    assert "OMN" in _html("network/board.html", board("JOR"))


def test_picture_says_the_same_as_the_table_beside_it(say: Say, board: Look) -> None:
    for statement in (ICI, KUWAIT, member("KWT"), Belonging(framework="ICI", party="OMN", standing=Standing.ASPIRANT)):
        say("NATO", statement)
    say("QAT", member("SAU"))

    page = _html("network/board.html", board("KWT"))
    drawing, table = page.split("<table", 1)[0], page.split("<table", 1)[1].split("</table>")[0]
    assert '<title id="belonging-title">' in drawing and "<script" not in drawing and "style=" not in drawing
    marks = (drawing.count('fill="currentColor"/>'), drawing.count('r="7"'), drawing.count(">?</text>"))
    assert marks == (1, 1, 1)
    assert [table.count(f">{word}</a>") for word in ("member", "aspirant", "claimed")] == [1, 1, 1]


def test_picture_runs_from_right_to_left_for_who_reads_so(say: Say, board: Look) -> None:
    for statement in (ICI, KUWAIT, member("KWT"), member("KWT", of="MD")):
        say("NATO", statement)

    def across(language: str) -> list[tuple[str, int]]:
        drawing = _html("network/board.html", board("KWT"), language).split("<table", 1)[0]
        return [(label, int(x)) for x, label in re.findall(r'<text x="(\d+)"[^>]*>(KWT|ICI|MD)<', drawing)]

    left, right = dict(across("en")), dict(across("ar"))
    assert left["KWT"] < left["ICI"] < left["MD"]
    assert right["KWT"] > right["ICI"] > right["MD"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (KUWAIT, "Kuwait"),
        (ICI, "Kept by"),
        (member("KWT"), "Stated by the keeper of the list."),
        (EMBASSY, "Accredited to"),
        (OFFICE, "Opened by"),
    ],
)
def test_every_kind_has_a_page_that_says_what_it_is(
    house: House, reader: Callable[..., Reader], say: Say, statement: Statement, expected: str
) -> None:
    say("NATO", ICI) if statement is not ICI else None
    ref = say("NATO", statement)
    room = house.room(reader("KWT"))
    item = room.get(ref)

    page = _html(DESK.shows[item.kind].template, dict(DESK.shows[item.kind].view(room, item)))

    assert expected in page


def test_membership_by_another_than_the_keeper_is_called_a_claim_on_its_page(
    house: House, reader: Callable[..., Reader], say: Say
) -> None:
    say("NATO", ICI)
    room = house.room(reader("KWT"))
    item = room.get(say("KWT", member("KWT")))

    page = _html(DESK.shows[item.kind].template, dict(DESK.shows[item.kind].view(room, item)))

    assert "A claim, which lets nobody read anything." in page


def test_name_that_looks_like_markup_stays_text(say: Say, board: Look) -> None:
    say("NATO", Party(id="KWT", type=PartyType.NATION, names={"en": "<b>Kuwait</b>"}))

    page = _html("network/board.html", board("JOR"))
    assert "&lt;b&gt;Kuwait&lt;/b&gt;" in page and "<b>Kuwait" not in page


def _html(template: str, view: dict[str, object], language: str = "en") -> str:
    """Fill a desk's template in a shell that writes days and addresses as plainly as can be."""
    shell = DictLoader({"page.html": "{% block title %}{% endblock %}{% block main %}{% endblock %}"})
    environment = Environment(
        loader=ChoiceLoader([shell, PackageLoader("diwan.desks.network")]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    environment.filters["day"] = date.isoformat
    environment.filters["link"] = lambda ref: f"/items/{ref}"
    environment.filters["headline"] = lambda item: item.title
    tongue = LANGUAGES[language]
    return environment.get_template(template).render(language=language, tongue=tongue, base="", **view)
