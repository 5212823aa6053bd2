"""A label is never freer than what the text says of itself, when it is entered, narrowed, rectified or relabelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from diwan.desks.cyber.kinds.misp import MEDIA_TYPE as MISP
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.intake.take import Taken
from diwan.registry.chance import Chance
from diwan.release.ceiling import Height
from diwan.settings import Settings
from diwan.terms.errors import NotAllowed, Refused, Unlabelled
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

ALERT = Path(__file__).parents[2] / "src/diwan/demo/content/alerts/01-oil-sheen.xml"
TLP = {
    "CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
PAP = "marking-definition--5f0d0030-7a11-4c3e-9b1d-000000000030"
SHARING = """
community = "ICI"
[[members]]
party = "QAT"
uuid = "5f0d0031-7a11-4c3e-9b1d-000000000031"
name = "Example CERT of Qatar"
"""
Hands = Callable[..., Hand]
Labels = Callable[..., Label]


@pytest.fixture
def house(tmp_path: Path, clock: Callable[[], int]) -> Iterator[House]:
    """A node whose administrator said what MISP's first level means here."""
    folder = tmp_path / "node"
    (folder / "desks" / "cyber").mkdir(parents=True)
    (folder / "desks" / "cyber" / "sharing.toml").write_text(SHARING)
    settings = Settings(keeper="NATO", hosted=("KWT", "QAT", "BHR"), heights=(Height("TLP", "UNCLASSIFIED"),))
    opened = House(folder, settings, clock=clock, chance=Chance(1), synchronous="OFF")
    yield opened
    opened.close()


def actor(number: int, *refs: str, **more: Any) -> bytes:
    ident = f"threat-actor--{UUID(int=number, version=4)}"
    at = "2017-01-20T08:00:00.000Z"
    said = {"type": "threat-actor", "spec_version": "2.1", "id": ident, "created": at, "modified": at, "name": "Limpet"}
    return msgspec.json.encode(said | ({"object_marking_refs": refs} if refs else {}) | more)


def part(ref: str) -> dict[str, Any]:
    return {"goals": ["harm ports"], "granular_markings": [{"marking_ref": ref, "selectors": ["goals"]}]}


def definition(text: str) -> bytes:
    said = {"type": "marking-definition", "spec_version": "2.1", "id": PAP, "created": "2017-01-20T08:00:00.000Z"}
    return msgspec.json.encode({**said, "definition_type": "statement", "definition": {"statement": text}})


def event(number: int, distribution: int | None, *tags: str) -> bytes:
    said = {
        "uuid": str(UUID(int=number, version=4)),
        "info": "Phishing",
        "date": "2017-01-20",
        "timestamp": "1484899200",
    }
    asked = {} if distribution is None else {"distribution": str(distribution)}
    more = {"threat_level_id": "1", "analysis": "0", "Tag": [{"name": tag} for tag in tags], "Attribute": []}
    return msgspec.json.encode({"Event": said | asked | more})


def only(*parties: str, tlp: str) -> Label:
    return Label("TLP", "UNCLASSIFIED", (Category("Only", CategoryType.PERMISSIVE, parties),), Handling(tlp=tlp))


def stood(house: House, ref: Ref) -> Label:
    """Return the label under which an item stands, whatever world it is of."""
    return house.room(Reader("a Kuwaiti", "KWT")).get(ref).label


def entered(house: House, hand: Hand, data: bytes, label: Label, **how: Any) -> Ref:
    media_type = MISP if data.startswith(b'{"Event"') else STIX
    return house.take(hand, house.draft(media_type, data), label, originator="KWT", **how).refs[0]


