"""The forms: what a person fills in becomes the same draft as the file would."""

from __future__ import annotations

import pytest

from diwan.desks.network import DESK
from diwan.desks.network.acts import ACTS
from diwan.desks.network.parse import parse, read_statement
from diwan.terms.errors import Malformed


@pytest.mark.parametrize(
    ("kind", "form", "json"),
    [
        (
            "network.party",
            {"id": "NATO.RC", "type": "centre", "name_en": " Centre ", "name_fr": "", "part_of": "NATO"},
            b'{"kind":"party","id":"NATO.RC","type":"centre","names":{"en":"Centre"},"partOf":"NATO"}',
        ),
        (
            "network.framework",
            {"id": "ICI", "type": "framework", "keeper": "NATO", "name_ar": "مبادرة", "since": "2004", "until": ""},
            '{"kind":"framework","id":"ICI","type":"framework","keeper":"NATO","names":{"ar":"مبادرة"},"since":"2004"}'.encode(),
        ),
        (
            "network.membership",
            {"framework": "ICI", "party": "KWT", "standing": "member", "since": "2004-06-28", "token": "x"},
            b'{"kind":"membership","framework":"ICI","party":"KWT","standing":"member","since":"2004-06-28"}',
        ),
        (
            "network.mission",
            {"id": "KWT.NATO", "type": "mission", "of": "KWT", "to": "NATO", "host": " ", "since": "2016"},
            b'{"kind":"mission","id":"KWT.NATO","type":"mission","of":"KWT","to":"NATO","since":"2016"}',
        ),
    ],
)
def test_form_gives_the_statement_that_a_file_would(kind: str, form: dict[str, str], json: bytes) -> None:
    draft = ACTS[kind](form)

    assert draft.kind == kind
    assert read_statement(draft.parts[0].data) == read_statement(json)
    assert (draft.title, draft.aliases, draft.brief) == (parse(json, {}).title, *_derived(json))


@pytest.mark.parametrize(
    ("kind", "form", "reason"),
    [
        ("network.membership", {"framework": "ICI", "party": "KWT"}, "missing required field `standing`"),
        ("network.membership", {"framework": "ICI", "party": "kuwait", "standing": "member"}, "`party`: not an id"),
        ("network.party", {"id": "KWT", "type": "nation"}, "`names`: at least one is needed"),
    ],
)
def test_form_that_breaks_a_rule_is_refused_with_it(kind: str, form: dict[str, str], reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        ACTS[kind](form)

    assert reason in str(refused.value)


def test_every_kind_of_the_desk_has_a_form_and_a_page() -> None:
    assert ACTS.keys() == DESK.shows.keys() == DESK.kinds


def _derived(json: bytes) -> tuple[object, object]:
    draft = parse(json, {})
    return draft.aliases, draft.brief
