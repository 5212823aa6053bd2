"""Missions and offices on a day; what a third party says of two others is a claim."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from diwan.desks.network.kinds.days import holds
from diwan.desks.network.kinds.statement import Mission, MissionType
from diwan.desks.network.kinds.told import Told, in_order


class Post(msgspec.Struct, frozen=True):
    """One mission or office, and who says that it is there."""

    mission: Mission
    told: Told

    @property
    def claimed(self) -> bool:
        """Return whether neither who sent it nor who receives it says so."""
        return self.told.by not in concerned(self.mission)


def concerned(mission: Mission) -> tuple[str | None, ...]:
    """Return the parties whose word on a mission counts: who sent it, and to whom; of an office, also its host."""
    receiving = mission.to if mission.type is MissionType.MISSION else mission.host
    return (mission.of, receiving)


def posts(told: Iterable[Told], on: date) -> tuple[Post, ...]:
    """Return what stands on a day, offices first; once for each that the parties to it speak of, the sender first."""
    found: dict[tuple[str, str], Post] = {}
    for one in in_order(told):
        said = one.statement
        if not isinstance(said, Mission) or not holds(said.since, said.until, on):
            continue
        post = Post(said, one)
        key = (said.id, one.by if post.claimed else "")
        if key not in found or (one.by == said.of and found[key].told.by != said.of):
            found[key] = post
    return tuple(sorted(found.values(), key=_rank))


def _rank(post: Post) -> tuple[bool, bool, str, str]:
    return post.claimed, post.mission.type is MissionType.MISSION, post.mission.id, post.told.by
