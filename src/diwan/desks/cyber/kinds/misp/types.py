"""MISP's attribute types: where each belongs, whether it is for detection, and what can be correlated in its value.

Source: MISP core format (draft-dulaunoy-misp-core-format), 2.3.2.3, and the type list that MISP publishes.
"""

from __future__ import annotations

from typing import Final

from diwan.desks.cyber.kinds.observable import Observable, address, observable

CATEGORIES: Final = frozenset(
    (
        "Internal reference",
        "Targeting data",
        "Antivirus detection",
        "Payload delivery",
        "Artifacts dropped",
        "Payload installation",
        "Persistence mechanism",
        "Network activity",
        "Payload type",
        "Attribution",
        "External analysis",
        "Financial fraud",
        "Support Tool",
        "Social network",
        "Person",
        "Other",
    )
)
HASHES: Final[dict[str, int]] = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha512/224": 56,
    "sha512/256": 64,
    "sha3-224": 56,
    "sha3-256": 64,
    "sha3-384": 96,
    "sha3-512": 128,
    "authentihash": 64,
    "imphash": 32,
    "pehash": 40,
    "git-commit-id": 40,
    "x509-fingerprint-md5": 32,
    "x509-fingerprint-sha1": 40,
    "x509-fingerprint-sha256": 64,
    "ja3-fingerprint-md5": 32,
    "jarm-fingerprint": 62,
    "hassh-md5": 32,
    "hasshserver-md5": 32,
    "dom-hash": 32,
}
"""Hexadecimal digits by checksum type."""
_LOOSE: Final = ("vhash", "ssdeep", "impfuzzy", "tlsh")
_FILES: Final = tuple(name for name in HASHES if name.startswith("sha") or name in ("md5", "authentihash", "imphash"))
COMPOSITE: Final[dict[str, tuple[str, str]]] = {
    **{f"filename|{name}": ("filename", name) for name in (*_FILES, "pehash", *_LOOSE)},
    "malware-sample": ("filename", "md5"),
    "domain|ip": ("domain", "ip-dst"),
    "ip-dst|port": ("ip-dst", "port"),
    "ip-src|port": ("ip-src", "port"),
    "hostname|port": ("hostname", "port"),
    "regkey|value": ("regkey", "text"),
}
"""The two types whose values stand in one, with a bar between."""
_SIMPLE: Final = """
telfhash cdhash pdb ip-src ip-dst hostname domain email email-src eppn email-dst email-subject email-attachment
email-body float url http-method user-agent favicon-mmh3 regkey AS snort suricata bro zeek community-id pattern-in-file
pattern-in-traffic pattern-in-memory filename-pattern pgp-public-key pgp-private-key ssh-fingerprint yara stix2-pattern
sigma gene kusto-query mime-type identity-card-number cookie vulnerability cpe weakness attachment link comment text hex
other mutex process-state target-user target-email target-machine target-org target-location target-external btc dash
xmr iban bic bank-account-nr aba-rtn bin cc-number prtn phone-number threat-actor campaign-name campaign-id malware-type
uri windows-scheduled-task windows-service-name windows-service-displayname whois-registrant-email
whois-registrant-phone whois-registrant-name whois-registrant-org whois-registrar whois-creation-date dns-soa-email
size-in-bytes counter integer datetime port mac-address mac-eui-64 email-dst-display-name email-src-display-name
email-header email-reply-to email-x-mailer email-mime-boundary email-thread-index email-message-id github-username
github-repository github-organisation jabber-id twitter-id dkim dkim-signature first-name middle-name last-name
full-name date-of-birth place-of-birth gender passport-number passport-country passport-expiration redress-number
nationality visa-number issue-date-of-the-visa primary-residence country-of-residence special-service-request
frequent-flyer-number travel-details payment-details place-port-of-original-embarkation place-port-of-clearance
place-port-of-onward-foreign-destination passenger-name-record-locator-number mobile-application-id
azure-application-id chrome-extension-id edge-extension-id cortex boolean uuid anonymised onion-address filename
"""
TYPES: Final = frozenset((*_SIMPLE.split(), "named pipe", *HASHES, *_LOOSE, *COMPOSITE))
"""Every attribute type that MISP knows."""
_WORDS: Final = """
comment text other threat-actor campaign-name campaign-id malware-type target-user target-machine target-org
target-location target-external email-subject filename email-attachment attachment vulnerability weakness link
windows-service-name windows-service-displayname windows-scheduled-task whois-registrant-name whois-registrant-org
github-username twitter-id jabber-id mutex pdb
"""
WORDS: Final = frozenset(_WORDS.split())
"""Types whose values a person may search for as words."""
_OBSERVED: Final = {
    "hostname": "domain",
    "domain": "domain",
    "url": "url",
    "email": "email",
    "email-src": "email",
    "email-dst": "email",
    "email-reply-to": "email",
    "whois-registrant-email": "email",
    "dns-soa-email": "email",
    "filename": "filename",
    "email-attachment": "filename",
    "attachment": "filename",
    "mac-address": "mac",
    "AS": "asn",
    "vulnerability": "cve",
    "mutex": "mutex",
    "regkey": "regkey",
    "user-agent": "user-agent",
    "btc": "btc",
    "tlsh": "tlsh",
    "ssdeep": "ssdeep",
    **{name: name for name in ("md5", "sha1", "sha256", "sha512")},
}


def halves(kind: str, value: str) -> tuple[tuple[str, str], ...]:
    """Return the type and value of each half of a composite attribute, or the attribute itself as the only one.

    A file name may hold a bar and a checksum may not; every other value is cut at its first bar. A composite without
    a bar comes back as its first half alone.
    """
    pair = COMPOSITE.get(kind)
    if pair is None:
        return ((kind, value),)
    first, bar, second = value.rpartition("|") if pair[0] == "filename" else value.partition("|")
    return ((pair[0], first), (pair[1], second)) if bar else ((pair[0], value),)


def observables_of(kind: str, value: str) -> tuple[Observable, ...]:
    """Return what can be correlated in an attribute: its own value, or each half's."""
    return tuple(seen for part in halves(kind, value) if (seen := _observed(*part)) is not None)


def _observed(kind: str, value: str) -> Observable | None:
    if kind in ("ip-src", "ip-dst"):
        return address(value)
    known = _OBSERVED.get(kind)
    return observable(known, value) if known else None
