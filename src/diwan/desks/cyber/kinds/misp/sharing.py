"""What MISP's words for an audience mean at a node: its community, its organisations, its sharing groups."""

from __future__ import annotations

import msgspec

from diwan.desks.cyber.kinds.misp.event import Org


class Member(msgspec.Struct, frozen=True):
    """A party and the organisation that it is in MISP."""

    party: str
    name: str
    uuid: str = ""


class Known(msgspec.Struct, frozen=True):
    """A sharing group that this node knows, and its parties."""

    uuid: str
    name: str
    parties: tuple[str, ...]


class Sharing(msgspec.Struct, frozen=True, kw_only=True):
    """What MISP's words mean at this node, for one originator."""

    own: str
    """The originator's party id: "your organisation"."""
    community: str = ""
    """The framework that is "this community"; empty: none is."""
    connected: tuple[str, ...] = ()
    """The frameworks that "connected communities" adds to it."""
    everyone: tuple[str, ...] = ()
    """What "all communities" means where TLP:CLEAR does not say everyone; empty: such events are refused."""
    members: tuple[Member, ...] = ()
    groups: tuple[Known, ...] = ()

    def party(self, org: Org) -> str | None:
        """Return the party of an organisation: by uuid, or by name where either side has no uuid."""
        for member in self.members:
            if member.uuid and member.uuid == org.uuid:
                return member.party
        for member in self.members:
            if member.name.casefold() == org.name.casefold() and not (member.uuid and org.uuid):
                return member.party
        return None

    def are_parties(self, values: frozenset[str]) -> bool:
        """Return whether all of these are parties known here, and none goes by a framework's id."""
        frameworks = {self.community, *self.connected, *self.everyone}
        return values <= {self.own, *(one.party for one in self.members)} - frameworks

    def org(self, party: str) -> Org | None:
        """Return the organisation that a party is in MISP, or None."""
        return next((Org(one.name, one.uuid) for one in self.members if one.party == party and one.uuid), None)
