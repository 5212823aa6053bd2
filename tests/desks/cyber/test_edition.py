"""Editions of STIX objects: what is marked apart is gone from the bytes, with its repetitions and all references."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.desks.cyber.parse.edition import edition
from diwan.desks.cyber.parse.stix import parse
from diwan.terms.errors import NotAllowed
from diwan.terms.gate import World
from diwan.terms.item import Draft, Ref

RED = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
OWN = "marking-definition--5f0d0011-7a11-4c3e-9b1d-000000000011"
NAME = "5f0d0010-7a11-4c3e-9b1d-000000000010"
IDENT = "0" * 12 + "4" + "0" * 3 + "8" + "0" * 14 + "f"
NEW = str(UUID(hex=IDENT, version=4))
HEAD = {"spec_version": "2.1", "created": "2017-01-20T08:00:00.000Z", "modified": "2017-01-20T08:00:00.000Z"}


def actor(**more: Any) -> dict[str, Any]:
    return {"type": "threat-actor", **HEAD, "id": f"threat-actor--{NAME}", "name": "Limpet", **more}


def marked(*marks: tuple[str, ...], ref: str = RED) -> dict[str, Any]:
    return {"granular_markings": [{"marking_ref": ref, "selectors": list(selectors)} for selectors in marks]}


def drafted(said: dict[str, Any]) -> Draft:
    return parse(msgspec.json.encode(said), {})


def issued(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(edition(drafted(said), IDENT).parts[0].data)
    return found


def test_an_edition_is_the_object_under_a_new_name_without_what_is_marked() -> None:
    said = actor(aliases=["Barnacle"], goals=["harm ports"], resource_level="team", **marked(("resource_level",)))

    assert issued(said) == {
        **actor(aliases=["Barnacle"], goals=["harm ports"]),
        "id": f"threat-actor--{NEW}",
    }


def test_items_of_one_list_that_different_markings_select_are_all_gone() -> None:
    said = actor(aliases=["first one", "second one", "third one", "fourth one"])
    said |= marked(("aliases.[0]",), ("aliases.[1]",), ("aliases.[3]", "aliases.[0]"))

    assert issued(said)["aliases"] == ["third one"]


@pytest.mark.parametrize("marks", [[("aliases.[00000001]",)], [("aliases.[1]",), ("aliases.[1]", "aliases.[01]")]])
def test_an_index_may_be_written_with_zeros_before_it_and_more_than_once(marks: list[tuple[str, ...]]) -> None:
    said = actor(aliases=["first one", "second one", "third one"], **marked(*marks))

    assert issued(said)["aliases"] == ["first one", "third one"]


def test_what_is_inside_an_item_goes_before_the_item_and_takes_nothing_of_the_next() -> None:
    sources = [{"source_name": f"source {n}", "description": f"words {n}"} for n in range(3)]
    said = actor(external_references=sources)
    said |= marked(("external_references.[0]", "external_references.[0].description"))

    assert issued(said)["external_references"] == sources[1:]


def test_a_nested_property_alone_goes_and_an_object_that_is_empty_then_goes_too() -> None:
    extension = "extension-definition--5f0d0012-7a11-4c3e-9b1d-000000000012"
    said = actor(
        extensions={
            extension: {"extension_type": "property-extension", "inner": {"secret": "at berth nine"}, "outer": 1}
        },
        external_references=[{"source_name": "Example", "external_id": "EX-1", "url": "https://pilots.example/"}],
    )
    said |= marked((f"extensions.{extension}.inner.secret", "external_references.[0].url"))

    assert issued(said) == {
        **actor(
            extensions={extension: {"extension_type": "property-extension", "outer": 1}},
            external_references=[{"source_name": "Example", "external_id": "EX-1"}],
        ),
        "id": f"threat-actor--{NEW}",
    }


def test_references_and_the_creator_go_in_nested_objects_and_lists_too() -> None:
    other = "identity--5f0d0013-7a11-4c3e-9b1d-000000000013"
    said = actor(
        created_by_ref=other,
        x_seen=[{"by_ref": other, "where": "Gulf"}, {"by_refs": [other]}],
        x_only={"a": {"to_ref": other}},
        object_marking_refs=[AMBER, OWN],
    )

    assert issued(said) == {
        **actor(x_seen=[{"where": "Gulf"}], object_marking_refs=[AMBER]),
        "id": f"threat-actor--{NEW}",
    }


def test_a_text_that_repeats_what_is_hidden_goes_too_in_whatever_case() -> None:
    said = actor(
        description="Uses BEACON.EXAMPLE from the north.", goals=["harm ports"], aliases=["Barnacle", "beacon.example"]
    )
    said |= marked(("aliases.[1]",))

    assert issued(said) == {**actor(aliases=["Barnacle"], goals=["harm ports"]), "id": f"threat-actor--{NEW}"}


def test_what_is_marked_with_a_marking_that_is_not_known_here_is_gone() -> None:
    assert "goals" not in issued(actor(goals=["harm ports"], **marked(("goals",), ref=OWN)))


@pytest.mark.parametrize(
    "said",
    [
        {
            "type": "relationship", **HEAD, "id": f"relationship--{NAME}", "relationship_type": "uses",
            "source_ref": f"threat-actor--{NAME}", "target_ref": f"tool--{NAME}",
        },
        {
            "type": "report", **HEAD, "id": f"report--{NAME}", "name": "Limpet", "published": "2017-01-20T08:00:00Z",
            "object_refs": [f"threat-actor--{NAME}"],
        },
        actor(**marked(("name",))),
        actor(**marked(("type",))),
        actor(**marked(("created",))),
        actor(goals=["limpet"], **marked(("goals.[0]",))),
    ],
    ids=["relationship", "report", "name", "type", "time", "repeated in what must stay"],
)  # fmt: skip
def test_what_cannot_be_said_without_what_is_hidden_has_no_edition(said: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed, match=f"what is left is no {said['type']}.*Nothing was entered"):
        edition(drafted(said), IDENT)


def test_an_edition_stands_where_the_object_would_have_stood() -> None:
    draft = msgspec.structs.replace(
        drafted(actor(goals=["x"], **marked(("goals",)))), parent=Ref("KWT", "0" * 32), world=World.EXERCISE
    )

    made = edition(draft, IDENT)

    assert (made.parent, made.world, made.within.tlp) == (draft.parent, World.EXERCISE, None)


def paths(value: Any, path: str) -> list[str]:
    """Return the selector of everything in a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path]
    for key, one in inside:
        found += paths(one, f"{path}.[{key}]" if isinstance(value, list) else f"{path}.{key}")
    return found


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [text for one in (value.values() if isinstance(value, dict) else value) for text in leaves(one)]
    return [value]


def at(value: Any, selector: str) -> Any:
    for step in selector.split("."):
        value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    return value


@settings(deadline=None)  # the machine may be busy; what counts is what is left
@given(data=st.data())
def test_nothing_of_what_is_hidden_is_left_in_the_bytes_and_nothing_else_is_missing(data: st.DataObject) -> None:
    count = iter(range(10_000))
    leaf = st.builds(lambda: f"word-{next(count):05}")
    tree = st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=4)
            | st.dictionaries(st.sampled_from(("one", "two", "three")), inner, min_size=1)
        ),
        max_leaves=12,
    )
    held = {f"x_{n}": value for n, value in enumerate(data.draw(st.lists(tree, min_size=1, max_size=4)))}
    every = [path for key, value in held.items() for path in paths(value, key)]
    chosen = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=6))
    marks = [(one,) if data.draw(st.booleans()) else (one, one) for one in chosen]
    said = actor(**held, **marked(*marks))
    hidden = {text for path in chosen for text in leaves(at(held, path))}

    left = edition(drafted(said), IDENT).parts[0].data.decode()

    kept = {text for value in held.values() for text in leaves(value)} - hidden
    assert {text for text in hidden if text in left} == set()
    assert {text for text in kept if text not in left} == set()
