"""The cyber desk: STIX 2.1 over TAXII 2.1, and MISP's format, in and out."""

from diwan.desk import Desk, Wording
from diwan.desks.cyber.kinds.collection import COLLECTION
from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION_TYPE
from diwan.desks.cyber.kinds.stix import KINDS, MEDIA_TYPE
from diwan.desks.cyber.parse.collection import parse_collection
from diwan.desks.cyber.parse.stix import parse
from diwan.desks.cyber.routes import SERVICES, refusal

DESK = Desk(
    name="cyber",
    kinds=KINDS | {COLLECTION},
    parses={MEDIA_TYPE: parse, COLLECTION_TYPE: parse_collection},
    services=SERVICES,
    wording=Wording("/taxii2", refusal),
    package="diwan.desks.cyber",
)
