"""A finding about bytes: which rule, how grave, where; and a record that was rejected because of some."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Weight(StrEnum):
    """Whether a finding keeps a record out."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, order=True):
    """What is wrong, in one place."""

    rule: str
    """The rule's id in the standard's digest, `polygon.closed`."""
    severity: Weight
    path: str
    """Where in the document, `/alert/info[1]/area[2]/polygon`."""
    message: str
    line: int | None = None
    """Counted from 1."""

    def __str__(self) -> str:
        """Return it as one line for a refusal or a report."""
        place = f"{self.path}, line {self.line}" if self.line else self.path
        return f"{self.rule} at {place}: {self.message}"


class Reject(msgspec.Struct, frozen=True):
    """One record, or a whole file, that is not taken, and every rule that says so; the rest goes in."""

    file: str
    where: str
    """The record's place in the file."""
    findings: tuple[Finding, ...]
