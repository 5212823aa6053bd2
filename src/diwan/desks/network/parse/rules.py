"""The rules of a statement beyond its shape: ids, days, names, and what a mission needs that an office has not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from diwan.desks.network.kinds import (
    Belonging,
    Framework,
    Mission,
    MissionType,
    Party,
    PartyType,
    Statement,
    first_day,
)
from diwan.release.codes import ALIASES, is_party_id

LONGEST: Final = 200
"""Characters of a name or code at most."""
MOST: Final = 20
"""Names, and codes, of one statement at most."""
_NATION: Final = re.compile(r"[A-Z]{3}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")
# Joiners, and the marks that only state a letter's direction, are part of Arabic and Persian spelling; every other
# invisible character can make one name look like another.
_SPELLING: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


def faults(statement: Statement) -> Iterator[str]:
    """Yield which field breaks which rule, without a full stop."""
    yield from _id_faults(statement)
    yield from _time_faults(statement)
    match statement:
        case Party():
            yield from _party_faults(statement)
        case Framework():
            yield from _names_faults(statement.names, needed=True)
        case Mission():
            yield from _mission_faults(statement)
        case Belonging():
            pass


def _id_faults(statement: Statement) -> Iterator[str]:
    for field, text in _ids(statement).items():
        if text is None:
            continue
        if text in ALIASES:
            yield f"`{field}`: {text} is an older code; write {ALIASES[text]}"
        elif not is_party_id(text):
            yield f"`{field}`: not an id: 2 to 32 of A-Z, 0-9, dot and hyphen, beginning with a letter or digit"


def _ids(statement: Statement) -> Mapping[str, str | None]:
    match statement:
        case Party():
            return {"id": statement.id, "partOf": statement.part_of}
        case Framework():
            return {"id": statement.id, "keeper": statement.keeper}
        case Belonging():
            return {"framework": statement.framework, "party": statement.party}
        case Mission():
            return {"id": statement.id, "of": statement.of, "to": statement.to, "host": statement.host}


def _time_faults(statement: Statement) -> Iterator[str]:
    days: list[date | None] = []
    for field, said in (("since", statement.since), ("until", statement.until)):
        try:
            days.append(first_day(said) if isinstance(said, str) else said)
        except ValueError as wrong:
            yield f"`{field}`: {wrong}"
            return
    since, until = days
    if since is not None and until is not None and until <= since:
        yield "`until`: is the first day after, so it comes later than `since`"


def _party_faults(party: Party) -> Iterator[str]:
    if party.type is PartyType.NATION and not _NATION.fullmatch(party.id):
        yield "`id`: a nation's id is its ISO 3166-1 alpha-3 code"
    if party.part_of == party.id:
        yield "`partOf`: a party is not part of itself"
    yield from _names_faults(party.names, needed=True)
    yield from _texts_faults("codes", party.codes)


def _mission_faults(mission: Mission) -> Iterator[str]:
    accredited = mission.type is MissionType.MISSION
    if accredited and mission.to is None:
        yield "`to`: a mission is accredited to a party"
    if not accredited and mission.to is not None:
        yield "`to`: an office is not accredited; it has a `host`"
    if not accredited and mission.host is None:
        yield "`host`: an office stands in a party's country"
    if mission.to == mission.of:
        yield "`to`: a party sends no mission to itself"
    yield from _names_faults(mission.names, needed=False)


def _names_faults(names: Mapping[str, str], *, needed: bool) -> Iterator[str]:
    if needed and not names:
        yield "`names`: at least one is needed"
    for language in names:
        if not _LANGUAGE.fullmatch(language):
            yield "`names`: a name stands under a language tag such as `en` or `ar`"
    yield from _texts_faults("names", names)


def _texts_faults(field: str, texts: Mapping[str, str]) -> Iterator[str]:
    if len(texts) > MOST:
        yield f"`{field}`: more than {MOST}"
    for key, text in texts.items():
        for what in (key, text):
            yield from _text_faults(f"`{field}`", what)


def _text_faults(where: str, text: str) -> Iterator[str]:
    if len(text) > LONGEST:
        yield f"{where}: longer than {LONGEST} characters"
    elif not text or text != text.strip():
        yield f"{where}: blank, or with space around it"
    else:
        hidden = (c for c in text if c not in _SPELLING and unicodedata.category(c) in _INVISIBLE)
        yield from (f"{where}: U+{ord(c):04X} cannot be seen, or turns the reading direction" for c in hidden)
