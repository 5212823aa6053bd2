"""Labels as ADatP-4774 Ed A V1 XML: written and read without loss, and without trusting the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from lxml import etree

from diwan.release.codes import party_id
from diwan.release.policy import Policy
from diwan.release.tlp import PAP, TLP
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.time import Instant, instant, moment

NAMESPACE: Final = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
HANDLING: Final = "urn:diwan:handling"
"""The @URI of the informative categories TLP, PAP and Passing On, by which a label's handling travels."""
PARTY: Final = "urn:diwan:party:"
"""Put before a party id to make it an originator's uniform resource identifier."""
LARGEST: Final = 256 * 1024
"""Bytes; a label is a few hundred."""

_NO: Final = "No"
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def to_xml(label: Label, *, created: Instant, originator: str, policy: Policy) -> bytes:
    """Return an originator confidentiality label in UTF-8 XML, times in UTC with microseconds where there are any.

    `created` is when the originator set the label. Handling travels as informative categories of URI `HANDLING`.

    Raises:
        Malformed: the label is not legal under `policy`, so it must not be spread.
    """
    if faults := policy.faults(label):
        raise Malformed(f"The label is not legal and was not written: {' '.join(faults)}")
    root = etree.Element(_q("originatorConfidentialityLabel"), nsmap={"slab": NAMESPACE})
    _write(root, label, created, originator, policy)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def from_xml(data: bytes, policies: Sequence[Policy]) -> Label:
    """Return the label in an originator confidentiality label; whether it is legal is for `Policy.faults` to say.

    Names are matched without regard to case and older country codes resolved, so that equal labels are equal
    values. What this software cannot keep is refused, for dropping it might widen: privacy marks, extensions, integer
    and bit string values, attributes beside the standard's.

    Raises:
        Malformed: not UTF-8 XML without DOCTYPE, not this element, an element is missing, unknown or out of place, or
            the policy is not one of `policies`.
    """
    root = _parse(data)
    if root.tag != _q("originatorConfidentialityLabel"):
        raise _refusal(f"<{etree.QName(root).localname}> is not an originator's label")
    return _read(root, policies)


