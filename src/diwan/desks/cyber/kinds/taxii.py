"""TAXII 2.1 as values: media types, what became of a submission, and one version in a manifest."""

from __future__ import annotations

from typing import Final

import msgspec

from diwan.desks.cyber.kinds.stix import written
from diwan.terms.time import Instant

TAXII: Final = "application/taxii+json;version=2.1"
"""Source: TAXII 2.1, section 1.6.8."""
STIX: Final = "application/stix+json;version=2.1"
DEFAULT_PAGE: Final = 1000
LARGEST_PAGE: Final = 10_000


class Listed(msgspec.Struct, frozen=True):
    """One version of an object, as a manifest or a list of versions names it."""

    id: str
    at: Instant
    """When it came to the reader: `date_added`."""
    version: str
    """As `version_told` tells it."""
    spec: str = STIX


def version_told(written_as: str, sorts: str) -> str:
    """Return the version of an object as it is told: its own, or the instant of its entering (section 3.4.1).

    `sorts` is how the version is filed: of an object that gives none a 0 and that instant. What is told can so be asked
    for again, whenever the object came to a reader.
    """
    return written_as or written(int(sorts[1:]))


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one object of a submission. Source: TAXII 2.1, section 4.3.1."""

    id: str
    version: str
    message: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission. Source: TAXII 2.1, section 4.3."""

    id: str
    account: str
    """Whose submission it was; never written out."""
    requested: Instant
    successes: tuple[Detail, ...] = ()
    failures: tuple[Detail, ...] = ()
