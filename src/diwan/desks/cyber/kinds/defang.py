"""Defanged writing: `hxxp://example[.]com`, which nobody can click on, and its way back."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

import msgspec

_GAP: Final = r"[ \u00a0]{0,2}"
_TLDS: Final = r"(?:com|net|org|info|biz|ru|cn|io|top|xyz|example)"
_FANG: Final = re.compile(
    rf"""
    (?P<scheme>(?<![a-z0-9])(?:hxxp|h\*\*p|htxp|fxp)s?(?=(?:://|\[)))
    |(?P<slashes>\[:(?://|\\/\\/)\])
    |(?P<colon>[\[({{]:[\])}}])
    |(?P<slash>\[/\])
    |(?P<dot>{_GAP}[\[({{]{_GAP}(?:\.|dot|punkt|point){_GAP}[\])}}](?:[ ](?=[a-z0-9]))?
        |[\[({{]\.(?=[a-z0-9])|(?<=[a-z0-9])\.[\])}}](?=[a-z0-9])|(?<=[a-z0-9])\\\.(?=[a-z0-9]))
    |(?P<at>{_GAP}[\[({{]{_GAP}(?:at|@){_GAP}[\])}}]{_GAP})
    |(?P<spoken>(?<![\w-])[a-z0-9-]{{1,63}}(?:[ ]dot[ ][a-z0-9-]{{1,63}}){{0,4}}[ ]dot[ ]{_TLDS}(?![\w-]))
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_SCHEMES: Final = {"hxxp": "http", "h**p": "http", "htxp": "http", "fxp": "ftp"}
_SPOKEN: Final = re.compile(r" dot ", re.IGNORECASE)


class Refanged(msgspec.Struct, frozen=True):
    """A text in its ordinary writing, and where each of its parts stood before."""

    text: str
    starts: tuple[int, ...]
    """Where, in `text`, each part begins that was copied or replaced as a whole; rising, its end last."""
    origins: tuple[int, ...]
    """Where the same part begins in the text as written; its end last."""

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the text as written of `text[start:end]`, which is not empty."""
        return self._place(start, bisect_right(self.starts, start) - 1, 0), self._place(
            end, bisect_right(self.starts, end - 1) - 1, 1
        )

    def _place(self, at: int, part: int, side: int) -> int:
        begin, origin = self.starts[part], self.origins[part]
        same = self.starts[part + 1] - begin == self.origins[part + 1] - origin
        return origin + at - begin if same else self.origins[part + side]


def refang(text: str) -> str:
    """Return the text with every defanged writing undone; a text without any comes back unchanged.

    Undone are `hxxp`, `fxp`, `[.]`, `(.)`, `{.}`, `[dot]`, `\\.`, `[:]`, `[://]`, `[/]`, `[at]`, `[@]`, with spaces
    around the brackets, and ` dot ` between words only where a common top-level domain ends the name: a sentence
    that speaks of a dot is not a domain. Time grows with the length of the text.
    """
    return _FANG.sub(_plain, text)


def refanged(text: str) -> Refanged:
    """Return the text with every defanged writing undone, and the way back to the places in the text as written."""
    parts: list[str] = []
    starts: list[int] = []
    origins: list[int] = []
    at, done = 0, 0
    for found in _FANG.finditer(text):
        for piece, origin in ((text[done : found.start()], done), (_plain(found), found.start())):
            if piece:
                parts.append(piece)
                starts.append(at)
                origins.append(origin)
                at += len(piece)
        done = found.end()
    if done < len(text):
        parts.append(text[done:])
        starts.append(at)
        origins.append(done)
    whole = "".join(parts)
    return Refanged(whole, (*starts, len(whole)), (*origins, len(text)))


def _plain(found: re.Match[str]) -> str:
    which = found.lastgroup
    written = found[0]
    if which == "scheme":
        low = written.lower()
        return _SCHEMES[low.removesuffix("s")] + ("s" if low.endswith("s") else "")
    if which == "spoken":
        return _SPOKEN.sub(".", written)
    return {"slashes": "://", "colon": ":", "slash": "/", "dot": ".", "at": "@"}[which or "dot"]


def fenced(kind: str, value: str) -> str:
    """Return an observable's value so that no mail reader or terminal makes a link of it.

    Addresses, names, mailboxes and the host of a URL lose their dots to `[.]`, mailboxes their `@`, IPv6 addresses
    their colons, http and ftp their t's. Marks that turn the writing direction are written as `\\u202e`.
    """
    if kind in ("ipv4", "domain"):
        return value.replace(".", "[.]")
    if kind in ("ipv6", "cidr"):
        return value.replace(".", "[.]").replace(":", "[:]")
    if kind == "email":
        return value.replace("@", "[@]").replace(".", "[.]")
    if kind == "url":
        return _fenced_url(value)
    return "".join(f"\\u{ord(sign):04x}" if ord(sign) in TURNING else sign for sign in value)


def _fenced_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    cut = next((at for at, sign in enumerate(rest) if sign in "/?#"), len(rest))
    mild = {"http": "hxxp://", "https": "hxxps://", "ftp": "fxp://", "ftps": "fxps://"}.get(scheme, f"{scheme}[:]//")
    return f"{mild}{rest[:cut].replace('.', '[.]')}{rest[cut:]}"


TURNING: Final = frozenset({0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)})
"""Code points that turn the writing direction (Unicode, UAX 9): in a name they hide its suffix."""
