"""XML signatures of an alert against keys pinned per originator: said beside the alert, never a reason to refuse.

CAP 1.2, section 3.3.4.1: a message must not be rejected only because its signature cannot be verified. Only a
signature over the whole alert counts, so that nothing unsigned can hide beside something signed. Several signatures
are usual (author, then distributor): each is tried over the alert with and without the others.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from diwan.desks.crisis.parse.document import LIMIT, Unreadable, tree_of
from diwan.desks.crisis.parse.structure import SIGNATURES
from diwan.terms.time import Instant, moment

_DS: Final = f"{{{SIGNATURES}}}"
_ENVELOPED: Final = f"{SIGNATURES}enveloped-signature"
_CANONICAL: Final = (
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2001/10/xml-exc-c14n",
)


class Outcome(StrEnum):
    """What a signature says."""

    VALID = "valid"
    UNVERIFIABLE = "unverifiable"
    BROKEN = "broken"


_SAYING: Final = (Outcome.VALID, Outcome.BROKEN, Outcome.UNVERIFIABLE)
"""What says most comes first: one valid reading is proof, one broken reading says more than one that cannot be made."""


class Verdict(msgspec.Struct, frozen=True):
    """One signature: what it says, by which pinned key, and why not."""

    outcome: Outcome
    key: str | None = None
    why: str = ""


class _Nth(XMLVerifier):
    """A verifier of one signature among several; signxml itself knows only the first."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def _get_signature(self, root: etree._Element) -> etree._Element:
        return root.findall(f"{_DS}Signature")[self._number]


def verify(
    data: bytes, keys: Mapping[str, x509.Certificate], at: Instant, *, limit: int = LIMIT
) -> tuple[Verdict, ...]:
    """Return what each signature of an alert says, in their order; none for an unsigned or unreadable file.

    `keys` are the certificates pinned for the originator, by a name of the caller's; a certificate counts only if it
    was valid `at` the instant given. A certificate that comes with the alert is never trusted.
    """
    try:
        root = tree_of(data, limit=limit, keep_comments=True)
    except Unreadable:
        return ()
    signatures = root.findall(f"{_DS}Signature")
    return tuple(_verdict(root, number, keys, at) for number in range(len(signatures)))


def _verdict(root: etree._Element, number: int, keys: Mapping[str, x509.Certificate], at: Instant) -> Verdict:
    signature = root.findall(f"{_DS}Signature")[number]
    why = _unfit(signature)
    if why:
        return Verdict(Outcome.UNVERIFIABLE, None, why)
    told = [verdict for name, key in keys.items() for verdict in _by_key(root, number, name, key, at)]
    nobody = Verdict(Outcome.UNVERIFIABLE, None, "made by no key that is pinned for this originator")
    return min(told, key=lambda verdict: _SAYING.index(verdict.outcome), default=nobody)


def _by_key(root: etree._Element, number: int, name: str, key: x509.Certificate, at: Instant) -> Iterator[Verdict]:
    told = [verdict for view, place in _views(root, number) if (verdict := _try(view, place, name, key, at))]
    yield from told
    if not told and _names(root.findall(f"{_DS}Signature")[number], key):
        yield Verdict(Outcome.BROKEN, name, "names this key, but the key did not make it")


def _try(view: etree._Element, place: int, name: str, key: x509.Certificate, at: Instant) -> Verdict | None:
    config = SignatureConfiguration(location="./", verification_time=moment(at))
    try:
        _Nth(place).verify(view, x509_cert=key, expect_config=config)
    except InvalidDigest:
        return Verdict(Outcome.BROKEN, name, "the alert was changed after this key signed it")
    except InvalidCertificate:
        return Verdict(Outcome.UNVERIFIABLE, name, "the pinned certificate does not hold at that time")
    except InvalidSignature:
        return None
    except (SignXMLException, etree.LxmlError, ValueError, binascii.Error, LookupError, TypeError) as odd:
        return Verdict(Outcome.UNVERIFIABLE, None, str(odd)[:200])
    return Verdict(Outcome.VALID, name)


def _views(root: etree._Element, number: int) -> Iterator[tuple[etree._Element, int]]:
    """Yield the alert as it is, without the later signatures, and with this one alone; and this one's place there."""
    count = len(root.findall(f"{_DS}Signature"))
    for kept in dict.fromkeys((tuple(range(count)), tuple(range(number + 1)), (number,))):
        copy = etree.fromstring(etree.tostring(root), root.getroottree().parser)
        for at, signature in enumerate(copy.findall(f"{_DS}Signature")):
            if at not in kept:
                _cut(signature)
        yield copy, kept.index(number)


def _cut(node: etree._Element) -> None:
    """Remove an element and keep the text behind it, as the enveloped-signature transform does."""
    parent, before = node.getparent(), node.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (node.tail or "")
    else:
        parent.text = (parent.text or "") + (node.tail or "")
    node.tail = None
    parent.remove(node)


def _unfit(signature: etree._Element) -> str:
    """Return why a signature cannot be judged at all, or an empty text."""
    value = signature.find(f"{_DS}SignatureValue")
    if value is None or not (value.text or "").strip():
        return "holds no signature value"
    methods = [*signature.iter(f"{_DS}SignatureMethod"), *signature.iter(f"{_DS}DigestMethod")]
    weak = next((m.get("Algorithm", "") for m in methods if m.get("Algorithm", "").endswith("sha1")), None)
    if weak:
        return f"uses {weak.rpartition('#')[2]}, which no longer proves anything"
    references = signature.findall(f"{_DS}SignedInfo/{_DS}Reference")
    if len(references) != 1 or references[0].get("URI") != "":
        return "does not cover the whole alert"
    transforms = [t.get("Algorithm", "") for t in references[0].iter(f"{_DS}Transform")]
    others = [t for t in transforms if t != _ENVELOPED and t.removesuffix("WithComments").rstrip("#") not in _CANONICAL]
    if _ENVELOPED not in transforms or others:
        return "does not cover the whole alert as it is"
    return ""


def _names(signature: etree._Element, certificate: x509.Certificate) -> bool:
    sent = "".join((signature.findtext(f".//{_DS}X509Certificate") or "").split())
    return sent == binascii.b2a_base64(certificate.public_bytes(Encoding.DER), newline=False).decode("ascii")