@pytest.mark.parametrize("chosen", ["TLP:GREEN", "TLP:AMBER", "TLP:RED"])
@pytest.mark.parametrize(("said", "tlp"), [("GREEN", "TLP:GREEN"), ("AMBER", "TLP:AMBER"), ("RED", "TLP:RED")])
def test_the_stricter_of_chosen_and_said_tlp_stands(
    house: House, hand: Hands, amber: Labels, chosen: str, said: str, tlp: str
) -> None:
    ref = entered(house, hand("KWT"), actor(1, TLP[said]), amber("QAT", tlp=chosen))

    assert stood(house, ref) == amber("QAT", tlp=max(chosen, tlp, key=["TLP:GREEN", "TLP:AMBER", "TLP:RED"].index))


def test_pap_of_a_definition_that_is_registered_here_counts_for_what_comes_later(
    house: House, hand: Hands, amber: Labels
) -> None:
    entered(house, hand("KWT"), definition("PAP:RED"), amber("QAT"))

    one = entered(house, hand("KWT"), actor(1, PAP), amber("QAT"))
    (many,) = house.take_all(hand("KWT"), [(house.draft(STIX, actor(2, PAP)), amber("QAT"))], originator="KWT")

    assert stood(house, one).handling == Handling(tlp="TLP:AMBER", pap="PAP:RED")
    assert isinstance(many, Taken)
    assert stood(house, many.refs[0]).handling == Handling(tlp="TLP:AMBER", pap="PAP:RED")


def test_a_definition_that_the_hand_may_not_read_changes_nothing(house: House, hand: Hands, amber: Labels) -> None:
    house.take(hand("BHR"), house.draft(STIX, definition("PAP:RED")), amber("QAT"), originator="BHR")

    assert stood(house, entered(house, hand("KWT"), actor(1, PAP), amber("QAT"))) == amber("QAT")


def test_defining_a_marking_anew_frees_nothing_of_what_is_marked_with_it(
    house: House, hand: Hands, amber: Labels
) -> None:
    entered(house, hand("KWT"), definition("PAP:RED"), amber("QAT"))
    house.take(hand("QAT"), house.draft(STIX, definition("PAP:CLEAR")), amber("KWT"), originator="QAT")

    assert stood(house, entered(house, hand("KWT"), actor(1, PAP), amber("QAT"))).handling.pap == "PAP:RED"


@pytest.mark.parametrize("spelt", ["granular_markings", "gran\\u0075lar_markings"])
def test_a_definition_that_is_registered_here_counts_for_the_part_that_is_marked_with_it(
    house: House, hand: Hands, amber: Labels, spelt: str
) -> None:
    entered(house, hand("KWT"), definition("TLP:RED"), amber("QAT"))
    data = actor(1, **part(PAP)).replace(b"granular_markings", spelt.encode())

    taken = house.take(hand("KWT"), house.draft(STIX, data), amber("QAT"), originator="KWT", beyond=Beyond.EDITION)
    (many,) = house.take_all(
        hand("KWT"), [(house.draft(STIX, actor(2, **part(PAP))), amber("QAT"))], originator="KWT", beyond=Beyond.NARROW
    )

    assert isinstance(many, Taken)
    stands = [stood(house, ref) for ref in (*taken.refs, *many.refs)]
    assert stands == [amber("QAT", tlp=tlp) for tlp in ("TLP:RED", "TLP:AMBER", "TLP:RED")]
    room = house.room(Reader("a Qatari", "QAT"))
    assert [b"harm ports" in room.parts(room.get(ref))[0].data for ref in taken.refs] == [True, False]
    with pytest.raises(NotAllowed, match=r"A part of it is marked TLP:RED.* Nothing was entered\."):
        entered(house, hand("KWT"), actor(3, **part(PAP)), amber("QAT"), beyond=Beyond.REFUSE)


def test_a_definition_that_the_hand_may_not_read_says_of_a_part_what_an_unknown_one_says(
    house: House, hand: Hands, amber: Labels
) -> None:
    house.take(hand("BHR"), house.draft(STIX, definition("TLP:RED")), amber("QAT"), originator="BHR")

    for number, ref in enumerate((PAP, PAP.replace("30", "40")), 1):
        draft = house.draft(STIX, actor(number, **part(ref)))
        taken = house.take(hand("KWT"), draft, amber("QAT"), originator="KWT", beyond=Beyond.REFUSE)
        assert [stood(house, ref) for ref in taken.refs] == [amber("QAT")]
        assert taken.notices == ()


