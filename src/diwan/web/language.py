"""The languages of the pages: which there are, which one a request gets, and their catalogues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import msgspec
from babel.core import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

Say = Callable[..., str]
"""Gettext of one language: a message with places such as `%(party)s`, and what fills them by name."""
Direction = Literal["ltr", "rtl"]
COOKIE: Final = "diwan-language"
_CATALOGUE: Final = "LC_MESSAGES/messages.po"


class Language(msgspec.Struct, frozen=True):
    """One language of the pages; dates follow `locale`, with digits 0-9 in all of them."""

    code: str
    name: str
    """As its speakers write it."""
    locale: str
    direction: Direction = "ltr"
    minute: str = "d MMM y, HH:mm"
    """The pattern of an instant to the minute, as CLDR writes patterns."""


ENGLISH: Final = Language("en", "English", "en_GB")
LANGUAGES: Final = {
    language.code: language
    for language in (
        ENGLISH,
        Language("fr", "Français", "fr_FR"),
        Language("ar", "العربية", "ar", "rtl", "d MMM y، HH:mm"),
    )
}


def choose(chosen: str | None, accepted: str, otherwise: str) -> Language:
    """Return the language of a page: the one chosen before, else the browser's first that is here, else the node's."""
    codes = (chosen or "", *_accepted(accepted), otherwise)
    return next((LANGUAGES[code] for code in codes if code in LANGUAGES), ENGLISH)


def direction(tag: str) -> Direction:
    """Return in which direction the language of a tag is written (CLDR); one that nobody knows, from the left."""
    try:
        return "rtl" if Locale.parse(tag, sep="-").text_direction == "rtl" else "ltr"
    except (ValueError, UnknownLocaleError):
        return "ltr"


def catalogue(language: Language, folders: Iterable[Path]) -> NullTranslations:
    """Return the messages of a language from every folder that has any; a message without one stays English."""
    found = NullTranslations()
    for folder in folders:
        file = folder / language.code / _CATALOGUE
        if not file.exists():
            continue
        compiled = BytesIO()
        with file.open("rb") as source:
            write_mo(compiled, read_po(source, locale=language.code))
        compiled.seek(0)
        here = Translations(compiled)
        if isinstance(found, Translations):
            found.merge(here)
        else:
            found = here
    return found


def speaker(messages: NullTranslations) -> Say:
    """Return the gettext of a catalogue for sentences that are put together outside a template."""

    def say(message: str, **parts: object) -> str:
        text = str(messages.gettext(message))
        return text % parts if parts else text

    return say


def _accepted(header: str) -> list[str]:
    weighed = []
    for part in header.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.strip().split("-")[0].lower()))
        except ValueError:
            continue
    return [code for _, code in sorted(weighed, key=lambda one: one[0])]
