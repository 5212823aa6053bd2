"""Makes the register in a folder ready, once it is given a line: `python beginner.py <folder>`."""

from __future__ import annotations

import sys
from pathlib import Path

import alembic.command  # loaded before the line comes, so that what is timed is the making
import sqlalchemy

from diwan.registry.shape import ready

__all__ = ["alembic", "sqlalchemy"]

print("here", flush=True)
sys.stdin.readline()
ready(Path(sys.argv[1]))
print("ready", flush=True)
