"""The command line: what an administrator and a duty officer type."""

from diwan.cli.app import app

__all__ = ["app"]
