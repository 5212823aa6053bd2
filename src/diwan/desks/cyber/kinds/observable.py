"""Observables: what can be seen on a wire or a disk, written so that equal things have equal keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.defang import fenced, refang
from diwan.desks.cyber.kinds.normal import RULES

KINDS: Final = tuple(RULES)
"""Every kind of observable the desk knows."""
# Suffixes of files that are top-level domains too, but name a file far more often when they follow a single word.
AMBIGUOUS: Final = frozenset(["cab", "md", "mov", "one", "pub", "py", "rs", "sh", "so", "zip"])
_FILE_ENDINGS: Final = """
    asp aspx bak bash bat bin bmp cfg chm class cmd conf config cpl cpp csproj csv dat db dex dll dmg doc docm
    docx dotm drv dump elf eml etl evtx exe gif gz hta htm html ico img inf ini iso jar java jpeg jpg js jse
    json jsp jsx kext ko lnk lock log lua msg msi msp nls obj ocx odt ole pdb pdf pem php phtml pkg plist png
    pot potm ppam pps ppt pptm pptx psd pst pyc pyd pyw rar reg rtf scr sct sln snk sql sqlite svg swf sys tar
    tgz tif tiff tmp toml ts tsv ttf txt url vb vba vbe vbs vbscript vhd vhdx vxd war wav webp wim wmf woff
    wsc wsf wsh xhtml xlam xll xls xlsb xlsm xlsx xml xsl xslt yaml yar yara yml
"""
# `com`, `pl`, `cc`, `ai` and `app` are left out: they are domains first.
SUFFIXES: Final = frozenset(_FILE_ENDINGS.split())
"""Suffixes of files that are no top-level domains."""
_HASHES: Final = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA512": "sha512",
    "SSDEEP": "ssdeep",
    "TLSH": "tlsh",
}
_SIMPLE: Final = {
    "url": ("url", "value"),
    "domain-name": ("domain", "value"),
    "hostname": ("domain", "value"),
    "email-addr": ("email", "value"),
    "mac-addr": ("mac", "value"),
    "mutex": ("mutex", "name"),
    "windows-registry-key": ("regkey", "key"),
    "autonomous-system": ("asn", "number"),
    "user-agent": ("user-agent", "value"),
    "cryptocurrency-wallet": ("btc", "value"),
    "artifact": ("url", "url"),
    "file": ("filename", "name"),
    "vulnerability": ("cve", "name"),
}
"""The one property of a STIX object (2.1, section 6) that holds its value; some types are OpenCTI's own."""
_BY_PATH: Final = {f"{kind}:{prop}": known for kind, (known, prop) in _SIMPLE.items()}
_REFERRED: Final = re.compile(r"[a-z0-9-]+:[a-z_]+_refs?(?:\[(?:\*|[0-9]{1,6})\])?\.value", re.ASCII)
_HASHED: Final = re.compile(r"(?:file|artifact|x509-certificate):hashes\.['\"]?([A-Za-z0-9-]{2,16})['\"]?", re.ASCII)
_AGENT: Final = re.compile(
    r"network-traffic:extensions\.['\"]?http-request-ext['\"]?\.request_header\.['\"]?user-agent['\"]?(?:\[[*0-9]+\])?",
    re.ASCII | re.IGNORECASE,
)
_BARE: Final = ("ipv4", "md5", "sha1", "sha256", "sha512", "mac", "cve", "tlsh", "btc")
_WRAPPING: Final = "\"'`«»“”‘’<>,;\u200e\u200f\u2066\u2067\u2068\u2069"


class Observable(msgspec.Struct, frozen=True, order=True):
    """One thing that can be seen, in the writing in which it is compared."""

    kind: str
    """One of `KINDS`."""
    value: str

    @property
    def key(self) -> str:
        """Return what the register correlates by, `domain:example.com`."""
        return f"{self.kind}:{self.value}"


def observable(kind: str, value: str) -> Observable | None:
    """Return the observable of a known kind in its compared writing, or None when the value is no such thing.

    A network of one address comes back as that address and an IPv4-mapped IPv6 address as an IPv4 address, so the kind
    may differ from the one asked for. Private and reserved addresses are observables: a warning list speaks of them.
    """
    rule = RULES.get(kind)
    known = rule(value) if rule else None
    if known is None:
        return None
    if kind in ("cidr", "ipv6") and "/" not in known:
        kind = "ipv6" if ":" in known else "ipv4"
    return Observable(kind, known)


def address(text: str) -> Observable | None:
    """Return an IPv4 or IPv6 address or a network of either, or None."""
    return observable("cidr", text) if "/" in text else observable("ipv6" if ":" in text else "ipv4", text)


