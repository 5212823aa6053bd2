"""What MISP asks of an attribute's value: what it refuses, it leaves out of the event that it stores.

Source: MISP 2.5.1, the rules by which it validates attributes after it has trimmed, refanged and normalised a value. No
rule here is looser than its own; a few are stricter, where MISP guesses at what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from diwan.desks.cyber.kinds.misp.types import COMPOSITE, HASHES, halves
from diwan.desks.cyber.kinds.normal import domain

UNSTORED: Final = frozenset(("integer", "uuid", "suricata", "edge-extension-id", "filename|impfuzzy"))
"""Types that MISP names, and of which it takes no value."""
LONGEST: Final = 65_535
"""Bytes of a value at most."""
_BLANKS: Final = " \t\n\r\0\x0b"
_BLANK: Final = re.compile(r"\s", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_BEYOND: Final = re.compile("[^\0-\uffff]")
"""What MISP's tables do not hold; it stores a question mark."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+", re.ASCII)
_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+\.[A-Za-z0-9-]{2,}", re.ASCII)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LINK: Final = re.compile(
    r"(?:https?|ftps?|ssh)://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[([0-9A-Fa-f:.]+)\])"
    r"(?::[0-9]{1,5})?(?:[/?#][!-~]*)?",
    re.ASCII,
)
_VERBS: Final = re.compile(
    "OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|VERSION-CONTROL|"
    "REPORT|CHECKOUT|CHECKIN|UNCHECKOUT|MKWORKSPACE|UPDATE|LABEL|MERGE|BASELINE-CONTROL|MKACTIVITY|ORDERPATCH|ACL|"
    "PATCH|SEARCH"
)
_DEFANGED: Final = (
    (re.compile(r"^(?:hxxp|hxtp|htxp|meow|h\[tt\]p)", re.IGNORECASE), "http", ("url", "link")),
    (
        re.compile(r"\[\.\]|\[dot\]|\(dot\)"),
        ".",
        ("url", "link", "ip-src", "ip-dst", "domain", "domain|ip", "hostname", "email", "email-src", "email-dst"),
    ),
    (re.compile(r"\[hxxp://\]"), "http://", ("url", "link")),
    (re.compile(r"\[@\]|\[at\]"), "@", ("email", "email-src", "email-dst")),
    (re.compile(r"\[:\]"), ":", ("url", "link")),
)
_SHA256: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?", re.ASCII)
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_ZEROS: Final = re.compile(r"[+-]?0+\.?|\.0|0?\s", re.ASCII)
"""Two signs that MISP takes for the `00` before a country's number: it compares them as numbers."""
_DEEPEST: Final = 500
_AS_MOST: Final = 2**32 - 1
_DIGITS: Final = 20


def value_fault(kind: str, value: str) -> str | None:
    """Return why MISP would not take the value of an attribute of a known type, or None."""
    text = _refanged(kind, _BEYOND.sub("?", value.strip(_BLANKS)))
    if not text:
        return "an attribute has no value"
    if _CONTROLS.fullmatch(text):
        return "a value of control characters alone"
    if len(text.encode(errors="replace")) > LONGEST:
        return f"a value has at most {LONGEST} bytes"
    if kind in COMPOSITE:
        return _composite_fault(kind, text)
    return _fault(kind, text)


def _composite_fault(kind: str, text: str) -> str | None:
    if text.count("|") != 1:
        return "the value of a composite type needs one bar, between its halves"
    parts = halves(kind, text)
    if not all(half for _, half in parts):
        return "one half of a composite value is empty"
    if any(_CONTROLS.fullmatch(half) for _, half in parts):
        return "one half of a composite value is of control characters alone"
    if kind in UNSTORED:
        return _NEVER
    return next((fault for part in parts if (fault := _half_fault(*part))), None)


def _half_fault(kind: str, text: str) -> str | None:
    if kind in ("ip-src", "ip-dst"):
        return None if _is_address(_alone(text)) else "not an IP address"
    if kind == "text":
        return _line(text)
    return _fault(kind, text.strip(".") if kind == "domain" else text)


def _fault(kind: str, text: str) -> str | None:
    if kind in HASHES:
        digits = text.replace(":", "") if kind.startswith("x509") else text
        whole = len(digits) == HASHES[kind] and _HEX.fullmatch(digits)
        return None if whole else f"a checksum of this type has {HASHES[kind]} hexadecimal digits"
    rule = _RULES.get(kind)
    return rule(text) if rule else None


