"""STIX patterns as values: what is compared, how comparisons are joined, and when a match counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Operator(StrEnum):
    """How a value is compared: STIX 2.1, section 9.6.1; `<>` is read as `!=` and `==` as `=`."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "IN"
    LIKE = "LIKE"
    MATCHES = "MATCHES"
    ISSUBSET = "ISSUBSET"
    ISSUPERSET = "ISSUPERSET"
    EXISTS = "EXISTS"


class Join(StrEnum):
    """How two tests or two observations are joined: STIX 2.1, sections 9.4 and 9.6."""

    AND = "AND"
    OR = "OR"
    FOLLOWEDBY = "FOLLOWEDBY"


class Time(msgspec.Struct, frozen=True):
    """A point in time as the pattern writes it, in UTC."""

    text: str


class Every(msgspec.Struct, frozen=True):
    """The step `[*]`: any item of a list."""


Value = str | int | float | bool | bytes | Time
Step = str | int | Every


class Path(msgspec.Struct, frozen=True):
    """An object path, `file:hashes.'SHA-256'`: the type of the object, and the steps to the value."""

    kind: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """Return it as a pattern writes it; a key is quoted where it must be."""
        return self.kind + ":" + "".join(map(_step, self.steps)).removeprefix(".")


class Comparison(msgspec.Struct, frozen=True):
    """One test of one value; EXISTS has no values, IN any number, every other operator one."""

    path: Path
    operator: Operator
    values: tuple[Value, ...]
    negated: bool = False


class Comparisons(msgspec.Struct, frozen=True):
    """Comparisons inside one observation, joined by AND or OR."""

    join: Join
    parts: tuple[Comparison | Comparisons, ...]


class Observation(msgspec.Struct, frozen=True):
    """What stands in square brackets: what one observed object must be like."""

    test: Comparison | Comparisons


class Observations(msgspec.Struct, frozen=True):
    """Observations joined by AND, OR or FOLLOWEDBY."""

    join: Join
    parts: tuple[Observed, ...]


class Within(msgspec.Struct, frozen=True):
    """All that matches lies within so many seconds."""

    seconds: float


class Repeats(msgspec.Struct, frozen=True):
    """It is observed so many times."""

    times: int


class Between(msgspec.Struct, frozen=True):
    """It is observed from `start` on, before `stop`."""

    start: Time
    stop: Time


Qualifier = Within | Repeats | Between


class Qualified(msgspec.Struct, frozen=True):
    """An observation, or several, with what qualifies them, in the order written."""

    inner: Observed
    qualifiers: tuple[Qualifier, ...]


Observed = Observation | Observations | Qualified


class Pattern(msgspec.Struct, frozen=True):
    """A whole pattern."""

    root: Observed


_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def _step(step: Step) -> str:
    if isinstance(step, Every):
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    if step and not step[0].isdigit() and _PLAIN.issuperset(step):
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f".'{escaped}'"
