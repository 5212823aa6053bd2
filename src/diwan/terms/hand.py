"""A hand: a reader who also writes, in the roles their office gave them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from diwan.terms.reader import Reader


class Role(StrEnum):
    """What a person does here; a role lets someone act and never lets anyone read."""

    DUTY_OFFICER = "duty officer"
    RELEASING_OFFICER = "releasing officer"
    PROGRAMME_OFFICER = "programme officer"
    PRIVACY_OFFICER = "privacy officer"
    ADMINISTRATOR = "administrator"


class Hand(msgspec.Struct, frozen=True):
    """Who acts, as whom they read, and in which roles."""

    reader: Reader
    roles: frozenset[Role] = frozenset()
