"""The tokens of the Traffic Light Protocol 2.0 and of PAP: their order and colours; they are never translated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

TLP: Final = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
"""From widest to strictest. Source: FIRST, Traffic Light Protocol 2.0 (August 2022)."""

PAP: Final = ("PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED")
"""From freest to strictest: how far acting on what was read may be noticed outside."""

COLOURS: Final[dict[str, str]] = {
    "TLP:CLEAR": "#FFFFFF",
    "TLP:GREEN": "#33FF00",
    "TLP:AMBER": "#FFC000",
    "TLP:AMBER+STRICT": "#FFC000",
    "TLP:RED": "#FF2B2B",
}
"""Text colour on black (#000000). Source: FIRST, Traffic Light Protocol 2.0, “TLP in RGB”."""


def strictest(tokens: Iterable[str | None], order: tuple[str, ...]) -> str | None:
    """Return the strictest of `tokens` by `order` (`TLP` or `PAP`); None only where none was given.

    Raises:
        ValueError: a token is not in `order`.
    """
    return max((token for token in tokens if token is not None), key=order.index, default=None)
