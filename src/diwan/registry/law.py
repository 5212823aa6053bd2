"""The rules that release, as the register holds them: installed policies, and what keepers state of membership."""

from __future__ import annotations

from typing import Final

import msgspec

from diwan.registry.engines.lines import Asked
from diwan.release.decide import Rules, keeper_of
from diwan.release.policy import read_policy
from diwan.terms.party import Membership

_membership: Final = msgspec.json.Decoder(Membership)


def load_rules(connection: Asked, revision: int) -> Rules:
    """Return the rules of the present `revision`, within the caller's snapshot.

    Every statement of membership is kept; those count whose originator the policies of this revision name as keeper.
    """
    texts = connection.execute("SELECT text FROM policy ORDER BY id").fetchall()
    policies = tuple(read_policy(text) for (text,) in texts)
    stated = connection.execute("SELECT originator, value FROM membership ORDER BY item").fetchall()
    read = ((originator, _membership.decode(value)) for originator, value in stated)
    return Rules(
        revision=revision,
        policies=policies,
        memberships=tuple(said for originator, said in read if keeper_of(policies, said.framework) == originator),
    )
