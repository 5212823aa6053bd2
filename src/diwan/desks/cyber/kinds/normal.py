"""How each kind of observable is written, so that two writings of one thing are the same text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from typing import Final
from urllib.parse import quote

import idna

from diwan.desks.cyber.kinds.bitcoin import btc

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
# Underscores are no host-name characters (RFC 952), yet the DNS carries them and service names need them.
_DOMAIN: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LOCAL: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+)*"
)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://([^/?#\\]+)(.*)", re.ASCII)
_PERCENT: Final = re.compile(r"%[0-9a-fA-F]{2}")
_BLANK: Final = re.compile(r"[\s\x00-\x20\x7f-\x9f<>\"\u2028\u2029\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII)
_SSDEEP: Final = re.compile(r"[1-9][0-9]{0,9}:[A-Za-z0-9/+]{1,64}:[A-Za-z0-9/+]{1,64}", re.ASCII)
_TLSH: Final = re.compile(r"(?:T1)?([0-9A-F]{70})", re.ASCII)
_MAC: Final = re.compile(r"[0-9a-f]{2}([:-]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.ASCII)
_ASN: Final = re.compile(r"(?:ASN?\s?)?(0|[1-9][0-9]{0,9})(?:\.(0|[1-9][0-9]{0,4}))?", re.ASCII)
_CVE: Final = re.compile(r"CVE-(?:1999|2[0-9]{3})-[0-9]{4,19}", re.ASCII)
_PORTS: Final = {"http": "80", "https": "443", "ftp": "21", "ftps": "990", "ws": "80", "wss": "443", "ssh": "22"}
_DEFANGED: Final = frozenset({"hxxp", "hxxps", "fxp", "fxps"})
_HIVES: Final = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_LONGEST_TEXT: Final = 1024
_LONGEST_URL: Final = 8192


def ipv4(text: str) -> str | None:
    """Return a dotted quad without leading zeros (RFC 3986, 3.2.2), or None; `/32` is the address itself."""
    text = text.removesuffix("/32")
    return text if len(text) <= 15 and _IPV4.fullmatch(text) else None


def ipv6(text: str) -> str | None:
    """Return an IPv6 address as RFC 5952 writes it, an IPv4-mapped one as its IPv4 address; None for a zone id."""
    text = text.removesuffix("/128")
    if len(text) > 45 or ":" not in text or "%" in text:
        return None
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    # Python writes mapped addresses differently from version to version; they mean an IPv4 node (RFC 4291, 2.5.5.2).
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(address)


def cidr(text: str) -> str | None:
    """Return a network with its host bits cleared, or the address alone when the network holds but one.

    A network of IPv4-mapped IPv6 addresses is the network of those IPv4 addresses, as a mapped address is one.
    """
    address, slash, bits = text.partition("/")
    if not slash or not bits.isascii() or not bits.isdigit() or (len(bits) > 1 and bits[0] == "0") or len(text) > 49:
        return None
    if not (ipv4(address) or ipv6(address)) or "/" in bits:
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = IPv6Address(network.network_address).ipv4_mapped if network.version == 6 else None
    if mapped and 96 <= network.prefixlen < 128:
        return f"{mapped}/{network.prefixlen - 96}"
    return str(network) if network.num_addresses > 1 else ipv4(address) or ipv6(address)


def domain(text: str) -> str | None:
    """Return a domain name in lower case, in ASCII (IDNA 2008 with UTS 46 mapping), without its last dot, or None.

    At least two labels of 1 to 63 characters, 253 in all (RFC 1035, 2.3.4); the last begins with a letter, so that
    an address is never a name.
    """
    name = text.removesuffix(".").lower()
    if len(name) > 253:
        return None
    if not name.isascii():
        ascii_name = _ascii(name)
        if ascii_name is None:
            return None
        name = ascii_name
    return name if _DOMAIN.fullmatch(name) and len(name) <= 253 else None


def _ascii(name: str) -> str | None:
    try:
        return idna.encode(name, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None


def email(text: str) -> str | None:
    """Return a mailbox in lower case, or None; its local part is a dot-atom (RFC 5322, 3.4.1; RFC 6531), at most 64.

    The local part is case-sensitive by RFC 5321 (2.4), but mail systems do not tell the cases apart, and neither does
    who looks for a sender: it is compared, and so written, in lower case. The object keeps its own writing.
    """
    local, _, host = text.rpartition("@")
    local = local.lower()
    if not 0 < len(local) <= 64 or not _LOCAL.fullmatch(local) or not local.isprintable():
        return None
    name = domain(host)
    return f"{unicodedata.normalize('NFC', local)}@{name}" if name else None


def url(text: str) -> str | None:
    """Return a URL with scheme and host in lower case, without a default port, or None (RFC 3986, 6.2.2 and 6.2.3).

    Path, query, fragment and user information are kept as written; what is not ASCII is percent-encoded (RFC 3987,
    3.1), and an empty path of http and https becomes `/`. A defanged URL is none: refang it first.
    """
    found = _URL.fullmatch(text) if len(text) <= _LONGEST_URL and not _BLANK.search(text) else None
    if not found:
        return None
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    place = _authority(authority, scheme)
    if place is None or scheme in _DEFANGED:
        return None
    if rest[:1] != "/" and scheme in ("http", "https"):
        rest = "/" + rest
    return f"{scheme}://{place}{rest if rest.isascii() and '%' not in rest else _encoded(rest)}"


def _encoded(rest: str) -> str:
    text = quote(unicodedata.normalize("NFC", rest), safe="%/?#[]@!$&'()*+,;=:-._~^|{}`\\")
    return _PERCENT.sub(lambda hit: hit[0].upper(), text)


def _authority(text: str, scheme: str) -> str | None:
    person, at, place = text.rpartition("@")
    if person and not person.isascii():
        person = _encoded(person)
    if place[:1] == "[":
        name, closed, port = place[1:].partition("]")
        address = ipv6(name) if closed else None
        host = None if address is None else f"[{address}]" if ":" in address else address
        if port and port[0] != ":":
            return None
        port = port[1:]
    else:
        name, _, port = place.partition(":")
        host = ipv4(name) or domain(name) or _single(name)
    if host is None or (port and not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536)):
        return None
    port = str(int(port)) if port else ""
    return f"{person}{at}{host}{f':{port}' if port and port != _PORTS.get(scheme) else ''}"


def _single(name: str) -> str | None:
    name = name.lower()
    return name if _LABEL.fullmatch(name) and not name.isdigit() else None


def _hash(length: int) -> Callable[[str], str | None]:
    def digest(text: str) -> str | None:
        text = text.lower()
        return text if len(text) == length and _HEX.fullmatch(text) else None

    return digest


md5: Final = _hash(32)
sha1: Final = _hash(40)
sha256: Final = _hash(64)
sha512: Final = _hash(128)


def ssdeep(text: str) -> str | None:
    """Return an ssdeep digest, whose letters' case counts, or None; its block size is three times a power of two."""
    if len(text) > 160 or not _SSDEEP.fullmatch(text):
        return None
    third, rest = divmod(int(text.partition(":")[0]), 3)
    return text if not rest and third & (third - 1) == 0 else None


