"""Makes a register ready, once it is given a line: `python beginner.py <folder> [<conninfo>]`."""

from __future__ import annotations

import sys
from pathlib import Path

import alembic.command  # loaded before the line comes, so that what is timed is the making
import sqlalchemy

from diwan.registry.engines import engine_of

__all__ = ["alembic", "sqlalchemy"]

print("here", flush=True)
sys.stdin.readline()
engine_of(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "").ready()
print("ready", flush=True)
