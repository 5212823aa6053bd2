"""Bytes to drafts: one network statement as JSON, refused at the first look when it is not exactly that; pure."""

from diwan.desks.network.parse.draft import parse
from diwan.desks.network.parse.strict import LIMIT, read_statement

__all__ = ["LIMIT", "parse", "read_statement"]
