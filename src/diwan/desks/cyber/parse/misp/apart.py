"""Which parts of an event are for fewer readers than it is: every object with a distribution counts, known or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from diwan.desks.cyber.kinds.misp import INHERIT, Claims, Group, Org, is_narrower
from diwan.desks.cyber.kinds.misp.marks import is_mark
from diwan.desks.cyber.parse.misp.notes import Node, Notes

AUDIENCES: Final = 50
"""Different audiences of parts at most; an event with more goes whole to its originator alone."""
ORGANISATIONS: Final = 1_000
"""Organisations read of one sharing group."""
_OWN: Final = Claims(0)


def claims_of(tree: dict[str, Any]) -> Claims:
    """Return what a part says about who it is for; what cannot be understood is for its own organisation alone."""
    notes = Notes()
    node = Node(tree, "", notes)
    distribution = node.choice("distribution", range(6), "misp.distribution")
    if notes.refused:
        return _OWN
    return Claims(
        INHERIT if distribution is None else distribution,
        group_of(node) if distribution == 4 else None,
        marks_of(node),
    )


def is_apart(tree: dict[str, Any], event: Claims) -> bool:
    """Return whether a part, or a tag that is not to leave its instance, is for fewer readers than the event."""
    if "distribution" in tree or "Tag" in tree:
        return is_narrower(claims_of(tree), event)
    return is_local_tag(tree)


def is_local_tag(tree: dict[str, Any]) -> bool:
    """Return whether this is a tag that somebody set at their own instance only.

    An organisation is `local` too, that of its instance, and has a UUID, which a tag has not.
    """
    named = "name" in tree and not tree.keys() & {"type", "uuid"}
    return named and Node(tree, "", Notes()).flag("local")


def apart_in(event: dict[str, Any], claims: Claims) -> tuple[Claims, ...]:
    """Return what the narrower parts of an event say, each once, in order."""
    told: set[Claims] = set()
    for part in _parts(event):
        if is_apart(part, claims):
            told.add(_OWN if is_local_tag(part) else claims_of(part))
        if len(told) > AUDIENCES:
            return (_OWN,)
    return tuple(sorted(told, key=repr))


def marks_of(node: Node) -> tuple[str, ...]:
    """Return the TLP and PAP tags of a part, as written, each once."""
    told = node.tree.get("Tag")
    tags = told if isinstance(told, list) else [told]
    names = (tag.get("name") for tag in tags if isinstance(tag, dict))
    return tuple(sorted({name[:80] for name in names if isinstance(name, str) and is_mark(name)})[:20])


def group_of(node: Node) -> Group | None:
    """Return the sharing group of an event or part, None where it has neither a block nor a number."""
    number = node.text("sharing_group_id")
    block = node.node("SharingGroup")
    if block is None:
        return Group(number=number) if number not in ("", "0") else None
    return Group(block.uuid(), block.text("name"), tuple(sorted(set(_organisations(block)))), number)


def _organisations(block: Node) -> Iterator[Org]:
    for number, one in enumerate(block.nodes("SharingGroupOrg")):
        org = one.node("Organisation") or one
        if number >= ORGANISATIONS:
            yield Org(f"more than {ORGANISATIONS} organisations")
            return
        yield Org(org.text("name"), org.uuid())


def _parts(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every object within an event, however deep and under whatever name."""
    left: list[Any] = list(event.values())
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