def test_a_part_marked_as_strictly_as_the_whole_by_a_definition_here_is_not_apart(
    house: House, hand: Hands, amber: Labels
) -> None:
    entered(house, hand("KWT"), definition("TLP:RED"), amber("QAT"))

    ref = entered(house, hand("KWT"), actor(1, PAP, **part(PAP)), amber("QAT"), beyond=Beyond.REFUSE)

    assert stood(house, ref) == amber("QAT", tlp="TLP:RED")


def test_a_label_for_everyone_is_refused_to_what_is_marked_stricter_and_the_others_go_in(
    house: House, hand: Hands, amber: Labels
) -> None:
    clear = amber(tlp="TLP:CLEAR")
    drafts = [house.draft(STIX, data) for data in (actor(1), actor(2, TLP["RED"]), actor(3, TLP["CLEAR"]), actor(4))]

    outcomes = house.take_all(hand("KWT"), [(draft, clear) for draft in drafts], originator="KWT")

    assert [type(one) for one in outcomes] == [Taken, Unlabelled, Taken, Taken]
    assert str(outcomes[1]) == "No audience is named, so nobody could read it. Nothing was entered."
    assert house.room(Reader("anybody", "OUT.EXAMPLE")).count() == 3


def test_whose_label_was_narrowed_by_what_it_says_of_itself_is_told_so(
    house: House, hand: Hands, amber: Labels
) -> None:
    drafts = [house.draft(STIX, data) for data in (actor(1), actor(2, TLP["RED"]), actor(3, TLP["GREEN"]))]

    outcomes = house.take_all(hand("KWT"), [(draft, amber("QAT")) for draft in drafts], originator="KWT")
    one = house.take(hand("KWT"), house.draft(STIX, actor(4, PAP, TLP["RED"])), amber("QAT"), originator="KWT")

    assert [outcome.narrowed for outcome in (*outcomes, one) if isinstance(outcome, Taken)] == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("beyond", "labels", "notice"),
    [
        (Beyond.WARN, ["TLP:GREEN"], "A part of it is marked TLP:RED, more strictly than its label."),
        (Beyond.NARROW, ["TLP:RED"], "A part of it is marked TLP:RED, more strictly than its label."
                                     " Its label was narrowed to that."),
        (Beyond.EDITION, ["TLP:RED", "TLP:GREEN"], "A part of it is marked TLP:RED, more strictly than its label."
                                                   " The rest is an edition of its own, under the label."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_part_is_warned_of_narrowed_to_or_left_out_of_an_edition(
    house: House, hand: Hands, amber: Labels, beyond: Beyond, labels: list[str], notice: str
) -> None:
    draft = house.draft(STIX, actor(1, **part(TLP["RED"])))

    taken = house.take(hand("KWT"), draft, amber("QAT", tlp="TLP:GREEN"), originator="KWT", beyond=beyond)

    assert [stood(house, ref) for ref in taken.refs] == [amber("QAT", tlp=tlp) for tlp in labels]
    assert [one.text for one in taken.notices] == [notice]
    room = house.room(Reader("a Qatari", "QAT"))
    held = [b"harm ports" in room.parts(room.get(ref))[0].data for ref in taken.refs]
    assert held == [True, False][: len(labels)]


def test_what_is_said_of_a_part_is_refused_when_asked_to_be(house: House, hand: Hands, amber: Labels) -> None:
    with pytest.raises(NotAllowed, match=r"A part of it is marked TLP:RED.* Nothing was entered\."):
        entered(house, hand("KWT"), actor(1, **part(TLP["RED"])), amber("QAT"), beyond=Beyond.REFUSE)

    assert house.room(Reader("a Kuwaiti", "KWT")).count() == 0


@pytest.mark.parametrize("beyond", [Beyond.NARROW, Beyond.EDITION])
def test_a_part_that_nobody_could_read_under_its_own_marking_is_refused_not_entered_for_nobody(
    house: House, hand: Hands, amber: Labels, beyond: Beyond
) -> None:
    draft = house.draft(STIX, actor(1, **part(TLP["RED"])))

    with pytest.raises(Unlabelled, match=r"so nobody could read it\. Nothing was entered\.$"):
        house.take(hand("KWT"), draft, amber(tlp="TLP:CLEAR"), originator="KWT", beyond=beyond)

    assert house.prove().items == 0


def test_an_edition_that_cannot_be_made_refuses_its_draft_alone(house: House, hand: Hands, amber: Labels) -> None:
    named = {"granular_markings": [{"marking_ref": TLP["RED"], "selectors": ["name"]}]}
    drafts = [house.draft(STIX, data) for data in (actor(1), actor(2, **named), actor(3, **part(TLP["RED"])))]

    outcomes = house.take_all(
        hand("KWT"), [(one, amber("QAT")) for one in drafts], originator="KWT", beyond=Beyond.EDITION
    )

    assert [len(one.refs) if isinstance(one, Taken) else type(one) for one in outcomes] == [1, NotAllowed, 2]


@pytest.mark.parametrize(
    ("distribution", "chosen", "stands"),
    [
        (0, "QAT", only("KWT", tlp="TLP:AMBER")),
        (1, "ICI", Label("TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("ICI",)),),
                         Handling(tlp="TLP:AMBER"))),
        (1, "QAT", Label("TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("ICI",)),
                         Category("Only", CategoryType.PERMISSIVE, ("QAT",))), Handling(tlp="TLP:AMBER"))),
        (None, "QAT", Label("TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("QAT",)),),
                            Handling(tlp="TLP:AMBER"))),
    ],
    ids=["own organisation", "this community", "a party of it", "not said"],
)  # fmt: skip
def test_distribution_of_an_event_narrows_the_label_that_was_chosen(
    house: House, hand: Hands, amber: Labels, distribution: int | None, chosen: str, stands: Label
) -> None:
    taken = house.take_all(
        hand("KWT"),
        [(house.draft(MISP, event(1, distribution, "tlp:amber")), amber(chosen, tlp="TLP:GREEN"))],
        originator="KWT",
    )

    assert [stood(house, one.refs[0]) for one in taken if isinstance(one, Taken)] == [stands]
    one = entered(house, hand("KWT"), event(2, distribution, "tlp:amber"), amber(chosen, tlp="TLP:GREEN"))
    assert stood(house, one) == stands


def test_an_event_for_an_audience_that_is_not_known_here_is_refused_and_the_others_go_in(
    house: House, hand: Hands, amber: Labels
) -> None:
    drafts = [house.draft(MISP, event(1, 3, "tlp:amber")), house.draft(STIX, actor(2)), house.draft(MISP, event(3, 0))]

    outcomes = house.take_all(hand("KWT"), [(one, amber("QAT")) for one in drafts], originator="KWT")

    assert [type(one) for one in outcomes] == [NotAllowed, Taken, Taken]
    assert isinstance(outcomes[0], Refused)
    assert "is no framework at this node" in str(outcomes[0])


def test_originator_relabels_nothing_freer_than_its_own_tlp(house: House, hand: Hands, amber: Labels) -> None:
    ref = entered(house, hand("KWT"), actor(1, TLP["AMBER"]), amber("QAT", tlp="TLP:RED"))

    house.relabel(hand("KWT"), ref, amber("QAT", "BHR"))
    with pytest.raises(NotAllowed, match=r"no more than TLP:AMBER // Releasable to BHR, QAT\. Nothing was changed\."):
        house.relabel(hand("KWT"), ref, amber("BHR", "QAT", tlp="TLP:GREEN"))
    with pytest.raises(NotAllowed, match=r"A label is never freer .*\. Nothing was changed\."):
        house.relabel(hand("KWT"), ref, amber(tlp="TLP:CLEAR"))

    assert stood(house, ref) == amber("QAT", "BHR")


def test_originator_relabels_nothing_freer_than_a_definition_says_that_is_registered_here(
    house: House, hand: Hands, amber: Labels
) -> None:
    ref = entered(house, hand("KWT"), actor(1, PAP), amber("QAT"))
    entered(house, hand("KWT"), definition("PAP:RED"), amber("QAT"))

    with pytest.raises(NotAllowed, match="Nothing was changed"):
        house.relabel(hand("KWT"), ref, amber("QAT", "BHR"))
    # What is no wider than what stands is taken in any case: narrowing is always possible.
    house.relabel(hand("KWT"), ref, amber("QAT", tlp="TLP:RED"))

    assert stood(house, ref) == amber("QAT", tlp="TLP:RED")


def test_originator_relabels_an_event_no_wider_than_its_distribution(house: House, hand: Hands, amber: Labels) -> None:
    ref = entered(house, hand("KWT"), event(1, 1, "tlp:amber"), amber("ICI", tlp="TLP:AMBER"))
    own = entered(house, hand("KWT"), event(2, 0, "tlp:amber"), amber("QAT", tlp="TLP:AMBER"))

    for refused in (amber("NATO"), amber(tlp="TLP:CLEAR"), amber("ICI", tlp="TLP:GREEN"), amber("ICI", "QAT")):
        with pytest.raises(Refused):
            house.relabel(hand("KWT"), ref, refused)
    with pytest.raises(NotAllowed, match=r"no more than TLP:AMBER // KWT ONLY\. Nothing was changed\."):
        house.relabel(hand("KWT"), own, amber("QAT"))
    assert (stood(house, ref), stood(house, own)) == (amber("ICI"), only("KWT", tlp="TLP:AMBER"))

    house.relabel(hand("KWT"), ref, amber("ICI", tlp="TLP:RED"))
    assert stood(house, ref) == amber("ICI", tlp="TLP:RED")


def test_relabel_is_held_to_the_text_in_every_world(house: House, hand: Hands, amber: Labels) -> None:
    draft = msgspec.structs.replace(house.draft(STIX, actor(1, TLP["RED"])), world=World.EXERCISE)
    ref = house.take(hand("KWT"), draft, amber("QAT"), originator="KWT").refs[0]

    with pytest.raises(NotAllowed, match="never freer"):
        house.relabel(hand("KWT"), ref, amber("QAT"))

    assert house.room(Reader("a Kuwaiti", "KWT"), World.EXERCISE).get(ref).label == amber("QAT", tlp="TLP:RED")


def test_alert_that_says_nothing_of_its_handling_is_relabelled_as_wide_as_its_originator_wants(
    house: House, hand: Hands, amber: Labels
) -> None:
    draft = house.draft("application/cap+xml", ALERT.read_bytes())
    ref = house.take(hand("KWT"), draft, amber("QAT", tlp="TLP:RED"), originator="KWT").refs[0]

    house.relabel(hand("KWT"), ref, amber(tlp="TLP:CLEAR"))

    assert stood(house, ref) == amber(tlp="TLP:CLEAR")


def test_a_correction_that_asks_for_a_stricter_label_than_stands_is_refused(
    house: House, hand: Hands, amber: Labels
) -> None:
    ref = entered(house, hand("KWT"), actor(1), amber("QAT"))
    stricter = house.draft(STIX, actor(1, TLP["RED"], modified="2017-01-21T08:00:00.000Z"))
    as_strict = house.draft(STIX, actor(1, TLP["GREEN"], modified="2017-01-21T08:00:00.000Z"))

    with pytest.raises(NotAllowed, match=r"no more than TLP:RED // Releasable to QAT\. Nothing was changed\."):
        house.rectify(hand("KWT"), ref, stricter)
    house.rectify(hand("KWT"), ref, as_strict)

    room = house.room(Reader("a Qatari", "QAT"))
    assert room.parts(room.history(room.get(ref))[0]) == as_strict.parts
