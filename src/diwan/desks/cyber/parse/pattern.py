"""STIX patterns: text to values by the grammar of STIX 2.1, section 9, and what a value alone indicates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from diwan.desks.cyber.kinds.pattern import (
    Between,
    Comparison,
    Comparisons,
    Every,
    Join,
    Observation,
    Observations,
    Observed,
    Operator,
    Path,
    Pattern,
    Qualified,
    Qualifier,
    Repeats,
    Step,
    Time,
    Value,
    Within,
)
from diwan.desks.cyber.parse.pattern_tokens import PatternError, Token, shown, tokens_of, unescaped, value_of

DEPTH: Final = 64
"""Parentheses inside one another at most."""
_LITERALS: Final = ("text", "int", "float", "hex", "binary", "time")
_TRUTH: Final = ("true", "false")
_EQUAL: Final = {"=": Operator.EQUAL, "==": Operator.EQUAL, "!=": Operator.UNEQUAL, "<>": Operator.UNEQUAL}
_ORDER: Final = {word: Operator(word) for word in ("<", "<=", ">", ">=")}
_ON_TEXT: Final = {word: Operator(word) for word in ("LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET")}
_OPERATORS: Final = (*_EQUAL, *_ORDER, *_ON_TEXT, "IN")
_QUALIFIERS: Final = ("START", "WITHIN", "REPEATS")
_OUTSIDE: Final = (Join.FOLLOWEDBY, Join.OR, Join.AND)
_INSIDE: Final = (Join.OR, Join.AND)
_SAID: Final = {
    "end": "the end",
    "text": "a quoted text",
    "int": "a number",
    "float": "a number",
    "hex": "h'…'",
    "binary": "b'…'",
    "time": "t'…'",
    "name": "a name",
}
_Part = TypeVar("_Part")


# A pattern is read for the rules of its object and again for what it names, one soon after the other.
@functools.lru_cache(maxsize=1)
def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a text holds; 120,000 patterns of one comparison a second.

    Held to the grammar, and to what the text of section 9 adds: qualifiers count from above zero, an index is none
    below zero, and no observation has two qualifiers of one sort.

    Raises:
        PatternError: with the column of the first word that does not fit; it is a Malformed.
    """
    reader = _Reader(tokens_of(text))
    root = reader.observations(0)
    reader.take("end")
    return Pattern(root)


def comparisons(pattern: Pattern) -> Iterator[tuple[Comparison, bool]]:
    """Yield every comparison of a pattern, and whether it alone makes the pattern match.

    It alone does where nothing but OR stands above it, it is not negated, and no REPEATS or START … STOP narrows it:
    a list of values for another tool may hold it then, and must not otherwise.
    """
    yield from _observed(pattern.root, alone=True)


def _observed(node: Observed, *, alone: bool) -> Iterator[tuple[Comparison, bool]]:
    match node:
        case Qualified():
            yield from _observed(node.inner, alone=alone and not any(map(_narrows, node.qualifiers)))
        case Observations():
            for part in node.parts:
                yield from _observed(part, alone=alone and node.join is Join.OR)
        case Observation():
            yield from _tested(node.test, alone=alone)


def _tested(node: Comparison | Comparisons, *, alone: bool) -> Iterator[tuple[Comparison, bool]]:
    if isinstance(node, Comparison):
        yield node, alone and not node.negated
        return
    for part in node.parts:
        yield from _tested(part, alone=alone and node.join is Join.OR)


def _narrows(qualifier: Qualifier) -> bool:
    return isinstance(qualifier, Between) or (isinstance(qualifier, Repeats) and qualifier.times > 1)


