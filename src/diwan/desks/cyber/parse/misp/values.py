"""What MISP asks of an attribute's value: that of a checksum, an address, a port, and of two halves in one."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Final

from diwan.desks.cyber.kinds.misp.types import COMPOSITE, HASHES, halves

_HEX: Final = re.compile(r"[0-9a-fA-F:]+", re.ASCII)
_AS: Final = re.compile(r"(?:AS)?[0-9]{1,10}(?:\.[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}[.: -]?){5,7}[0-9a-f]{2}", re.ASCII | re.IGNORECASE)


def value_fault(kind: str, value: str) -> str | None:
    """Return what is wrong with the value of an attribute of a known type, or None.

    Source: MISP, AttributeValidationTool; checked are checksums, addresses, ports, autonomous systems and MAC
    addresses, alone and as halves of a composite type.
    """
    if not value:
        return "an attribute has no value"
    parts = halves(kind, value)
    if kind in COMPOSITE and len(parts) != 2 and kind != "malware-sample":
        return "the value of a composite type needs a bar between its halves"
    if kind in COMPOSITE and not all(half for _, half in parts):
        return "one half of a composite value is empty"
    return next((fault for part in parts if (fault := _fault(*part))), None)


def _fault(kind: str, value: str) -> str | None:
    if kind in HASHES:
        digits = value.replace(":", "") if kind.startswith("x509") else value
        if len(digits) != HASHES[kind] or not _HEX.fullmatch(digits):
            return f"a checksum of this type has {HASHES[kind]} hexadecimal digits"
    elif kind in ("ip-src", "ip-dst"):
        return None if _is_address(value) else "neither an IP address nor a network"
    elif kind == "port":
        return None if value.isascii() and value.isdigit() and int(value[:6]) < 65536 else "a port is 0 to 65535"
    elif kind == "AS":
        return None if _AS.fullmatch(value) else "not the number of an autonomous system"
    elif kind in ("mac-address", "mac-eui-64"):
        return None if len(value) < 32 and _MAC.fullmatch(value) else "not a MAC address"
    return None


def _is_address(value: str) -> bool:
    if len(value) > 64:
        return False
    try:
        ip_network(value, strict=False) if "/" in value else ip_address(value)
    except ValueError:
        return False
    return True
