"""What the cyber desk speaks: a TAXII 2.1 server, a MISP feed, and files for other tools."""

from diwan.desks.cyber.routes.exports import ROUTES
from diwan.desks.cyber.routes.sources import BOARDS as ROLE_BOARDS
from diwan.desks.cyber.routes.taxii import SERVICES, refusal

__all__ = ["ROLE_BOARDS", "ROUTES", "SERVICES", "refusal"]
