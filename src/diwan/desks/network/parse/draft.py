"""A statement's bytes become a draft: everything but the bytes is derived, so every node derives the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from diwan.desks.network.kinds import (
    KINDS,
    MEDIA_TYPE,
    SCHEME,
    Belonging,
    Brief,
    Framework,
    Mission,
    MissionType,
    Party,
    Statement,
    alias,
)
from diwan.desks.network.parse.strict import read_statement
from diwan.terms.item import Alias, Draft, Link, Part
from diwan.terms.party import Standing

NAME: Final = "statement.json"
_WORDS: Final = {
    Standing.MEMBER: {"en": "member", "fr": "membre", "ar": "عضو"},
    Standing.ASPIRANT: {"en": "aspirant", "fr": "candidat", "ar": "مرشح"},
    Standing.FORMER: {"en": "former member", "fr": "ancien membre", "ar": "عضو سابق"},
}
_MISSIONS: Final = {
    MissionType.MISSION: {
        "en": "Mission of {of} to {to}",
        "fr": "Mission de {of} auprès de {to}",
        "ar": "بعثة {of} لدى {to}",
    },
    MissionType.OFFICE: {
        "en": "Office of {of} in {host}",
        "fr": "Bureau de {of} ({host})",
        "ar": "مكتب {of} في {host}",
    },
}
# Without it, digits after Arabic letters would show a date's parts in reverse (Unicode Bidirectional Algorithm, W2).
_LEFT_TO_RIGHT: Final = "\u200e"
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def parse(data: bytes, _names: Mapping[str, str]) -> Draft:
    """Return the draft of a statement, with the bytes as they came as its only part.

    Parties are known by the ids that the statement says, so names in texts are not looked for.

    Raises:
        Malformed: not one statement, or a rule is broken; the text names the field and the rule.
    """
    statement = read_statement(data)
    parties = tuple(dict.fromkeys(party for _, party in _points_to(statement)))
    return Draft(
        kind=KINDS[type(statement)],
        title=_title(statement),
        parts=(Part(NAME, MEDIA_TYPE, data),),
        text=_text(statement),
        facets=(*_facets(statement), *(("party", party) for party in parties)),
        aliases=(alias(statement),),
        links=tuple(_links(statement)),
        names=tuple(sorted(parties)),
        brief=_encode(Brief(_headlines(statement), statement)),
        membership=statement.membership if isinstance(statement, Belonging) else None,
    )


def _title(statement: Statement) -> str:
    match statement:
        case Belonging():
            since = f" since {statement.since}" if statement.since else ""
            until = f" until {statement.until}" if statement.until else ""
            return f"{statement.party}: {statement.standing} of {statement.framework}{since}{until}"
        case Mission():
            return _called(_headlines(statement))
        case Party() | Framework():
            return f"{_called(statement.names)} ({statement.id})"


def _headlines(statement: Statement) -> dict[str, str]:
    match statement:
        case Belonging():
            dated = statement.since or statement.until
            days = f" · {_LEFT_TO_RIGHT}{statement.since or '…'} – {statement.until or '…'}" if dated else ""
            words = _WORDS[statement.standing].items()
            return {tag: f"{statement.party} · {statement.framework} · {word}{days}" for tag, word in words}
        case Party() | Framework():
            return {tag: f"{name} ({statement.id})" for tag, name in statement.names.items()}
        case Mission():
            said = {"of": statement.of, "to": statement.to, "host": statement.host}
            worded = {tag: words.format_map(said) for tag, words in _MISSIONS[statement.type].items()}
            return {**worded, **statement.names}


def _called(names: Mapping[str, str]) -> str:
    return names.get("en") or next(iter(names.values()), "")


def _text(statement: Statement) -> tuple[str, ...]:
    match statement:
        case Belonging():
            return (statement.framework, statement.party, *_WORDS[statement.standing].values())
        case Party():
            return (statement.id, *statement.names.values(), *statement.codes.values())
        case Framework() | Mission():
            return (statement.id, *statement.names.values())


def _facets(statement: Statement) -> Iterator[tuple[str, str]]:
    if isinstance(statement, Belonging):
        yield "framework", statement.framework
        yield "standing", statement.standing
    else:
        yield "type", statement.type


def _links(statement: Statement) -> Iterator[Link]:
    if isinstance(statement, Belonging):
        yield Link("stands in", Alias(SCHEME, f"framework/{statement.framework}"))
    own = alias(statement)
    for relation, party in _points_to(statement):
        to = Alias(SCHEME, f"party/{party}")
        if to != own:
            yield Link(relation, to)


def _points_to(statement: Statement) -> Iterator[tuple[str, str]]:
    match statement:
        case Party():
            said = {"is": statement.id, "part of": statement.part_of}
        case Framework():
            said = {"kept by": statement.keeper}
        case Belonging():
            said = {"speaks of": statement.party}
        case Mission():
            said = {"sent by": statement.of, "accredited to": statement.to, "stands in": statement.host}
    yield from ((relation, party) for relation, party in said.items() if party is not None)