def _q(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _refusal(reason: str) -> Malformed:
    return Malformed(f"ADatP-4774 label: {reason}. Not read.")


def _write(element: etree._Element, label: Label, created: Instant, originator: str, policy: Policy) -> None:
    if label.review_at is not None:
        element.set("ReviewDateTime", _time_text(label.review_at))
    information = etree.SubElement(element, _q("ConfidentialityInformation"))
    _child(information, "PolicyIdentifier", policy.id).set("URI", policy.uri)
    _child(information, "Classification", label.classification)
    for category in label.categories:
        _write_category(information, category.type.value, category.tag, category.values)
    for tag, values in _handling_values(label.handling):
        _write_category(information, CategoryType.INFORMATIVE.value, tag, values).set("URI", HANDLING)
    _child(element, "OriginatorID", PARTY + originator).set("IDType", "uniformResourceIdentifier")
    _child(element, "CreationDateTime", _time_text(created))
    if label.succession is not None:
        succession = etree.SubElement(element, _q("SuccessionHandling"))
        _child(succession, "SuccessionDateTime", _time_text(label.succession.at))
        successor = etree.SubElement(succession, _q("SuccessorConfidentialityLabel"))
        _write(successor, label.succession.label, created, originator, policy)


def _child(parent: etree._Element, name: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, _q(name))
    child.text = text
    return child


def _write_category(parent: etree._Element, type_: str, tag: str, values: tuple[str, ...]) -> etree._Element:
    category = etree.SubElement(parent, _q("Category"), Type=type_, TagName=tag)
    for value in values:
        _child(category, "GenericValue", value)
    return category


def _handling_values(handling: Handling) -> list[tuple[str, tuple[str, ...]]]:
    said = (("TLP", handling.tlp), ("PAP", handling.pap), ("Passing On", None if handling.pass_on else _NO))
    return [(tag, (value,)) for tag, value in said if value is not None]


def _time_text(at: Instant) -> str:
    return moment(at).isoformat().replace("+00:00", "Z")


def _parse(data: bytes) -> etree._Element:
    if len(data) > LARGEST:
        raise _refusal(f"{len(data)} bytes are more than {LARGEST}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal("not UTF-8") from error
    # Looked for before any parser sees the bytes, and in the one encoding that the parser is then told to use.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _refusal("it has a DOCTYPE")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(f"not XML: {error}") from error


def _read(element: etree._Element, policies: Sequence[Policy]) -> Label:
    _only_attributes(element, ("Id", "ReviewDateTime"))
    parts = _children(
        element, ("ConfidentialityInformation", "OriginatorID?", "CreationDateTime", "SuccessionHandling?")
    )
    _read_time(_text(parts["CreationDateTime"]))
    policy, classification, categories, handling = _read_information(parts["ConfidentialityInformation"], policies)
    review = element.get("ReviewDateTime")
    succession = parts.get("SuccessionHandling")
    return Label(
        policy.id,
        classification,
        categories,
        handling,
        review_at=None if review is None else _read_time(review),
        succession=None if succession is None else _read_succession(succession, policies),
    )


def _read_succession(element: etree._Element, policies: Sequence[Policy]) -> Succession:
    parts = _children(element, ("SuccessionDateTime", "SuccessorConfidentialityLabel"))
    return Succession(
        _read_time(_text(parts["SuccessionDateTime"])), _read(parts["SuccessorConfidentialityLabel"], policies)
    )


def _read_information(
    element: etree._Element, policies: Sequence[Policy]
) -> tuple[Policy, str, tuple[Category, ...], Handling]:
    parts = _children(element, ("PolicyIdentifier", "Classification", "Category*"))
    policy = _read_policy_identifier(parts["PolicyIdentifier"], policies)
    categories: list[Category] = []
    handling: dict[str, str] = {}
    for child in list(element)[2:]:
        _only_attributes(child, ("Type", "TagName", "URI"))
        values = [_text(value) for value in _repeated(child, "GenericValue")]
        if child.get("URI") == HANDLING:
            _keep_handling(child, values, handling)
        else:
            categories.append(_read_category(child, values, policy))
    tlp, pap = handling.get("TLP"), handling.get("PAP")
    return (
        policy,
        _spelling(_text(parts["Classification"]), policy.ranks),
        tuple(categories),
        Handling(
            tlp=None if tlp is None else _spelling(tlp, TLP),
            pap=None if pap is None else _spelling(pap, PAP),
            pass_on="Passing On" not in handling,
        ),
    )


def _read_policy_identifier(element: etree._Element, policies: Sequence[Policy]) -> Policy:
    name, uri = _text(element), element.get("URI")
    for policy in policies:
        if policy.id.casefold() == name.casefold() and uri in (None, policy.uri):
            return policy
    raise _refusal(f"no policy “{name}” with URI {uri or '(none)'} is installed")


def _keep_handling(element: etree._Element, values: list[str], handling: dict[str, str]) -> None:
    tag, type_ = element.get("TagName", ""), element.get("Type")
    if type_ != CategoryType.INFORMATIVE or tag not in ("TLP", "PAP", "Passing On") or tag in handling:
        raise _refusal(f"handling “{tag}” of type {type_} is unknown or stands twice")
    if len(values) != 1 or (tag == "Passing On" and values != [_NO]):
        raise _refusal(f"handling “{tag}” does not have one known value")
    handling[tag] = values[0]


def _read_category(element: etree._Element, values: list[str], policy: Policy) -> Category:
    try:
        type_ = CategoryType(element.get("Type", ""))
    except ValueError as error:
        raise _refusal(f"“{element.get('Type')}” is not a category type") from error
    name = _spelling(element.get("TagName", ""), policy.by_tag)
    tag = policy.by_tag.get(name)
    if tag is not None and isinstance(tag.values, tuple):
        known = tag.values
        return Category(name, type_, tuple(_spelling(value, known) for value in values))
    return Category(name, type_, tuple(_party_spelling(value) for value in values))


def _party_spelling(value: str) -> str:
    upper = value.upper()
    try:
        return party_id(upper)
    except Malformed:
        return value


def _spelling(given: str, known: Iterable[str]) -> str:
    """Return the policy's own spelling of a name; one that it does not know stays as it came, for `faults` to say."""
    return next((name for name in known if name.casefold() == given.casefold()), given)


def _read_time(text: str) -> Instant:
    if _INSTANT.fullmatch(text) is None:
        raise _refusal(f"“{text}” is not a date and time with an offset")
    try:
        return instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise _refusal(f"“{text}” is not a date and time") from error


def _text(element: etree._Element) -> str:
    if len(element):
        raise _refusal(f"<{etree.QName(element).localname}> holds elements where text belongs")
    return (element.text or "").strip()


def _only_attributes(element: etree._Element, known: tuple[str, ...]) -> None:
    for name in element.attrib:
        if name not in known:
            raise _refusal(f"attribute {name!s} is not kept here")


def _repeated(element: etree._Element, name: str) -> list[etree._Element]:
    for child in element:
        if child.tag != _q(name):
            raise _refusal(f"{child.tag!s} is not kept here")
    return list(element)


def _children(element: etree._Element, shape: tuple[str, ...]) -> dict[str, etree._Element]:
    """Return the children by name, in the order of `shape` alone; `?` marks what may be absent, `*` what may repeat."""
    found: dict[str, etree._Element] = {}
    left = list(element)
    for entry in shape:
        name = entry.rstrip("?*")
        present = bool(left) and left[0].tag == _q(name)
        if not present and entry == name:
            raise _refusal(f"<{name}> is missing or out of place")
        if present:
            found[name] = left.pop(0)
        while entry.endswith("*") and left and left[0].tag == _q(name):
            left.pop(0)
    if left:
        raise _refusal(f"{left[0].tag!s} is not kept here")
    return found
