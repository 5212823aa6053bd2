"""The pages speak French and Arabic as wholly as English: every catalogue holds what its pages say, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from diwan.demo.content import alerts, statements
from diwan.desk import Desk
from diwan.desks.crisis import DESK as CRISIS
from diwan.desks.crisis.kinds import codes
from diwan.desks.crisis.parse.draft import _RELATIONS
from diwan.desks.cyber import DESK as CYBER
from diwan.desks.cyber.pages.words import WORDS
from diwan.desks.network import DESK as NETWORK
from diwan.desks.network.kinds.statement import FrameworkType, MissionType, PartyType
from diwan.house import House
from diwan.terms.hand import Role
from diwan.terms.party import Standing
from diwan.web.language import LANGUAGES, catalogue
from diwan.web.told import SHAPES
from diwan.web.watch import FACETS

DESKS = {"crisis": CRISIS, "cyber": CYBER, "network": NETWORK}
FOLDERS = {"shell": Path(str(files("diwan.web")))} | {name: Path(str(files(d.package))) for name, d in DESKS.items()}
CODES = {
    "status": codes.Status,
    "msgType": codes.MsgType,
    "scope": codes.Scope,
    "category": codes.Category,
    "responseType": codes.ResponseType,
    "urgency": codes.Urgency,
    "severity": codes.Severity,
    "certainty": codes.Certainty,
}
# Numbers that take each of the forms, in the order of the forms (CLDR, plural rules).
COUNTS = {"fr": [(0, 1), (2, 11, 100)], "ar": [(0,), (1,), (2,), (3, 10, 103), (11, 99, 111), (100, 102, 200)]}
_PLACE = re.compile(r"%\(\w+\)s")

Key = tuple[str | None, str]
"""Context and message; a plural stands under its singular."""

every_catalogue = pytest.mark.parametrize(
    ("place", "language"), [(place, language) for place in FOLDERS for language in COUNTS]
)


def read(place: str, language: str) -> Catalog:
    with (FOLDERS[place] / "locale" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def said(place: str, language: str) -> dict[Key, Message]:
    return {(one.context, _singular(one.id)): one for one in read(place, language) if one.id}


def written(place: str) -> set[Key]:
    """What extraction finds in the templates and the Python of a place."""
    found = extract_from_dir(
        FOLDERS[place],
        method_map=[("**.html", "jinja2"), ("**.py", "python")],
        keywords={**DEFAULT_KEYWORDS, "say": None},
        options_map={"**.html": {"trimmed": "true"}},
    )
    return {(context, _singular(message)) for _, _, message, _, context in found}


def asked_by_value(place: str, house: House) -> Iterator[Key]:
    """What pages say that stands in values: extraction finds none of it."""
    if place in DESKS:
        yield from ((None, message) for message in _declared(DESKS[place]))
    if place == "crisis":
        yield from ((None, relation) for relation in _RELATIONS.values())
        yield from ((field, code.value) for field, listed in CODES.items() for code in listed)
    elif place == "cyber":
        yield from ((None, relation) for relation in ("extends", "references"))
        yield from ((field, word) for field, words in WORDS.items() for word in words)
    elif place == "network":
        types = (*PartyType, *FrameworkType, *MissionType)
        relations = ("stands in", "speaks of", "part of", "kept by", "sent by", "accredited to")
        yield from ((None, message) for message in (*(one.capitalize() for one in types), *relations))
        yield from (("standing", one.capitalize()) for one in Standing)
    else:
        policies = house.rules().policies
        yield from ((None, role.capitalize()) for role in Role)
        yield from ((None, policy.title) for policy in policies)
        yield from ((None, tag.name) for policy in policies for tag in policy.tags)
        yield from ((None, sentence) for sentence in SHAPES)
        yield None, "edition of"
        yield None, house.settings.node_ceiling.of


def _declared(desk: Desk) -> Iterator[str]:
    yield desk.name.capitalize()
    yield from (kind.replace(".", " ").capitalize() for kind in desk.kinds)
    yield from (board.title for board in desk.boards if board.title)
    yield from (act.title for acts in desk.acts.values() for act in acts)


def _singular(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


@every_catalogue
def test_a_catalogue_holds_what_its_pages_say_and_nothing_else(place: str, language: str, house: House) -> None:
    wanted = written(place) | set(asked_by_value(place, house))
    held = said(place, language)

    assert len(wanted) > 50
    assert held.keys() == wanted
    assert [key for key, message in held.items() if message.fuzzy or not all(_texts(message))] == []


@every_catalogue
def test_a_translation_keeps_every_place_that_is_filled(place: str, language: str) -> None:
    lost = [
        (message.id, text)
        for message in said(place, language).values()
        for form, text in enumerate(_texts(message))
        if sorted(_PLACE.findall(text)) != sorted(_places(message, language, form))
    ]

    assert lost == []


@pytest.mark.parametrize("language", COUNTS)
def test_catalogues_that_share_a_message_translate_it_alike(language: str) -> None:
    heard: dict[Key, set[str | tuple[str, ...]]] = {}
    for place in FOLDERS:
        for key, message in said(place, language).items():
            heard.setdefault(key, set()).add(message.string)

    assert {key: texts for key, texts in heard.items() if len(texts) > 1} == {}
    assert sum(len(said(place, language)) for place in FOLDERS) > len(heard)


@pytest.mark.parametrize("language", COUNTS)
def test_every_number_takes_the_form_that_its_language_asks_for(language: str) -> None:
    spoken = catalogue(LANGUAGES[language], [folder / "locale" for folder in FOLDERS.values()])
    plurals = [m for place in FOLDERS for m in said(place, language).values() if isinstance(m.id, tuple)]

    assert len(plurals) == 15
    for message in plurals:
        for form, numbers in enumerate(COUNTS[language]):
            for number in numbers:
                assert spoken.ngettext(*message.id, number) == message.string[form]


def test_the_words_of_all_that_the_demonstration_enters_are_in_the_catalogues() -> None:
    words = {key for place in DESKS for key in said(place, "ar")}
    encode = msgspec.json.encode
    told = [NETWORK.parses[_only(NETWORK)](encode(one), {}) for by in statements() for one in by.statements]
    warned = [CRISIS.parses[_only(CRISIS)](one.data, {}) for one in alerts()]

    drafts = [*told, *warned]
    facets = {(field, _cased(value)) for draft in drafts for field, value in draft.facets if field in FACETS}
    relations = {(None, link.relation) for draft in drafts for link in draft.links}

    assert len(relations) > 5
    assert {key for key in facets if key[0] != "framework"} | relations <= words


def _only(desk: Desk) -> str:
    return next(iter(desk.parses))


def _cased(value: str) -> str:
    return value if value.isupper() else value.capitalize()


def _texts(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def _places(message: Message, language: str, form: int) -> list[str]:
    """The places of a message; a form that one number alone takes says it as a word."""
    named: Callable[[str], list[str]] = _PLACE.findall
    if isinstance(message.id, str):
        return named(message.id)
    return [] if len(COUNTS[language][form]) == 1 else named(message.id[1])
