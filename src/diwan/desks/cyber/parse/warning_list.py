"""MISP's warning lists, read from files that others publish: one bad entry is left out and told, never believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.normal import cidr, domain
from diwan.desks.cyber.kinds.observable import address
from diwan.desks.cyber.kinds.warning import LONGEST_MATCHED, Match, WarningList
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Weight

MOST_TOLD: Final = 200
_MOST: Final = {Match.SUBSTRING: 2_000, Match.REGEX: 500}
_LONGEST_ENTRY: Final = 2_048
_LONGEST_NAME: Final = 200
_KINDS: Final = {
    "ip-src": ("ipv4", "ipv6", "cidr"),
    "ip-dst": ("ipv4", "ipv6", "cidr"),
    "hostname": ("domain",),
    "domain": ("domain",),
    "url": ("url",),
    "uri": ("url",),
    "link": ("url",),
    "email": ("email",),
    "email-src": ("email",),
    "email-dst": ("email",),
    "md5": ("md5",),
    "sha1": ("sha1",),
    "sha256": ("sha256",),
    "sha512": ("sha512",),
    "ssdeep": ("ssdeep",),
    "tlsh": ("tlsh",),
    "filename": ("filename",),
    "mac-address": ("mac",),
    "AS": ("asn",),
    "vulnerability": ("cve",),
    "regkey": ("regkey",),
    "mutex": ("mutex",),
    "user-agent": ("user-agent",),
    "btc": ("btc",),
    "ip": ("ipv4", "ipv6", "cidr"),
    "port": (),
}
_REPEAT: Final = re.compile(r"[*+]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\}")
_BRACKET: Final = re.compile(r"\((?:\?:)?(?!\?)|[)|]")
_STEPS: Final = 1 << 20
_ATOM: Final = re.compile(r"\\[^0-9A-Za-z]|\\[dDwWsSbB]|\[\^?\]?(?:\\.|[^\]\\\[])+\]|[^\\\[\](){}*+?|]", re.DOTALL)


class _File(msgspec.Struct):
    name: str
    entries: list[str] | dict[str, str | None] = msgspec.field(name="list")
    type: str | list[str] = "string"
    matching_attributes: list[str] = []
    version: int = 0


_DECODER: Final = msgspec.json.Decoder(_File)


def read_list(data: bytes, file: str) -> WarningList:
    """Return the warning list in a file of MISP's format; entries that cannot be taken are in its `left_out`.

    Without `matching_attributes` a list speaks of every kind. A regular expression is taken only if it is sure to end
    soon (`ends_soon`): no look-around, no reference back, no repeated group. At most 500 expressions and 2,000
    substrings are taken, for each of them is tried on every value.

    Raises:
        Malformed: the bytes are no such file.

    Source: misp-warninglists, schema.json.
    """
    try:
        told = _DECODER.decode(data)
        kind = told.type if isinstance(told.type, str) else told.type[0]
        match = Match(kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError, ValueError) as error:
        raise Malformed(f"{_shown(file)} is no warning list in MISP's format. Nothing is compared with it.") from error
    name = told.name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Malformed(
            f"{_shown(file)}: the list's name is empty, too long or not printable. Nothing is compared with it."
        )
    entries, left_out = _entries(told.entries, match)
    return WarningList(name, match, entries, _kinds(told.matching_attributes), told.version, left_out)


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:100])


def _kinds(types: Iterable[str]) -> frozenset[str]:
    """Return our kinds for MISP's attribute types; a list for types we do not know speaks of nothing we hold."""
    parts = [part for one in types for part in one.split("|")]
    return frozenset(kind for part in parts for kind in _KINDS.get(part, ())) or frozenset(["none"] if parts else [])


def _entries(written: Iterable[str], match: Match) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    rule, most = _RULES[match], _MOST.get(match)
    taken: dict[str, None] = {}
    left_out: list[Finding] = []
    for at, entry in enumerate(written):
        known = rule(entry.strip()) if len(entry) <= _LONGEST_ENTRY and (most is None or len(taken) < most) else None
        if known:
            taken[known] = None
        elif len(left_out) < MOST_TOLD:
            message = f"This is not an entry that can be compared as {match.value}. It is left out."
            left_out.append(Finding("warninglist.entry", Weight.WARNING, f"/list/{at}", message))
    return tuple(taken), tuple(left_out)


def _network(text: str) -> str | None:
    known = cidr(text) if "/" in text else None
    if known is None:
        single = address(text)
        known = single.value if single and "/" not in text else None
    if known is None or "/" in known:
        return known
    return f"{known}/{128 if ':' in known else 32}"


def _hostname(text: str) -> str | None:
    name = text.lower().strip(".").removeprefix("*.")
    return domain(name) or (name if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name) else None)


def _part(text: str) -> str | None:
    # One or two characters are a part of nearly everything.
    return text.lower() if len(text) > 2 else None


def _expression(text: str) -> str | None:
    if text[:1] == "/" and text.rfind("/") > 0:
        text = text[1 : text.rfind("/")].replace("\\/", "/")
    if not text or not ends_soon(text):
        return None
    try:
        re.compile(text)
    except (re.error, OverflowError):
        return None
    return text


def ends_soon(expression: str) -> bool:
    """Return whether a regular expression is of the plain sort that cannot run away, whatever it is tried on.

    Only single characters may be repeated. What is left to try is then at most the places to begin at (one behind
    `^`), times the value's length for each repetition, times 2 for each `?`, times the alternatives for each group;
    that product must be within a million.
    """
    at, cost, depth, bars = 0, 1, 0, 0
    after_atom = False
    while at < len(expression) and cost <= _STEPS:
        repeat, atom = _REPEAT.match(expression, at), _ATOM.match(expression, at)
        bracket = _BRACKET.match(expression, at)
        option = expression[at] == "?"
        found = repeat or atom or bracket
        if ((repeat or option) and not after_atom) or not (found or option):
            return False
        depth += (expression[at] == "(" and bool(bracket)) - (expression[at] == ")")
        bars += expression[at] == "|"
        cost *= LONGEST_MATCHED if repeat else 2 if option else 1
        if expression[at] == ")":
            cost, bars = cost * (bars + 1), 0
        if depth not in (0, 1) or (depth == 0 and bracket and expression[at] == "|" and expression[0] == "^"):
            return False
        at, after_atom = found.end() if found else at + 1, bool(atom)
    begins = 1 if expression[0] == "^" else LONGEST_MATCHED
    return depth == 0 and cost * (bars + 1) * begins <= _STEPS


_RULES: Final[dict[Match, Callable[[str], str | None]]] = {
    Match.STRING: lambda text: text.lower() or None,
    Match.SUBSTRING: _part,
    Match.HOSTNAME: _hostname,
    Match.CIDR: _network,
    Match.REGEX: _expression,
}
