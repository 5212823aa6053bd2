"""What is done at the cyber desk: files opened, labels settled, reports handed out, sightings told."""

from diwan.desks.cyber.acts.answers import ACTS_BY_KIND
from diwan.desks.cyber.acts.definitions import Definitions
from diwan.desks.cyber.acts.labels import EDITIONS, cut_event, narrowing
from diwan.desks.cyber.acts.opening import check_file, drafts_of, open_file, open_stix
from diwan.desks.cyber.acts.reports import event_of_report

__all__ = [
    "ACTS_BY_KIND",
    "EDITIONS",
    "Definitions",
    "check_file",
    "cut_event",
    "drafts_of",
    "event_of_report",
    "narrowing",
    "open_file",
    "open_stix",
]