def guess(text: str) -> Observable | None:
    """Return what a person pasted, defanged or not, or None when it is nothing the desk knows.

    The order settles what could be two things: 32 hexadecimal digits are MD5; a single word with a file's suffix is
    a file name, also where the suffix is a top-level domain (`AMBIGUOUS`); every other dotted name is a domain. An
    autonomous system needs its `AS`, for a bare number is a number.
    """
    text = text.strip().strip(_WRAPPING).strip()
    if not text or len(text) > 8192:
        return None
    return _guess(text) or _guess(refang(text).strip())


def _guess(text: str) -> Observable | None:
    if "://" in text:
        return observable("url", text)
    if text[:2].upper() == "HK" and "\\" in text:
        return observable("regkey", text)
    if "@" in text:
        return observable("email", text.removeprefix("mailto:"))
    found = address(text) if "/" in text or text.count(":") >= 2 else None
    for kind in () if found else _BARE:
        found = found or observable(kind, text)
    if text[:2].upper() == "AS" and text[-1:].isdigit():
        found = found or observable("asn", text)
    return found or observable("ssdeep", text) or _named(text)


def _named(text: str) -> Observable | None:
    if looks_like_file(text):
        return observable("filename", text)
    return observable("domain", text)


def looks_like_file(name: str) -> bool:
    """Return whether a dotted word ends in a file's suffix; an `AMBIGUOUS` one counts after one word only."""
    stem, dot, suffix = name.rpartition(".")
    suffix = suffix.lower()
    return bool(dot and stem) and (suffix in SUFFIXES or (suffix in AMBIGUOUS and "." not in stem))


def defang(seen: Observable) -> str:
    """Return the observable's value in a writing that nothing turns into a link; `guess` reads it back."""
    return fenced(seen.kind, seen.value)


def of_sco(obj: Mapping[str, Any]) -> tuple[Observable, ...]:
    """Return the observables of one STIX 2.1 object, each once, in the order of its properties; () where it has none.

    Read are the cyber-observable objects of section 6 that carry a value of their own (what they refer to is another
    object), and a vulnerability's CVE. A property of the wrong type is passed over.
    """
    return tuple(dict.fromkeys(seen for seen in _of_sco(obj) if seen))


def _of_sco(obj: Mapping[str, Any]) -> Iterator[Observable | None]:
    kind = obj.get("type")
    if kind in ("ipv4-addr", "ipv6-addr"):
        yield address(_text(obj.get("value")))
    elif isinstance(kind, str) and kind in _SIMPLE:
        known, prop = _SIMPLE[kind]
        yield observable(known, _text(obj.get(prop)))
    hashes = obj.get("hashes")
    if isinstance(hashes, Mapping):
        for name, digest in hashes.items():
            yield _hash(str(name), _text(digest))
    if kind == "network-traffic":
        yield from _agents(obj)
    elif kind == "vulnerability":
        yield from _references(obj)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32 else ""


def _hash(name: str, digest: str) -> Observable | None:
    return observable(_HASHES.get(name.upper().replace("-", ""), ""), digest)


def _agents(obj: Mapping[str, Any]) -> Iterator[Observable | None]:
    told: Any = obj
    for step in ("extensions", "http-request-ext", "request_header"):
        told = told.get(step) if isinstance(told, Mapping) else None
    for name, value in told.items() if isinstance(told, Mapping) else ():
        if str(name).lower() == "user-agent":
            for one in value if isinstance(value, list) else (value,):
                yield observable("user-agent", _text(one))


def _references(obj: Mapping[str, Any]) -> Iterator[Observable | None]:
    references = obj.get("external_references")
    for one in references if isinstance(references, list) else ():
        if isinstance(one, Mapping) and one.get("source_name") == "cve":
            yield observable("cve", _text(one.get("external_id")))


def of_comparison(path: str, operator: str, value: str) -> Observable | None:
    """Return the observable that one comparison of a STIX pattern asks for, or None.

    Only `=` and `IN` name a value (STIX 2.1, 9.6.1); of `IN`, pass one member at a time. `path` is written as in
    the pattern, `file:hashes.'SHA-256'`. A reference (`network-traffic:dst_ref.value`) may be an address, a network,
    a name or a mailbox: the value says which.
    """
    if operator.strip().upper() not in ("=", "IN") or len(path) > 200:
        return None
    if path in ("ipv4-addr:value", "ipv6-addr:value"):
        return address(value)
    known = _BY_PATH.get(path)
    if known:
        return observable(known, value)
    hashed = _HASHED.fullmatch(path)
    if hashed:
        return _hash(hashed[1], value)
    if _REFERRED.fullmatch(path):
        return address(value) or observable("email", value) or observable("domain", value) or observable("mac", value)
    return observable("user-agent", value) if _AGENT.fullmatch(path) else None
