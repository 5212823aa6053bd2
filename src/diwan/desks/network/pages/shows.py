"""One statement of each kind: what it says, whether it counts or is a claim, and what surrounds it today."""

from __future__ import annotations

from collections.abc import Mapping

from diwan.desks.network.kinds import Belonging, Framework, Mission, Party, Post, first_day, kept, parties, posts, rolls
from diwan.desks.network.pages.statements import called, items, statement_of, told
from diwan.reading import ReadingRoom, Released
from diwan.terms.item import Ref
from diwan.terms.time import day


def party_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a party, where it stands today, and the missions and offices that it sent, receives, hosts or is."""
    read = items(room)
    party, told_all = statement_of(item), tuple(map(told, read.values()))
    assert isinstance(party, Party)  # noqa: S101 -- the item's kind says so
    today = day(room.now)
    standing = (
        (roll, place)
        for roll in rolls(told_all, today)
        for place in (*roll.places, *roll.claims)
        if place.party == party.id
    )
    concerning = (
        post
        for post in posts(told_all, today)
        if party.id in (post.mission.id, post.mission.of, post.mission.to, post.mission.host)
    )
    return {
        "party": party,
        "own": item.ref.originator == party.id,
        "places": tuple(standing),
        "posts": tuple(concerning),
        **_surroundings(read),
    }


def framework_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a framework and its roll of today: as this keeper keeps it, else as anyone tells of it."""
    read = items(room)
    framework, told_all = statement_of(item), tuple(map(told, read.values()))
    assert isinstance(framework, Framework)  # noqa: S101 -- the item's kind says so
    same = [roll for roll in rolls(told_all, day(room.now)) if roll.id == framework.id]
    return {
        "framework": framework,
        "kept": item.ref.originator == framework.keeper,
        "roll": next((roll for roll in same if roll.keeper == framework.keeper), next(iter(same), None)),
        **_surroundings(read),
    }


def membership_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a membership, and whether the framework's keeper states it or someone else claims it."""
    read = items(room)
    said = statement_of(item)
    assert isinstance(said, Belonging)  # noqa: S101 -- the item's kind says so
    keepers = kept(map(told, read.values())).get(said.framework, {})
    return {
        "said": said,
        "claimed": item.ref.originator not in keepers,
        "keepers": tuple(sorted(keepers)),
        **_surroundings(read),
    }


def mission_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a mission or office, and whether a party to it states it or someone else claims it."""
    mission = statement_of(item)
    assert isinstance(mission, Mission)  # noqa: S101 -- the item's kind says so
    return {"mission": mission, "claimed": Post(mission, told(item)).claimed, **_surroundings(items(room))}


def _surroundings(read: Mapping[Ref, Released]) -> dict[str, object]:
    known = parties(map(told, read.values()))
    return {"known": {party: about for party, (_, about) in known.items()}, "called": called, "first_day": first_day}