def tlsh(text: str) -> str | None:
    """Return a TLSH digest of 70 hexadecimal digits behind its version mark `T1`, in upper case, or None."""
    found = _TLSH.fullmatch(text.upper()) if len(text) <= 72 else None
    return f"T1{found[1]}" if found else None


def plain(text: str) -> str | None:
    """Return a name as it stands, composed (NFC), or None if empty, over 1,024 characters or with control characters.

    Marks that turn the writing direction stay: a file name that uses one to hide its suffix is what is looked for.
    Whoever shows it must fence it in.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT or _CONTROL.search(text):
        return None
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def mac(text: str) -> str | None:
    """Return a hardware address of six octets in lower case with colons (IEEE 802, EUI-48), or None."""
    text = text.lower()
    if len(text) > 17 or not _MAC.fullmatch(text):
        return None
    digits = text.replace(":", "").replace("-", "").replace(".", "")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def asn(text: str) -> str | None:
    """Return an autonomous system's number as `AS64496`, or None; `AS1.10` (RFC 5396) is AS65546."""
    found = _ASN.fullmatch(text.upper()) if len(text) <= 20 else None
    if not found:
        return None
    high, low = (int(found[1]), int(found[2])) if found[2] else (0, int(found[1]))
    if found[2] and max(high, low) > 0xFFFF:
        return None
    number = high << 16 | low
    return f"AS{number}" if number <= 0xFFFFFFFF else None


def cve(text: str) -> str | None:
    """Return a CVE id in capitals, four or more digits after the year, or None."""
    text = text.upper()
    return text if len(text) <= 28 and _CVE.fullmatch(text) else None


def regkey(text: str) -> str | None:
    """Return a Windows registry key: the hive in full and capitals, the rest in lower case, or None."""
    hive, *rest = [part for part in (plain(text) or "").split("\\") if part] or [""]
    full = _HIVES.get(hive.upper(), hive.upper())
    return "\\".join([full, *(part.lower() for part in rest)]) if full.startswith("HKEY_") else None


RULES: Final[dict[str, Callable[[str], str | None]]] = {
    "ipv4": ipv4,
    "ipv6": ipv6,
    "cidr": cidr,
    "domain": domain,
    "url": url,
    "email": email,
    "md5": md5,
    "sha1": sha1,
    "sha256": sha256,
    "sha512": sha512,
    "ssdeep": ssdeep,
    "tlsh": tlsh,
    "filename": plain,
    "mac": mac,
    "asn": asn,
    "cve": cve,
    "regkey": regkey,
    "mutex": plain,
    "user-agent": plain,
    "btc": btc,
}
"""The rule of each kind: the text as it is compared, or None when it is no such thing."""
