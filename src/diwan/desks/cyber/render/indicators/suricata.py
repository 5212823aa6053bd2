"""Suricata rules, and the lists of digests that some of them name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from diwan.desks.cyber.kinds.observable import Observable
from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of, one_line
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

SIDS: Final = range(1_000_000, 2_000_000)
"""Reserved for local use (sidallocation.org)."""
MOST: Final = 500_000
"""Rules in a file; beyond it the local range is too crowded."""
LISTS: Final = {"md5": "diwan-md5.list", "sha1": "diwan-sha1.list", "sha256": "diwan-sha256.list"}
"""The file beside the rules that holds the digests of each sort."""
_LONGEST_CONTENT: Final = 255
_BARE: Final = re.compile(r"[A-Za-z0-9._/=&?~+%@!*()\[\],#-]", re.ASCII)
_MESSAGE: Final = str.maketrans({'"': "'", ";": ",", "\\": "/"})
_WORD: Final = re.compile(r"[^A-Za-z0-9_.:+-]+", re.ASCII)
_REFERENCE: Final = re.compile(r"https?://([A-Za-z0-9._~:/?\[\]@!$&'()*+=%#-]{1,250})", re.ASCII)
_ALL_DIGESTS: Final = "# One sort of digest is worked out unless eve-log, files, has force-hash: [md5, sha1, sha256]"
"""Said where rules name several sorts: the first in a group of rules decides for all (seen with Suricata 7.0.10)."""
KINDS: Final = frozenset(["ipv4", "ipv6", "cidr", "domain", "url", "user-agent", *LISTS])
_Head = tuple[str, str]
"""A rule's head, `alert dns $HOME_NET any -> any any`, and the options that match."""


def suricata(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return Suricata rules (7 and later), each with a `sid` that follows from what it matches.

    A domain means the name and every name below it, in DNS queries, TLS server names and HTTP hosts. A URL is matched
    by host and raw URI without its fragment, where HTTP can be read. Digests stand in `digest_list` files. Where two
    rules would get one `sid`, the later in order takes the next free one.

    Raises:
        Malformed: there are more rules than the local range of `sid`s takes.

    Source: Suricata user guide, "Rules Format", "Payload Keywords", "HTTP Keywords".
    """
    known = settled(watched)
    held = [one for one in known if one.observable.kind in KINDS]
    lines = banner("#", held, len(known) - len(held), reader=reader, at=at)
    sorts = sorted({one.observable.kind for one in held} & set(LISTS))
    said = [_ALL_DIGESTS] if len(sorts) > 1 else []
    return file_of([*lines, *said, *_numbered([rule for one in held for rule in _rules(one)] + _digest_rules(sorts))])


def digest_list(kind: str, watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return the digests of one sort, one a line, for `filemd5`, `filesha1` and `filesha256`."""
    held = [one for one in settled(watched) if one.observable.kind == kind]
    return file_of([*banner("#", held, 0, reader=reader, at=at), *(one.observable.value for one in held)])


def _numbered(rules: Sequence[tuple[_Head, str]]) -> Iterator[str]:
    if len(rules) > MOST:
        raise Malformed(f"{len(rules):,} rules do not fit into the range for local use; {MOST:,} do. No file was made.")
    taken: set[int] = set()
    for (head, matching), about in rules:
        digest = hashlib.sha256(f"{head} {matching}".encode()).digest()
        number = int.from_bytes(digest[:8], "big") % len(SIDS)
        while number in taken:
            number = (number + 1) % len(SIDS)
        taken.add(number)
        yield f"{head} ({about}{matching} sid:{SIDS[number]}; rev:1;)"


def _rules(one: Watched) -> Iterator[tuple[_Head, str]]:
    for head, matching in _matches(one.observable):
        yield (head, matching), _about(one)


def _digest_rules(kinds: Iterable[str]) -> list[tuple[_Head, str]]:
    return [
        (
            (f"alert {carrier} any any -> any any", f" file{kind}:{LISTS[kind]};"),
            f'msg:"Diwan file with a listed {kind.upper()} digest";',
        )
        for kind in kinds
        for carrier in ("http", "smtp", "smb")
    ]


def _about(one: Watched) -> str:
    message = f'msg:"Diwan {one_line(one.title).translate(_MESSAGE)} [{one.observable.kind}]";'
    found = _REFERENCE.fullmatch(one.ref)
    words = [] if found else [f"ref {_word(one.ref)}"]
    words += [f"marking {_word(one.marking)}", f"score {one.score}"]
    words += [] if one.confidence is None else [f"confidence {one.confidence}"]
    return f"{message}{f' reference:url,{found[1]};' if found else ''} metadata:{', '.join(words)};"


def _word(text: str) -> str:
    return _WORD.sub("_", text)[:200].strip("_") or "none"


def _matches(seen: Observable) -> Iterator[_Head]:
    if seen.kind in ("ipv4", "ipv6", "cidr"):
        yield f"alert ip $HOME_NET any <> {seen.value} any", ""
    elif seen.kind == "domain":
        below = f'dotprefix; content:"{_content("." + seen.value)}";'
        yield "alert dns $HOME_NET any -> any any", f" dns.query; {below} nocase; endswith;"
        yield "alert tls $HOME_NET any -> any any", f" flow:established,to_server; tls.sni; {below} nocase; endswith;"
        # The host is in lower case already: Suricata refuses `nocase` beside it.
        yield "alert http $HOME_NET any -> any any", f" flow:established,to_server; http.host; {below} endswith;"
    elif seen.kind == "url" and seen.value.startswith(("http://", "https://")):
        yield "alert http $HOME_NET any -> any any", _of_url(seen.value)
    elif seen.kind == "user-agent":
        whole = _whole("http.user_agent", seen.value)
        yield "alert http $HOME_NET any -> any any", f" flow:established,to_server;{whole}"


def _of_url(url: str) -> str:
    place, slash, rest = url.partition("://")[2].partition("/")
    host = re.sub(r":[0-9]+\Z", "", place.rpartition("@")[2])
    uri = (slash + rest).partition("#")[0]
    return f" flow:established,to_server;{_whole('http.host', host)}{_whole('http.uri.raw', uri)}"


def _whole(buffer: str, value: str) -> str:
    data = value.encode()
    # A pattern has at most 255 bytes; what is longer is known by how it begins.
    end = " endswith;" if len(data) <= _LONGEST_CONTENT else ""
    return f' {buffer}; content:"{_content_of(data[:_LONGEST_CONTENT])}"; startswith;{end}'


def _content(value: str) -> str:
    return _content_of(value.encode())


def _content_of(data: bytes) -> str:
    """Return bytes as a content pattern: whatever means something to a rule is written in hexadecimal."""
    return "".join(chr(byte) if _BARE.match(chr(byte)) else f"|{byte:02X}|" for byte in data)
