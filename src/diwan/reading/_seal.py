"""The seal that only the reading room can set."""


class Seal:
    """Proof that something came out through the reading room."""
