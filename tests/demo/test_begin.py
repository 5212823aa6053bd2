"""The demo's node: it is the article, it shows each reader what is theirs, and it begins once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from diwan.demo import Demo, article_clock, begin_demo, lay_out
from diwan.demo.content import alerts
from diwan.desk import Request
from diwan.desks.crisis.parse import check, diwan
from diwan.desks.network.pages import network_board
from diwan.house import House
from diwan.people.accounts import account_named
from diwan.reading import Query
from diwan.registry.chance import Chance, wall_clock
from diwan.terms.errors import Refused
from diwan.terms.gate import World
from diwan.terms.party import Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import instant

CLEARED = (Clearance("NATO-EXAMPLE", "RESTRICTED"),)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Demo]]:
    folder = tmp_path_factory.mktemp("demo") / "node"
    lay_out(folder)
    opened = House(folder, clock=article_clock(folder, wall_clock), chance=Chance(1), synchronous="OFF")
    yield opened, begin_demo(opened)
    opened.close()


@pytest.fixture
def house(begun: tuple[House, Demo]) -> House:
    return begun[0]


def reader(party: str, *clearances: Clearance) -> Reader:
    return Reader(f"reader of {party}", party, clearances)


def titles(house: House, party: str, *clearances: Clearance, world: World = World.ACTUAL) -> set[str]:
    return {item.title for item in house.room(reader(party, *clearances), world).walk(Query(kind="crisis.alert"))}


def test_board_of_the_demo_is_the_article(house: House) -> None:
    view = network_board(house.room(reader("OUT.EXAMPLE")), Request())

    assert view["on"] == date(2017, 1, 24)
    places = {
        roll.id: {p.party: p.standing for p in roll.places} for roll in (*view["frameworks"], *view["operations"])
    }
    assert places == {
        "ICI": {
            **dict.fromkeys(("ARE", "BHR", "KWT", "QAT"), Standing.MEMBER),
            **dict.fromkeys(("OMN", "SAU"), Standing.ASPIRANT),
        },
        "MD": dict.fromkeys(("ISR", "JOR"), Standing.MEMBER),
        "UP2011": dict.fromkeys(("ARE", "QAT"), Standing.FORMER),
    }
    assert [(post.mission.of, post.mission.host) for post in view["offices"]] == [("NATO", "KWT")]
    assert sorted(post.mission.of for post in view["missions"]) == ["ARE", "BHR", "ISR", "JOR", "KWT", "QAT"]


def test_office_is_not_on_the_board_of_the_day_before_it_opened(house: House) -> None:
    view = network_board(house.room(reader("OUT.EXAMPLE")), Request(query={"as_of": "2017-01-23"}))

    assert view["offices"] == ()
    assert len(view["missions"]) == 6


def test_claim_of_the_demo_is_seen_by_partners_and_not_by_the_world(house: House) -> None:
    def claims(party: str) -> list[str]:
        view = network_board(house.room(reader(party)), Request(query={"as_of": "2011-06-01"}))
        return [claim.party for roll in view["operations"] for claim in roll.claims]

    assert (claims("KWT"), claims("OUT.EXAMPLE")) == (["JOR"], [])


def test_alerts_reach_those_their_labels_name(house: House) -> None:
    public = {"Dust storm over the peninsula until evening"}
    partners = public | {
        "Coaster without power in the northern approach",
        "Flash floods possible in southern valleys",
    }
    initiative = partners | {
        "Oil sheen seen east of a desalination intake",
        "Oil sheen grows and drifts towards Saudi Arabia",
        "Oil sheen: all clear",
        "Ammonia release at a cold store",
    }
    cyber, drones = "Crisis cells receive false alerts by e-mail", "Unidentified drones near two ports"
    plant = "Control fault at a power plant, cause not yet known"

    assert titles(house, "OUT.EXAMPLE") == public
    assert titles(house, "JOR") == partners
    assert titles(house, "SAU") == public
    assert titles(house, "ARE", Clearance("NATO-EXAMPLE", "UNCLASSIFIED")) == initiative | {cyber}
    assert titles(house, "BHR", *CLEARED) == initiative | {cyber}
    assert titles(house, "QAT", *CLEARED) == initiative | {cyber, drones}
    assert titles(house, "KWT", *CLEARED) == initiative | {cyber, drones, plant}
    assert titles(house, "NATO", *CLEARED) == initiative | {cyber, drones, plant}


def test_exercise_and_test_stay_in_their_own_worlds(house: House) -> None:
    exercise = titles(house, "QAT", world=World.EXERCISE)
    test = titles(house, "QAT", world=World.TEST)

    assert exercise == {"EXERCISE: two ferries collide, 140 people in the water"}
    assert test == {"TEST: monthly test of the alert chain"}


def test_everyone_of_the_demo_signs_in_with_the_password_that_was_told(begun: tuple[House, Demo]) -> None:
    house, demo = begun
    for account in demo.accounts:
        signed_in, _ = house.doors.sign_in(account.name, account.password, "127.0.0.1")
        assert (signed_in.shown, signed_in.party, signed_in.roles) == (account.shown, account.party, account.roles)
    assert len({account.password for account in demo.accounts}) == len(demo.accounts) == 9


def test_what_an_account_of_the_demo_reads_follows_its_clearance(begun: tuple[House, Demo]) -> None:
    house, _ = begun
    found = {}
    for name in ("qatar", "bahrain", "outsider", "kuwait-release"):
        account = account_named(house.book, name)
        assert account is not None
        found[name] = house.room(account.reader).count("crisis.alert")

    assert found == {"qatar": 9, "bahrain": 8, "outsider": 1, "kuwait-release": 10}


def test_second_beginning_changes_nothing(house: House) -> None:
    everything = reader("NATO", *CLEARED)
    before = [item.ref for item in house.room(everything).walk()]

    again = begin_demo(house)

    assert again.accounts == ()
    assert [item.ref for item in house.room(everything).walk()] == before


def test_beginning_that_was_cut_short_is_finished_without_doubles(house: House) -> None:
    everything = reader("NATO", *CLEARED)
    before = [item.ref for item in house.room(everything).walk()]
    (house.folder / "demo-begun").unlink()

    again = begin_demo(house)

    assert [item.ref for item in house.room(everything).walk()] == before
    assert len(again.accounts) == 9


def test_clock_of_the_demo_runs_on_from_the_morning_of_the_article_when_started_again(tmp_path: Path) -> None:
    morning = instant(datetime(2017, 1, 24, 6, tzinfo=UTC))
    wall = iter((50, 60, 1_000_050))

    first = article_clock(tmp_path, lambda: next(wall))()
    again = article_clock(tmp_path, lambda: next(wall))()

    assert (first, again) == (morning + 10, morning + 1_000_000)


def test_demo_is_not_laid_out_where_another_node_lives(tmp_path: Path) -> None:
    House(tmp_path, synchronous="OFF").close()

    with pytest.raises(Refused, match="not the demo"):
        lay_out(tmp_path)
    assert not (tmp_path / "settings.toml").exists()


def test_settings_that_are_there_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('title = "Mine"\n')

    lay_out(tmp_path)

    assert (tmp_path / "settings.toml").read_text() == 'title = "Mine"\n'


@pytest.mark.parametrize("specimen", alerts(), ids=lambda alert: alert.file)
def test_alert_of_the_demo_conforms_and_speaks_three_languages(specimen: object) -> None:
    found = {finding.rule for finding in check(specimen.data, profile=diwan)}  # type: ignore[attr-defined]

    # Labels are set here and not inside the file; three of the alerts are about no place on a map.
    assert found <= {"diwan.label", "area.geometry"}
