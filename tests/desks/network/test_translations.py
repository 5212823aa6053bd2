"""The desk's pages speak French and Arabic as wholly as English."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

DESK = Path(str(files("diwan.desks.network")))
_PLACE = re.compile(r"%\(\w+\)s")


def asked() -> set[str]:
    method = [("**.html", "jinja2.ext:babel_extract")]
    return {message for _, _, message, _, _ in extract_from_dir(DESK / "templates", method_map=method)}


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_message_of_the_templates_is_translated_with_its_places_kept(language: str) -> None:
    with (DESK / "locale" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        said = {message.id: message.string for message in read_po(file, locale=language) if message.id}

    assert len(asked()) > 50
    assert asked() - {name for name, text in said.items() if text} == set()
    assert [name for name, text in said.items() if _PLACE.findall(name) != _PLACE.findall(text)] == []
