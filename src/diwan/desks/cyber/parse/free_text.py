"""A report as people write it: the observables and techniques it names, defanged or not, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.defang import Refanged, refang, refanged
from diwan.desks.cyber.kinds.observable import AMBIGUOUS, Observable, address, defang, looks_like_file, observable

__all__ = ["Found", "defang", "extract", "refang", "techniques"]

# Letters of the Latin alphabet bound a word; Arabic writes "and" and "in" onto the next word, so its letters do not.
_LATIN: Final = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_WORD: Final = f"0-9{_LATIN}"
_LONGEST_URL: Final = 8192
_URL: Final = re.compile(r"[^\s\x00-\x20\x7f-\x9f<>\"`{}|^«»“”‘’،؛؟、。\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}\Z", re.ASCII)
_BEFORE_MAILBOX: Final = ".'=/&?*!|#-"
_TRAILING: Final = ".,;:!?'*_~…"
_PAIRS: Final = {")": "(", "]": "["}
_EMAIL: Final = re.compile(
    rf"(?<![{_WORD}!#$%&'*+/=?^_|~.-])[{_WORD}!#$%&'*+/=?^_|~.-]{{1,64}}@[{_WORD}._-]{{3,253}}(?![{_WORD}_])"
)
_HEX: Final = "[0-9A-Fa-f]"
_SEGMENT: Final = r"[^\\\s\"'`<>|,;«»]{1,128}"
_TOKEN: Final = re.compile(
    rf"""(?<![{_WORD}])(?:
    (?P<regkey>(?:HKEY_[A-Z_]{{4,24}}|HK(?:LM|CU|CR|CC|U))(?:\\{_SEGMENT}(?:[ ](?!HK){_SEGMENT}){{0,3}}(?=\\)){{0,32}}
        \\{_SEGMENT})
    |(?P<ssdeep>[1-9][0-9]{{0,9}}:[A-Za-z0-9/+]{{6,64}}:[A-Za-z0-9/+]{{6,64}}(?![/+:]))
    |(?P<tlsh>T1{_HEX}{{70}})
    |(?P<hash>{_HEX}{{128}}|{_HEX}{{64}}|{_HEX}{{40}}|{_HEX}{{32}})
    |(?P<btc>[13][1-9A-HJ-NP-Za-km-z]{{25,34}}|bc1[ac-hj-np-z02-9]{{11,71}})
    |(?P<mac>(?<![:-]){_HEX}{{2}}([:-]){_HEX}{{2}}(?:\7{_HEX}{{2}}){{4}}(?![:-]{_HEX}))
    |(?P<ipv6>(?<![.:])(?:{_HEX}{{0,4}}:){{2,7}}(?:[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|{_HEX}{{0,4}})(?:/[0-9]{{1,3}})?
        (?![:.]{_HEX}))
    |(?P<ipv4>(?<![._-])(?<![A-Za-z]/)[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}(?:/[0-9]{{1,2}})?(?!\.?[0-9_]|-[{_WORD}]))
    |(?P<cve>[Cc][Vv][Ee][-\u2010-\u2013][0-9]{{4}}[-\u2010-\u2013][0-9]{{4,19}})
    |(?P<asn>AS[0-9]{{2,10}}|ASN[ ]?[0-9]{{1,10}})
    )(?![{_WORD}])""",
    re.VERBOSE,
)
_NAME: Final = re.compile(rf"(?<![{_WORD}_@.-])[{_WORD}_][{_WORD}_.-]*")
_VERSION: Final = re.compile(
    r"(?:(?<![A-Za-z])v\.?|ver\.?|versions?|release|firmware|build|إصدار|الإصدار|نسخة|النسخة)[\s:=]{0,3}\Z",
    re.IGNORECASE,
)
_TECHNIQUE: Final = re.compile(rf"(?<![{_WORD}_.-])T[0-9]{{4}}(?:\.[0-9]{{3}})?(?![{_WORD}_]|\.[0-9])")
_HASHES: Final = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_DASHES: Final = str.maketrans("\u2010\u2011\u2012\u2013", "----")


class Found(msgspec.Struct, frozen=True, order=True):
    """One observable in a text, at the places counted in characters of the text as written."""

    start: int
    end: int
    observable: Observable
    as_written: str


def extract(text: str) -> tuple[Found, ...]:
    """Return every observable that the text names, in order of place; none overlaps another.

    A URL stands for its host too, a mailbox for its domain. A number of four parts behind the word version is a
    version; digits that go on are no hash. Every label of two or more letters may be a top-level domain unless it is
    a file's suffix; `zip`, `py`, `sh`, `md` and the like (`AMBIGUOUS`) are both: after a single word they make a file
    name, after more words, or where the name is defanged (nobody defangs a file), a domain. A capital right after a
    dot begins a sentence, not a label. Time grows with the length of the text.
    """
    plain = refanged(text)
    taken = bytearray(len(plain.text))
    return tuple(
        sorted(
            _found(text, plain, start, end, seen)
            for finder in (_urls, _emails, _tokens, _names)
            for start, end, seen in _free(finder(text, plain), taken)
        )
    )


def techniques(text: str) -> tuple[str, ...]:
    """Return the ATT&CK technique ids the text names, `T1059.003`, each once, in order of first mention."""
    return tuple(dict.fromkeys(_TECHNIQUE.findall(refang(text))))


_Place = tuple[int, int, Observable]


def _found(text: str, plain: Refanged, start: int, end: int, seen: Observable) -> Found:
    begin, stop = plain.written(start, end)
    return Found(begin, stop, seen, text[begin:stop])


def _free(places: Iterator[_Place], taken: bytearray) -> Iterator[_Place]:
    for start, end, seen in places:
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            yield start, end, seen


def _urls(_text: str, plain: Refanged) -> Iterator[_Place]:
    whole = plain.text
    at = whole.find("://")
    while at >= 0:
        scheme = _SCHEME.search(whole, max(at - 16, 0), at)
        run = _URL.match(whole, at + 3)
        end = run.end() if run else at + 3
        if scheme and run and end - at < _LONGEST_URL:
            stop = _trimmed(whole, at + 3, end)
            seen = observable("url", whole[scheme.start() : stop])
            if seen:
                yield scheme.start(), stop, seen
        at = whole.find("://", end)


def _trimmed(text: str, start: int, end: int) -> int:
    """Return where a URL ends once the sentence's own marks, and brackets it did not open, are left out."""
    spare = {
        close: text.count(close, start, end) - text.count(opening, start, end) for close, opening in _PAIRS.items()
    }
    while end > start:
        last = text[end - 1]
        if spare.get(last, 0) > 0:
            spare[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return end


def _emails(_text: str, plain: Refanged) -> Iterator[_Place]:
    for found in _EMAIL.finditer(plain.text):
        bare = found[0].lstrip(_BEFORE_MAILBOX)
        mailbox = bare.rstrip("._-")
        start = found.end() - len(bare)
        seen = observable("email", mailbox)
        if seen:
            yield start, start + len(mailbox), seen


def _tokens(_text: str, plain: Refanged) -> Iterator[_Place]:
    for found in _TOKEN.finditer(plain.text):
        kind, word, start = found.lastgroup or "", found[0], found.start()
        if kind == "regkey":
            word = word.rstrip(".")
        if kind == "ipv4" and _VERSION.search(plain.text[max(start - 20, 0) : start]):
            continue
        seen = _token(kind, word)
        if seen:
            yield start, start + len(word), seen


def _token(kind: str, word: str) -> Observable | None:
    if kind in ("ipv4", "ipv6"):
        # Letters and colons alone are a name in a program: `a::b`.
        return address(word) if any(sign.isdigit() for sign in word) else None
    if kind == "hash":
        kind = _HASHES[len(word)]
    return observable(kind, word.translate(_DASHES))


def _names(text: str, plain: Refanged) -> Iterator[_Place]:
    whole = plain.text
    for found in _NAME.finditer(whole):
        word, start = found[0].rstrip(".-"), found.start()
        end = start + len(word)
        if "." in word and len(word) <= 255:
            begin, stop = plain.written(start, end)
            seen = _name(word, whole[start - 1 : start], whole[end : end + 1], text[begin:stop] != word)
            if seen:
                yield start, end, seen


def _name(word: str, before: str, after: str, defanged: bool) -> Observable | None:
    suffix = word.rpartition(".")[2]
    if looks_like_file(word) and not (defanged and suffix.lower() in AMBIGUOUS):
        return observable("filename", word)
    # Behind a slash or backslash it is a part of a path, before a bracket a function's call.
    if before in ("\\", "/", "@") or after in ("(", "@", "\\") or len(suffix) > 24 or not _like_a_label(word, suffix):
        return None
    return observable("domain", word)


def _like_a_label(word: str, suffix: str) -> bool:
    """Return whether the last label's capitals agree with the rest: `EXAMPLE.COM`, `Example.Com`, not `done.Next`."""
    if suffix.islower() or not any(sign.isupper() for sign in suffix):
        return True
    return word.isupper() or (suffix.istitle() and word.istitle())