def _refanged(kind: str, text: str) -> str:
    for found, plain, kinds in _DEFANGED:
        if kind in kinds:
            text = found.sub(plain, text)
    return text


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_address(text: str) -> bool:
    try:
        IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return False
    # A zone is this host's own name for a link, and no part of an address that others know.
    return "%" not in text


def _alone(text: str) -> str:
    return text.removesuffix("/128" if ":" in text else "/32")


def _network(text: str) -> str | None:
    address, slash, bits = text.partition("/")
    most = 128 if ":" in address else 32
    whole = _is_address(address) and (not slash or (_is_whole(bits) and len(bits) <= _DIGITS and int(bits) <= most))
    return None if whole else "neither an IP address nor a network"


def _port(text: str) -> str | None:
    whole = _is_whole(text) and len(text) <= _DIGITS and 1 <= int(text) <= 65535
    return None if whole else "a port is 1 to 65535"


def _system(text: str) -> str | None:
    number = text[2:] if text[:2].upper() == "AS" else text
    high, dot, low = number.partition(".")
    if not _is_whole(high) or (dot and not _is_whole(low)) or len(number) > _DIGITS:
        return "not the number of an autonomous system"
    whole = int(high) * 65536 + int(low) if dot else int(high)
    if dot and (whole < 32 or whole == 127):
        # MISP reads a number that it has worked out by itself as the sign of that code, here a control character.
        return "not the number of an autonomous system that MISP reads with a dot"
    return None if whole <= _AS_MOST else f"the number of an autonomous system is at most {_AS_MOST}"


def _mac(octets: int) -> Callable[[str], str | None]:
    def rule(text: str) -> str | None:
        digits = re.sub("[.: -]", "", text)
        return None if len(digits) == 2 * octets and _HEX.fullmatch(digits) else f"not a MAC address of {octets} bytes"

    return rule


def _host(text: str) -> str | None:
    return None if _HOST.fullmatch(text) else "not a host name"


def _domain(text: str) -> str | None:
    name = text.strip(".")
    return None if _HOST.fullmatch(name) or (not name.isascii() and domain(name)) else "not a domain"


def _mail(text: str) -> str | None:
    # Its first @ but for its first sign: what must have no blank before it has none before that one, or never.
    at = text.find("@", 1)
    sound = at > 0 and "\n" not in text and not _BLANK.search(text, 1, at) and "." in text[at:]
    return None if sound else "not a mail address"


def _link(text: str) -> str | None:
    found = _LINK.fullmatch(text)
    if found is None or (found[1] is not None and not _is_address(found[1])):
        return "not a URL with a scheme and a host"
    try:
        return None if (urlsplit(text).port or 0) <= 65535 else "not a URL with a port"
    except ValueError:
        return "not a URL with a port"


def _line(text: str) -> str | None:
    return "the value of this type is one line" if "\n" in text else None


def _service(text: str) -> str | None:
    fits = len(text.encode(errors="replace")) <= 256 and not re.search(r"[\\/]", text)
    return None if fits else "a service's name has at most 256 bytes and no slash"


def _tlsh(text: str) -> str | None:
    digits = text.removeprefix("t").removeprefix("T") if text[:1] in "tT" else text
    return None if len(digits) > 35 and _HEX.fullmatch(digits) else "a TLSH digest has more than 35 hexadecimal digits"


def _impfuzzy(text: str) -> str | None:
    found = text.count(":") == 2 and _is_whole(text.partition(":")[0])
    return None if found else "an impfuzzy digest is a number and two more parts, with colons between"


def _ssh(text: str) -> str | None:
    digits = text.removeprefix("MD5:").replace(":", "")
    md5 = len(digits) == 32 and _HEX.fullmatch(digits)
    return None if md5 or _SHA256.fullmatch(text) else "an SSH fingerprint is one of SHA256 or MD5"


def _date_time(text: str) -> str | None:
    try:
        told = _DATE.fullmatch(text) and datetime.fromisoformat(text)
    except ValueError:
        told = None
    return None if told else "not a date and time (ISO 8601)"


def _json(text: str) -> str | None:
    try:
        sound = text.count("[") + text.count("{") < _DEEPEST and (msgspec.json.decode(text), True)[1]
    except (ValueError, msgspec.DecodeError):
        sound = False
    return None if sound else "not JSON"


def _numeric(kept: str, fault: str) -> Callable[[str], str | None]:
    """Return a rule for a number that is read from the characters `kept` of a text, all where it is empty."""

    def rule(text: str) -> str | None:
        if "+" in kept:
            text = re.sub(r"\(0\)", "", f"+{text[2:]}" if _ZEROS.fullmatch(text[:2]) else text)
        return None if _NUMBER.fullmatch(re.sub(f"[^{kept}]", "", text) if kept else text) else fault

    return rule


