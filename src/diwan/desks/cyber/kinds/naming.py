"""Names of cyber observables: the same thing, seen by anybody, gets the same STIX identifier."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace that STIX 2.1, section 2.9, gives to observables."""
_VALUE: Final = ("value",)
CONTRIBUTING: Final[dict[str, tuple[str, ...]]] = {
    "artifact": ("hashes", "payload_bin"),
    "autonomous-system": ("number",),
    "directory": ("path",),
    "domain-name": _VALUE,
    "email-addr": _VALUE,
    "email-message": ("from_ref", "subject", "body"),
    "file": ("hashes", "name", "parent_directory_ref", "extensions"),
    "ipv4-addr": _VALUE,
    "ipv6-addr": _VALUE,
    "mac-addr": _VALUE,
    "mutex": ("name",),
    "network-traffic": ("start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"),
    "process": (),
    "software": ("name", "cpe", "swid", "vendor", "version"),
    "url": _VALUE,
    "user-account": ("account_type", "user_id", "account_login"),
    "windows-registry-key": ("key", "values"),
    "x509-certificate": ("hashes", "serial_number"),
}
"""The properties that make the identifier, by type: STIX 2.1, sections 6.1 to 6.18."""
_PREFERRED: Final = ("MD5", "SHA-1", "SHA-256", "SHA-512")


def deterministic_id(said: Mapping[str, Any]) -> str | None:
    """Return the identifier that an observable's properties make, or None where they make none.

    A UUIDv5 over the contributing properties that are there, as canonical JSON (RFC 8785); of hashes, one alone.
    None comes back for a type that is no observable, and for one without such a property: its UUID is a random one.
    """
    kind = said.get("type")
    made = {key: said[key] for key in CONTRIBUTING.get(kind, ()) if key in said} if isinstance(kind, str) else {}
    if not made:
        return None
    hashes = made.get("hashes")
    if isinstance(hashes, dict) and hashes:
        name = next((name for name in _PREFERRED if name in hashes), next(iter(hashes)))
        made["hashes"] = {name: hashes[name]}
    return f"{kind}--{uuid5(NAMESPACE, canonical(made))}"


def canonical(value: object) -> str:
    """Return a value read from JSON as canonical JSON: RFC 8785, for numbers that a double holds."""
    if isinstance(value, dict):
        # The order is that of UTF-16 code units, which is not that of characters beyond the first plane.
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, bool | None):
        return json.dumps(value)
    if isinstance(value, int | float):
        return _number(float(value))
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Return a number as ECMAScript writes it, as RFC 8785, section 3.2.2.3, asks."""
    mantissa, _, exponent = repr(value).removesuffix(".0").partition("e")
    digits, power = mantissa.lstrip("-").replace(".", ""), int(exponent or 0)
    if not exponent:
        return "0" if value == 0 else mantissa
    if 0 <= power < 21:
        return f"{'-' * (value < 0)}{digits.ljust(power + 1, '0')}"
    if -7 < power < 0:
        return f"{'-' * (value < 0)}0.{digits.rjust(len(digits) - power - 1, '0')}"
    return f"{mantissa}e{power:+d}"
