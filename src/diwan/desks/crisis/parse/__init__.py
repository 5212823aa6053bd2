"""Bytes to drafts: safe reading, every rule of CAP 1.2, containers, older editions and signatures; pure."""

from diwan.desks.crisis.parse.check import Nonconforming, check, read_alert
from diwan.desks.crisis.parse.container import Found, alerts_in, drafts_in
from diwan.desks.crisis.parse.document import LIMIT
from diwan.desks.crisis.parse.draft import derive, parse
from diwan.desks.crisis.parse.edition import parse_edition, upgrade
from diwan.desks.crisis.parse.finding import RULES
from diwan.desks.crisis.parse.profile import diwan
from diwan.desks.crisis.parse.signature import Outcome, Verdict, verify

__all__ = [
    "LIMIT",
    "RULES",
    "Found",
    "Nonconforming",
    "Outcome",
    "Verdict",
    "alerts_in",
    "check",
    "derive",
    "diwan",
    "drafts_in",
    "parse",
    "parse_edition",
    "read_alert",
    "upgrade",
    "verify",
]
