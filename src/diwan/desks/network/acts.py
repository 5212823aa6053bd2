"""What is done at the network desk: a filled-in form becomes a statement, and so a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from diwan.desks.network.kinds import (
    FRAMEWORK,
    MEMBERSHIP,
    MISSION,
    PARTY,
    Belonging,
    Framework,
    Mission,
    Party,
    Statement,
)
from diwan.desks.network.parse import parse
from diwan.desks.network.render import write
from diwan.terms.errors import Malformed
from diwan.terms.item import Draft

LANGUAGES: Final = ("en", "fr", "ar")
"""The languages in which the forms ask for names, as `name_en` and so on."""

_T = TypeVar("_T", bound=msgspec.Struct)


def party(form: Mapping[str, str]) -> Draft:
    """Return the draft of a party.

    Read are `id`, `type`, `name_en`, `name_fr`, `name_ar`, `part_of`, `since` and `until`; a blank field says nothing.

    Raises:
        Malformed: a field is missing or breaks a rule.
    """
    said = _said(form, ("id", "type", "since", "until"))
    if form.get("part_of", "").strip():
        said["partOf"] = form["part_of"].strip()
    return _draft(Party, {**said, "names": _names(form)})


def framework(form: Mapping[str, str]) -> Draft:
    """Return the draft of a framework or operation; fields `id`, `type`, `keeper`, names, `since`, `until`.

    Raises:
        Malformed: a field is missing or breaks a rule.
    """
    return _draft(Framework, {**_said(form, ("id", "type", "keeper", "since", "until")), "names": _names(form)})


def membership(form: Mapping[str, str]) -> Draft:
    """Return the draft of a membership; fields `framework`, `party`, `standing`, `since`, `until` (YYYY-MM-DD).

    Raises:
        Malformed: a field is missing or breaks a rule.
    """
    said = _said(form, ("framework", "party", "standing", "since", "until"))
    return _draft(Belonging, said)


def mission(form: Mapping[str, str]) -> Draft:
    """Return the draft of a mission or office; fields `id`, `type`, `of`, `to`, `host`, names, `since`, `until`.

    Raises:
        Malformed: a field is missing or breaks a rule.
    """
    said = _said(form, ("id", "type", "of", "to", "host", "since", "until"))
    return _draft(Mission, {**said, "names": _names(form)})


ACTS: Final[Mapping[str, Callable[[Mapping[str, str]], Draft]]] = {
    PARTY: party,
    FRAMEWORK: framework,
    MEMBERSHIP: membership,
    MISSION: mission,
}
"""The form of each kind."""


def _said(form: Mapping[str, str], fields: Iterable[str]) -> dict[str, object]:
    return {field: text for field in fields if (text := form.get(field, "").strip())}


def _names(form: Mapping[str, str]) -> dict[str, str]:
    return {language: text for language in LANGUAGES if (text := form.get(f"name_{language}", "").strip())}


def _draft(kind: type[Statement], said: Mapping[str, object]) -> Draft:
    try:
        statement = msgspec.convert({"kind": kind.__struct_config__.tag, **said}, kind)
    except msgspec.ValidationError as wrong:
        raise Malformed(f"The form: {wrong}. Nothing was entered.") from None
    return parse(write(statement), {})
