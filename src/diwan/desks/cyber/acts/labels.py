"""Under which label a draft goes in: no freer than it says of itself, with an edition where a part is for fewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from diwan.desk import Narrow
from diwan.desks.cyber.acts.definitions import Definitions
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.markings import apart, granular_refs, handling_of, strictest
from diwan.desks.cyber.kinds.misp import EVENT, Cut, cuts, label_of, label_of_all
from diwan.desks.cyber.kinds.stix import KINDS
from diwan.desks.cyber.parse import edition as stix_edition
from diwan.desks.cyber.parse import misp
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.stix import VALUES
from diwan.reading import ReadingRoom
from diwan.terms.item import Draft
from diwan.terms.label import Label


def narrowing(room: ReadingRoom, local: object, originator: str) -> Narrow:
    """Return what holds drafts of one batch to what they say of themselves: STIX by its markings, MISP by distribution.

    What it returns raises NotAllowed where a MISP event's audience is not known here, or nobody would be left.
    """
    known = Definitions(room)
    sharing = (local if isinstance(local, Local) else Local()).audiences.sharing(originator)

    def narrow(draft: Draft, label: Label) -> tuple[Draft, Label]:
        if draft.kind == EVENT:
            return draft, label_of_all(cuts(misp.event_of(draft.parts[0].data))[0].claims, sharing, label)
        handling = strictest(draft.handling, handling_of(_marks(draft), known))
        within = apart(strictest(draft.within, handling_of(_granular(draft), known)), handling)
        if (handling, within) == (draft.handling, draft.within):
            return draft, label
        return replace(draft, handling=handling, within=within), label

    return narrow


class _Granular(msgspec.Struct):
    granular_markings: Any = None


_granular_in: Final = msgspec.json.Decoder(_Granular).decode


def _granular(draft: Draft) -> Sequence[str]:
    data = draft.parts[0].data
    # Few objects have any; a name may be spelt with escapes.
    marked = b"granular_markings" in data or b"\\u" in data
    return granular_refs(_granular_in(data).granular_markings) if marked else ()


def _marks(draft: Draft) -> Sequence[str]:
    if len(draft.links) < VALUES:
        return [link.to.value for link in draft.links if link.relation == "object_marking"]
    refs: Sequence[str] = read_object(draft.parts[0].data).get("object_marking_refs", ())
    return refs


def cut_event(
    draft: Draft, label: Label | None, local: Local, originator: str, ident: str
) -> list[tuple[Draft, Label]]:
    """Return a MISP event under the label its distribution means, with an edition where a part is for fewer readers.

    Raises:
        NotAllowed: an audience is not known here, or the rest would tell of what is left out.
    """
    sharing = local.audiences.sharing(originator)
    found: list[Cut] = cuts(misp.event_of(draft.parts[0].data))
    whole = (draft, label_of_all(found[0].claims, sharing, label))
    if len(found) == 1:
        return [whole]
    return [whole, (misp.edition(draft, ident), label_of(found[1].claims[0], sharing, label))]


def edition(draft: Draft, ident: str) -> Draft:
    """Return a STIX object or MISP event without what only some may know, under a random id of its own."""
    return misp.edition(draft, ident) if draft.kind == EVENT else stix_edition.edition(draft, ident)


EDITIONS: Final = {**dict.fromkeys(KINDS, edition), EVENT: edition}
