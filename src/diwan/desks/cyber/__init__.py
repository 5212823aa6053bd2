"""The cyber desk: STIX 2.1 over TAXII 2.1, and MISP's format, in and out."""

from diwan.desk import Desk, Wording
from diwan.desks.cyber.acts import ACTS_BY_KIND, EDITIONS, check_file, narrowing, open_file
from diwan.desks.cyber.kinds.collection import COLLECTION
from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION_TYPE
from diwan.desks.cyber.kinds.misp import EVENT
from diwan.desks.cyber.kinds.misp import MEDIA_TYPE as MISP_TYPE
from diwan.desks.cyber.kinds.stix import BACKGROUND, KINDS, MEDIA_TYPE
from diwan.desks.cyber.pages import BOARDS, SHOWS, ends_in
from diwan.desks.cyber.parse.collection import parse_collection
from diwan.desks.cyber.parse.local import read_local
from diwan.desks.cyber.parse.misp import parse_event
from diwan.desks.cyber.parse.stix import parse
from diwan.desks.cyber.routes import ROLE_BOARDS, ROUTES, SERVICES, refusal

DESK = Desk(
    name="cyber",
    kinds=KINDS | {COLLECTION, EVENT},
    background=BACKGROUND,
    parses={MEDIA_TYPE: parse, MISP_TYPE: parse_event, COLLECTION_TYPE: parse_collection},
    editions=EDITIONS,
    opens=open_file,
    checks=check_file,
    acts=ACTS_BY_KIND,
    routes=ROUTES,
    services=SERVICES,
    local=read_local,
    narrows=narrowing,
    wording=Wording("/taxii2", refusal),
    boards=(*BOARDS, *ROLE_BOARDS),
    shows=SHOWS,
    ends=ends_in,
    package="diwan.desks.cyber",
)