def _like(pattern: str, fault: str, flags: re.RegexFlag = re.NOFLAG) -> Callable[[str], str | None]:
    found = re.compile(pattern, re.ASCII | flags)
    return lambda text: None if found.fullmatch(text) else fault


def _never(_: str) -> str | None:
    return _NEVER


_NEVER: Final = "MISP stores no attribute of this type"
_NO_NUMBER: Final = "not a number"
_coin: Final = _like("[A-Za-z0-9]+", "letters and digits alone")
_whole: Final = _like("[0-9]+", "not a whole number from 0")
_phone: Final = _numeric("+0-9", "not a telephone number")
_RULES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "ip-src": _network,
    "ip-dst": _network,
    "port": _port,
    "AS": _system,
    "mac-address": _mac(6),
    "mac-eui-64": _mac(8),
    "hostname": _host,
    "domain": _domain,
    "link": _link,
    "windows-service-name": _service,
    "windows-service-displayname": _service,
    "tlsh": _tlsh,
    "telfhash": lambda text: None if len(text.encode()) in (70, 72) else "a telfhash has 70 or 72 characters",
    "ssdeep": _like("[0-9]+:[0-9A-Za-z/+]*:[0-9A-Za-z/+]*", "an ssdeep digest is block size and two hashes"),
    "impfuzzy": _impfuzzy,
    "vhash": _line,
    "cdhash": _like("[0-9a-f]{40,}", "a cdhash has 40 hexadecimal digits or more", re.IGNORECASE),
    "hex": _like("[0-9a-f]+", "hexadecimal digits alone", re.IGNORECASE),
    "http-method": lambda text: None if _VERBS.search(text.upper()) else "no method of HTTP",
    # MISP names addresses of 56 characters too, and by a slip of its pattern takes none.
    "onion-address": _like(r"[a-z2-7]{16}\.onion", "not an onion address of 16 characters", re.IGNORECASE),
    "vulnerability": _like("CVE[-\u2013][0-9]{4}[-\u2013][0-9]{4,}", "not a CVE id", re.IGNORECASE),
    "weakness": _like("CWE[-\u2013][0-9]+", "not a CWE id", re.IGNORECASE),
    "ssh-fingerprint": _ssh,
    "datetime": _date_time,
    "cortex": _json,
    "size-in-bytes": _whole,
    "counter": _whole,
    **dict.fromkeys(UNSTORED, _never),
    "float": _numeric("", _NO_NUMBER),
    "bank-account-nr": _numeric("", _NO_NUMBER),
    "aba-rtn": _numeric("", _NO_NUMBER),
    "bin": _numeric("0-9", _NO_NUMBER),
    "cc-number": _numeric("0-9", _NO_NUMBER),
    "prtn": _phone,
    "phone-number": _phone,
    "whois-registrant-phone": _phone,
    "iban": _like("(?s:.*)[0-9A-Za-z](?s:.*)", "letters and digits"),
    "bic": _like("(?s:.*)[0-9A-Za-z](?s:.*)", "letters and digits"),
    "btc": _coin,
    "dash": _coin,
    "xmr": _coin,
    **dict.fromkeys(
        ("email", "email-src", "email-dst", "eppn", "target-email", "whois-registrant-email", "dns-soa-email",
         "jabber-id"),
        _mail,
    ),
    **dict.fromkeys(
        """
        target-user campaign-name campaign-id threat-actor target-machine target-org target-location target-external
        email-subject malware-type url uri user-agent regkey filename pdb windows-scheduled-task whois-registrant-name
        whois-registrant-org whois-registrar whois-creation-date date-of-birth place-of-birth gender passport-number
        passport-country passport-expiration redress-number nationality visa-number issue-date-of-the-visa
        primary-residence country-of-residence special-service-request frequent-flyer-number travel-details
        payment-details place-port-of-original-embarkation place-port-of-clearance
        place-port-of-onward-foreign-destination passenger-name-record-locator-number email-dst-display-name
        email-src-display-name email-reply-to email-x-mailer email-mime-boundary email-thread-index email-message-id
        github-username github-repository github-organisation twitter-id dkim dkim-signature favicon-mmh3
        chrome-extension-id mobile-application-id azure-application-id
        """.split(),  # noqa: SIM905 -- a list of its own would be a page
        _line,
    ),
    "named pipe": _line,
}  # fmt: skip
