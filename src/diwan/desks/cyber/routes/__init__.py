"""What the cyber desk speaks: a TAXII 2.1 server."""

from diwan.desks.cyber.routes.taxii import SERVICES, refusal

__all__ = ["SERVICES", "refusal"]
