"""TLP and PAP tokens."""

from __future__ import annotations

import pytest

from diwan.release.tlp import COLOURS, PAP, TLP, strictest


def test_strictest_token_wins_and_none_gives_way() -> None:
    assert strictest(["TLP:GREEN", None, "TLP:AMBER+STRICT", "TLP:AMBER"], TLP) == "TLP:AMBER+STRICT"
    assert strictest(["PAP:CLEAR", "PAP:RED"], PAP) == "PAP:RED"
    assert strictest([None], TLP) is None


def test_token_of_another_protocol_or_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        strictest(["TLP:WHITE", "TLP:RED"], TLP)


def test_every_token_has_its_colour() -> None:
    assert set(COLOURS) == set(TLP)
    assert COLOURS["TLP:RED"] == "#FF2B2B"
