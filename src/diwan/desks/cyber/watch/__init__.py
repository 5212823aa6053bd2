"""What is gathered from the reading room for others: values to watch for, events, and whole bundles."""

from diwan.desks.cyber.watch.again import again
from diwan.desks.cyber.watch.gather import bundle_of, events_of, told_of
from diwan.desks.cyber.watch.watched import watched_of

__all__ = ["again", "bundle_of", "events_of", "told_of", "watched_of"]
