"""Reading statements: what goes in comes out; what is not exactly a statement is refused by field and rule."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.desks.network.kinds import (
    MEDIA_TYPE,
    Belonging,
    Framework,
    FrameworkType,
    Mission,
    MissionType,
    Party,
    PartyType,
    Statement,
)
from diwan.desks.network.parse import LIMIT, parse, read_statement
from diwan.desks.network.render import write
from diwan.release.codes import is_party_id
from diwan.terms.errors import Malformed
from diwan.terms.item import Alias, Link, Part
from diwan.terms.party import Membership, Standing

KUWAIT = {"kind": "party", "id": "KWT", "type": "nation", "names": {"en": "Kuwait", "ar": "الكويت"}}
MEMBER = {"kind": "membership", "framework": "ICI", "party": "KWT", "standing": "member", "since": "2004-06-28"}
EMBASSY = {"kind": "mission", "id": "KWT.NATO", "type": "mission", "of": "KWT", "to": "NATO", "since": "2016"}
OFFICE = {"kind": "mission", "id": "NATO.RC", "type": "office", "of": "NATO", "host": "KWT", "since": "2017-01-24"}

_ids = st.from_regex(r"[A-Z0-9][A-Z0-9.-]{1,31}", fullmatch=True).filter(is_party_id)
_texts = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30)
_names = st.dictionaries(st.sampled_from(["en", "fr", "ar", "pt-BR"]), _texts, min_size=1, max_size=4)
_since = st.sampled_from([None, "1949", "1995-02", "2004-06-28"])
_until = st.sampled_from([None, "2011", "2016-11", "2017-01-24"])
_statements: st.SearchStrategy[Statement] = st.one_of(
    st.builds(Party, id=_ids, type=st.just(PartyType.ORGANISATION), names=_names, since=_since, until=_until),
    st.builds(
        Framework, id=_ids, type=st.sampled_from(FrameworkType), names=_names, keeper=_ids, since=_since, until=_until
    ),
    st.builds(
        Belonging,
        framework=_ids,
        party=_ids,
        standing=st.sampled_from(Standing),
        since=st.none() | st.dates(date(1949, 4, 4), date(2004, 1, 1)),
        until=st.none() | st.dates(date(2004, 1, 2), date(9999, 12, 31)),
    ),
    st.builds(
        Mission, id=_ids, type=st.just(MissionType.OFFICE), of=_ids, host=_ids, names=_names, since=_since, until=_until
    ),
)


@given(_statements)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_statement_written_and_read_again_is_the_same_and_so_are_its_bytes(statement: Statement) -> None:
    data = write(statement)

    assert read_statement(data) == statement
    assert write(read_statement(data)) == data
    assert parse(data, {}).parts == (Part("statement.json", MEDIA_TYPE, data),)


def test_original_bytes_are_kept_as_they_came_whatever_their_spacing(json: Callable[..., bytes]) -> None:
    spaced = b"\n {  " + json(**MEMBER)[1:] + b"\r\n"

    assert parse(spaced, {}).parts[0].data == spaced


def test_membership_says_what_release_will_rest_on(json: Callable[..., bytes]) -> None:
    draft = parse(json(**MEMBER), {})

    assert draft.kind == "network.membership"
    assert draft.membership == Membership("ICI", "KWT", Standing.MEMBER, date(2004, 6, 28))
    assert draft.aliases == (Alias("network", "membership/ICI/KWT/2004-06-28"),)
    assert draft.links == (
        Link("stands in", Alias("network", "framework/ICI")),
        Link("speaks of", Alias("network", "party/KWT")),
    )
    assert draft.facets == (("framework", "ICI"), ("standing", "member"), ("party", "KWT"))
    assert draft.title == "KWT: member of ICI since 2004-06-28"


def test_only_a_membership_says_anything_of_belonging(json: Callable[..., bytes]) -> None:
    assert [parse(json(**said), {}).membership for said in (KUWAIT, EMBASSY, OFFICE)] == [None, None, None]


def test_membership_of_unknown_beginning_has_a_name_of_its_own(json: Callable[..., bytes]) -> None:
    draft = parse(json(kind="membership", framework="ICI", party="SAU", standing="aspirant"), {})

    assert draft.aliases == (Alias("network", "membership/ICI/SAU/-"),)


def test_party_is_found_by_its_names_in_every_language(json: Callable[..., bytes]) -> None:
    draft = parse(json(**KUWAIT, codes={"ISO 3166-1 alpha-2": "KW"}), {})

    assert set(draft.text) == {"KWT", "Kuwait", "الكويت", "KW"}
    assert draft.title == "Kuwait (KWT)"
    assert draft.links == ()


def test_mission_points_to_who_sent_it_and_to_whom(json: Callable[..., bytes]) -> None:
    draft = parse(json(**EMBASSY), {})

    assert draft.links == (
        Link("sent by", Alias("network", "party/KWT")),
        Link("accredited to", Alias("network", "party/NATO")),
    )
    assert draft.title == "Mission of KWT to NATO"
    assert parse(json(**OFFICE), {}).title == "Office of NATO in KWT"


@pytest.mark.parametrize(
    ("said", "french"),
    [
        (MEMBER, "KWT · ICI · membre · \u200e2004-06-28 – …"),
        ({"kind": "membership", "framework": "ICI", "party": "SAU", "standing": "aspirant"}, "SAU · ICI · candidat"),
        (EMBASSY, "Mission de KWT auprès de NATO"),
        ({**KUWAIT, "names": {"fr": "Koweït"}}, "Koweït (KWT)"),
    ],
)
def test_list_can_show_a_statement_in_the_readers_language(
    json: Callable[..., bytes], said: dict[str, object], french: str
) -> None:
    assert msgspec.json.decode(parse(json(**said), {}).brief)["headlines"]["fr"] == french


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({**KUWAIT, "id": "kwt"}, "`id`: not an id"),
        ({**KUWAIT, "id": "BAH"}, "`id`: BAH is an older code; write BHR"),
        ({**KUWAIT, "id": "KUWAIT"}, "`id`: a nation's id is its ISO 3166-1 alpha-3 code"),
        ({**KUWAIT, "names": {}}, "`names`: at least one is needed"),
        ({**KUWAIT, "names": {"english": "Kuwait"}}, "`names`: a name stands under a language tag"),
        ({**KUWAIT, "names": {"en": "K" * 201}}, "`names`: longer than 200 characters"),
        ({**KUWAIT, "names": {"en": " "}}, "`names`: blank"),
        ({**KUWAIT, "names": {"en": "Kuwait\u202e"}}, "`names`: U+202E cannot be seen, or turns the reading direction"),
        ({**KUWAIT, "names": {"en": "Ku\x00wait"}}, "`names`: U+0000 cannot be seen"),
        ({**KUWAIT, "names": {"en": "Ku\u2066wait"}}, "`names`: U+2066 cannot be seen"),
        ({**KUWAIT, "codes": {"x": "\u200bKW"}}, "`codes`: U+200B cannot be seen"),
        ({**KUWAIT, "codes": {str(n): "x" for n in range(21)}}, "`codes`: more than 20"),
        ({**KUWAIT, "partOf": "KWT"}, "`partOf`: a party is not part of itself"),
        ({**KUWAIT, "type": "empire"}, "Invalid enum value 'empire' - at `$.type`"),
        ({**KUWAIT, "owner": "NATO"}, "unknown field `owner`"),
        ({**KUWAIT, "kind": "tribe"}, "Invalid value 'tribe' - at `$.kind`"),
        ({**KUWAIT, "since": "24.1.2017"}, "`since`: '24.1.2017' is not YYYY, YYYY-MM or YYYY-MM-DD"),
        ({**KUWAIT, "since": "2017-02-30"}, "`since`: day is out of range for month"),
        ({**KUWAIT, "since": "2017", "until": "2016-12"}, "`until`: is the first day after"),
        ({**MEMBER, "since": "2004"}, "Invalid RFC3339 encoded date - at `$.since`"),
        ({**MEMBER, "until": "2004-06-28"}, "`until`: is the first day after, so it comes later than `since`"),
        ({**MEMBER, "standing": "contributor"}, "Invalid enum value 'contributor' - at `$.standing`"),
        ({**MEMBER, "framework": "I C I"}, "`framework`: not an id"),
        ({**EMBASSY, "to": None}, "`to`: a mission is accredited to a party"),
        ({**EMBASSY, "to": "KWT"}, "`to`: a party sends no mission to itself"),
        ({**OFFICE, "to": "NATO"}, "`to`: an office is not accredited"),
        ({**OFFICE, "host": None}, "`host`: an office stands in a party's country"),
    ],
)
def test_broken_rule_is_refused_by_field_and_rule(
    json: Callable[..., bytes], said: dict[str, object], reason: str
) -> None:
    with pytest.raises(Malformed) as refused:
        parse(json(**said), {})

    assert reason in str(refused.value)
    assert str(refused.value).endswith("Not registered.")


def test_arabic_joiners_are_spelling_and_stay(json: Callable[..., bytes]) -> None:
    joined = "می\u200cخواهم"

    assert joined in parse(json(**{**KUWAIT, "names": {"fa": joined}}), {}).text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xef\xbb\xbf{}",
        b'{"kind":"party"',
        b'{"kind":"party","id":"\xff"}',
        b'{"kind":"party","id":"KWT","type":"nation","names":{"en":"\\ud800"}}',
        b'{"kind":"party","id":"KWT","type":"nation","names":{"en":"Kuwait"}} {}',
    ],
)
def test_bytes_that_are_no_statement_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="Not registered"):
        parse(data, {})


def test_field_said_twice_is_refused_because_readers_could_differ() -> None:
    data = b'{"kind":"membership","framework":"ICI","party":"KWT","standing":"former","standing":"member"}'

    with pytest.raises(Malformed, match="a field stands twice"):
        parse(data, {})


@pytest.mark.parametrize("start", [b"[", b'{"kind":', b'{"names":['])
@pytest.mark.parametrize("depth", [8_000, 100_000])
def test_deep_nesting_is_refused_after_bounded_work(start: bytes, depth: int) -> None:
    began = time.perf_counter()
    with pytest.raises(Malformed):
        parse(start * depth, {})

    assert time.perf_counter() - began < 0.5


def test_more_bytes_than_a_statement_needs_are_not_even_read() -> None:
    with pytest.raises(Malformed, match=f"more than {LIMIT} bytes"):
        parse(b" " * (LIMIT + 1), {})


def test_refusal_quotes_no_text_that_turns_its_line_round() -> None:
    with pytest.raises(Malformed) as refused:
        parse('{"kind":"party","\u202eevil\u0000":1}'.encode(), {})

    assert str(refused.value).isprintable()


@given(st.binary(max_size=200))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data, {})
