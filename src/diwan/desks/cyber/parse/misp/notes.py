"""Reading MISP's loose JSON: numbers that may be text, flags that may be digits; every fault is noted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from diwan.terms.finding import Finding, Weight

FINDINGS: Final = 200
"""Findings told of one event."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_YEAR_10000: Final = 253_402_300_800
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)
_YES: Final = frozenset(("1", "true", "True"))


class Notes:
    """What was found while one event was read: an error keeps it out, a warning does not."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        self.findings: list[Finding] = []
        self.refused = False

    def error(self, rule: str, path: str, message: str) -> None:
        """Note what keeps the event out."""
        self.refused = True
        self._note(Finding(rule, Weight.ERROR, path, f"{message}. Not registered."))

    def warning(self, rule: str, path: str, message: str) -> None:
        """Note what the event is taken with."""
        self._note(Finding(rule, Weight.WARNING, path, f"{message}."))

    def _note(self, finding: Finding) -> None:
        if len(self.findings) < FINDINGS:
            self.findings.append(finding)
        elif finding.severity is Weight.ERROR and self.findings[-1].severity is Weight.WARNING:
            # An event is never refused without the report saying by which rule.
            self.findings[-1] = finding


class Node:
    """One JSON object of an event, with its place, and where faults are noted."""

    def __init__(self, tree: dict[str, Any], path: str, notes: Notes) -> None:
        """Hold an object; `path` is a JSON pointer within the event."""
        self.tree = tree
        self.path = path
        self.notes = notes

    def text(self, key: str) -> str:
        """Return a text, empty where there is none; a number is taken as it would be written."""
        value = self.tree.get(key)
        if value is None or value is False:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return str(int(value)) if isinstance(value, bool) else str(value)
        self.notes.error("misp.structure", f"{self.path}/{key}", "this must be text")
        return ""

    def number(self, key: str) -> int | None:
        """Return a whole number, written as one or as text; None where there is none or it is empty."""
        value = self.tree.get(key)
        if value is None or value == "":
            return None
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if _NUMBER.fullmatch(text):
            return int(text)
        self.notes.error("misp.number", f"{self.path}/{key}", "this must be a whole number")
        return None

    def moment(self, key: str) -> int | None:
        """Return seconds since 1970-01-01T00:00:00Z within the years that dates can be written for."""
        value = self.number(key)
        if value is None or 0 <= value < _YEAR_10000:
            return value
        self.notes.error("misp.moment", f"{self.path}/{key}", "this must be a moment of the years 1970 to 9999")
        return None

    def choice(self, key: str, allowed: range, rule: str) -> int | None:
        """Return a whole number out of `allowed`, None where there is none."""
        value = self.number(key)
        if value is None or value in allowed:
            return value
        self.notes.error(rule, f"{self.path}/{key}", f"{key} is {allowed.start} to {allowed.stop - 1}")
        return None

    def flag(self, key: str) -> bool:
        """Return whether a flag is set: true, 1 or "1"."""
        value = self.tree.get(key)
        return value is True or (isinstance(value, int | str) and str(value) in _YES)

    def uuid(self, key: str = "uuid") -> str:
        """Return a UUID in small letters, empty where there is none or it is no UUID."""
        value = self.tree.get(key)
        text = value.lower() if isinstance(value, str) else ""
        return text if _UUID.fullmatch(text) else ""

    def node(self, key: str) -> Node | None:
        """Return the object under a key; MISP writes an empty list where there is none."""
        value = self.tree.get(key)
        if isinstance(value, dict):
            return Node(value, f"{self.path}/{key}", self.notes)
        if value:
            self.notes.error("misp.structure", f"{self.path}/{key}", "this must be an object")
        return None

    def nodes(self, key: str) -> Iterator[Node]:
        """Yield the objects of a list; what is neither list nor objects is an error."""
        value = self.tree.get(key)
        if value is not None and not isinstance(value, list):
            self.notes.error("misp.structure", f"{self.path}/{key}", "this must be a list")
            return
        for number, one in enumerate(value or ()):
            if isinstance(one, dict):
                yield Node(one, f"{self.path}/{key}/{number}", self.notes)
            else:
                self.notes.error("misp.structure", f"{self.path}/{key}/{number}", "this must be an object")