class _Reader:
    """The words of one pattern, read from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def take(self, *sorts: str) -> Token:
        """Return the next word, which must be of one of these sorts."""
        token = self._tokens[self._at]
        if token.sort not in sorts:
            raise PatternError(f"{shown(token)} stands where {_either(sorts)} must stand", token.at + 1)
        self._at += 1
        return token

    def took(self, sort: str) -> bool:
        """Return whether the next word is of this sort; if so, it is taken."""
        if self._tokens[self._at].sort != sort:
            return False
        self._at += 1
        return True

    def observations(self, depth: int) -> Observed:
        """Return observations; FOLLOWEDBY binds least, then OR, then AND."""
        return self._joined(_OUTSIDE, Observations, self._observation, depth)

    def _joined(
        self,
        joins: tuple[Join, ...],
        make: Callable[[Join, tuple[_Part, ...]], _Part],
        leaf: Callable[[int], _Part],
        depth: int,
    ) -> _Part:
        if not joins:
            return leaf(depth)
        join, inner = joins[0], joins[1:]
        first = self._joined(inner, make, leaf, depth)
        if self._tokens[self._at].sort != join:
            return first
        parts = [first]
        while self.took(join):
            parts.append(self._joined(inner, make, leaf, depth))
        return make(join, tuple(parts))

    def _observation(self, depth: int) -> Observed:
        inner: Observed
        if self.take("[", "(").sort == "[":
            inner = Observation(self._tests(depth))
            self.take("]")
            return self._qualified(inner, once=True)
        inner = self.observations(self._deeper(depth))
        self.take(")")
        return self._qualified(inner, once=False)

    def _qualified(self, inner: Observed, *, once: bool) -> Observed:
        qualifiers: list[Qualifier] = []
        while self._tokens[self._at].sort in _QUALIFIERS:
            token = self._tokens[self._at]
            qualifiers.append(self._qualifier())
            if once and len({type(said) for said in qualifiers}) < len(qualifiers):
                raise PatternError(f"{shown(token)} qualifies one observation twice", token.at + 1)
        return Qualified(inner, tuple(qualifiers)) if qualifiers else inner

    def _qualifier(self) -> Qualifier:
        match self.take(*_QUALIFIERS).sort:
            case "WITHIN":
                seconds = self._above_zero("int", "float")
                self.take("SECONDS")
                return Within(float(seconds))
            case "REPEATS":
                times = self._above_zero("int")
                self.take("TIMES")
                return Repeats(int(times))
        start = self.take("time")
        self.take("STOP")
        return Between(Time(start.text[2:-1]), Time(self.take("time").text[2:-1]))

    def _above_zero(self, *sorts: str) -> float:
        token = self.take(*sorts)
        number = value_of(token)
        if not isinstance(number, int | float) or number <= 0:
            raise PatternError(f"{shown(token)} is not above zero", token.at + 1)
        return number

    def _tests(self, depth: int) -> Comparison | Comparisons:
        return self._joined(_INSIDE, Comparisons, self._test, depth)

    def _test(self, depth: int) -> Comparison | Comparisons:
        if self.took("("):
            inner = self._tests(self._deeper(depth))
            self.take(")")
            return inner
        if self._tokens[self._at].sort in ("NOT", "EXISTS"):
            negated = self.took("NOT")
            self.take("EXISTS")
            return Comparison(self._path(), Operator.EXISTS, (), negated)
        path = self._path()
        negated = self.took("NOT")
        operator, values = self._asked()
        return Comparison(path, operator, values, negated)

    def _asked(self) -> tuple[Operator, tuple[Value, ...]]:
        word = self.take(*_OPERATORS).sort
        if word in _EQUAL:
            return _EQUAL[word], (self._value(*_LITERALS, *_TRUTH),)
        if word in _ORDER:
            return _ORDER[word], (self._value(*_LITERALS),)
        if word in _ON_TEXT:
            return _ON_TEXT[word], (self._value("text"),)
        return Operator.IN, self._set()

    def _set(self) -> tuple[Value, ...]:
        self.take("(")
        values: list[Value] = []
        if self.took(")"):
            return ()
        while not values or self.take(",", ")").sort == ",":
            values.append(self._value(*_LITERALS, *_TRUTH))
        return tuple(values)

    def _value(self, *sorts: str) -> Value:
        return value_of(self.take(*sorts))

    def _path(self) -> Path:
        kind = self.take("name").text
        self.take(":")
        steps: list[Step] = [self._key()]
        while self._tokens[self._at].sort in (".", "["):
            if self.take(".", "[").sort == ".":
                steps.append(self._key())
                continue
            steps.append(self._index())
            self.take("]")
        return Path(kind, tuple(steps))

    def _key(self) -> str:
        token = self.take("name", "text")
        if token.sort == "text":
            return unescaped(token.text)
        if "-" in token.text:
            raise PatternError(f"{shown(token)} has a hyphen, so it must stand in quotes", token.at + 1)
        return token.text

    def _index(self) -> int | Every:
        token = self.take("int", "*")
        if token.sort == "*":
            return Every()
        if token.text.startswith("-"):
            raise PatternError(f"{shown(token)} is below zero", token.at + 1)
        number = value_of(token)
        return number if isinstance(number, int) else 0

    def _deeper(self, depth: int) -> int:
        if depth >= DEPTH:
            raise PatternError(f"more than {DEPTH} parentheses inside one another", self._tokens[self._at].at + 1)
        return depth + 1


def _either(sorts: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(_SAID.get(sort, sort) for sort in sorts))
