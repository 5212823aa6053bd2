"""The words of a STIX pattern: the lexical half of the grammar of STIX 2.1, section 9."""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.pattern import Time, Value
from diwan.desks.cyber.parse.finding import plain, quoted
from diwan.terms.errors import Malformed

LIMIT: Final = 128 * 1024
"""Characters of one pattern at most."""
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD: Final = re.compile(
    rf"""
      (?P<skip>[{_SPACE}]+|/\*.*?\*/|//[^\r\n]*)
    | (?:(?P<time>t'[0-9]{{4}}-(?:0[1-9]|1[012])-(?:0[1-9]|[12][0-9]|3[01])
        T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?Z')
    | (?P<hex>h'(?:[a-fA-F0-9]{{2}})*')
    | (?P<binary>b'(?:[A-Za-z0-9+/]{{4}})*(?:[A-Za-z0-9+/]{{4}}|[A-Za-z0-9+/]{{3}}=|[A-Za-z0-9+/]{{2}}==)')
    | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<text>'[^'\\]*(?:\\['\\][^'\\]*)*')
    | (?P<float>[+-]?[0-9]*\.[0-9]+)
    | (?P<int>[+-]?(?:0|[1-9][0-9]*))
    | (?P<mark>==|!=|<>|<=|>=|[=<>\[\]().,:*]))[ ]*
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_WORDS: Final = """
AND OR NOT FOLLOWEDBY LIKE MATCHES ISSUPERSET ISSUBSET EXISTS LAST IN START STOP SECONDS true false WITHIN REPEATS TIMES
"""
WORDS: Final = frozenset(_WORDS.split())
"""Words that the grammar keeps for itself, in exactly this case."""
_ESCAPED: Final = re.compile(r"\\(['\\])")


class PatternError(Malformed):
    """A text that is no STIX pattern; `column` is counted from 1."""

    def __init__(self, why: str, column: int) -> None:
        """Say why, and where; nothing in it can turn the line."""
        super().__init__(f"STIX pattern, column {column}: {why} (STIX 2.1, section 9). Nothing was entered.")
        self.why: Final = why
        self.column: Final = column


class Token(msgspec.Struct, frozen=True, gc=False):
    """One word, what sort it is, and where it starts, counted from 0."""

    sort: str
    text: str
    at: int


def tokens_of(text: str) -> list[Token]:
    """Return the words of a pattern, ended by one of the sort `end`; space and comments are left out.

    Raises:
        PatternError: more than `LIMIT` characters, or something that is no word of the grammar.
    """
    if len(text) > LIMIT:
        raise PatternError(f"more than {LIMIT} characters", LIMIT + 1)
    tokens, at, match = [], 0, _WORD.match
    while found := match(text, at):
        sort = found.lastgroup or "skip"
        if sort != "skip":
            said = found[sort]
            # A mark or a word of the grammar is its own sort.
            tokens.append(Token(said if sort == "mark" or said in WORDS else sort, said, at))
        at = found.end()
    if at < len(text):
        raise PatternError(f"{quoted(text[at], 1)} starts no word of a pattern", at + 1)
    tokens.append(Token("end", "", at))
    return tokens


def value_of(token: Token) -> Value:
    """Return what a literal says: text without escapes, bytes of b'' and h'', numbers, times."""
    text = token.text
    match token.sort:
        case "text":
            return unescaped(text)
        case "int":
            return _whole(token)
        case "float":
            return float(text)
        case "hex":
            return bytes.fromhex(text[2:-1])
        case "binary":
            return base64.b64decode(text[2:-1])
        case "time":
            return Time(text[2:-1])
        case "true" | "false":
            return text == "true"
    raise PatternError(f"{shown(token)} stands where a value must stand", token.at + 1)


def unescaped(text: str) -> str:
    """Return the text of a quoted string without its quotes and escapes."""
    return _ESCAPED.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]


def shown(token: Token) -> str:
    """Return a word as an error may quote it."""
    return "the end" if token.sort == "end" else plain(quoted(token.text, 40))


def _whole(token: Token) -> int:
    # Reading a long number takes time that grows with its square; a double holds 309 digits.
    if len(token.text) > 309:
        raise PatternError("a number is larger than a double holds", token.at + 1)
    return int(token.text)
