"""Opening a node that was brought back from a backup: first, what was recalled and relabelled since is done again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from diwan.intake.office import Office
from diwan.intake.replay import Replayed, replay
from diwan.registry.book import Book
from diwan.registry.journal import files_of, latest_generation, read_journals
from diwan.sealing.tree import leaf_hash
from diwan.terms.errors import Refused


def reopen(book: Book, office: Office, keeper: str, journals: Sequence[Path], kept: Sequence[Path] = ()) -> Replayed:
    """Replay what the journals of `keeper` say was changed since the backup, and open the node; whole or not at all.

    `kept` is where this node keeps its own: a generation that stands there is not begun a second time.

    Raises:
        Refused: the node is open, or the journals are not its keeper's, not sound, or of another history.
    """
    number, ended, act = _shut_by(book)
    changes = read_journals(journals, keeper, book.keys_of(keeper))
    known = latest_generation(journals, keeper)
    if known < ended:
        raise Refused(f"No journal there is of generation {ended} or a later one. The node stays shut.")
    before = [change for change in changes if change.number < number]
    held = {n: leaf_hash(line).hex() for n, line in book.leaves({change.number for change in before}).items()}
    # A later generation's journal begins with all that was changed before it, and so with what the backup holds.
    known_here = {(one.generation, one.number) for one in before if held.get(one.number) == one.leaf}
    # What is missing in a backup was never in it.  A register that was shut without one may have lost it and gone on.
    missing = any(one.generation == ended and (one.generation, one.number) not in known_here for one in before)
    if missing and act == "restore":
        raise Refused("The journal is of another history than the register that was restored. The node stays shut.")
    since = [one for one in changes if one.generation >= ended and (one.generation, one.number) not in known_here]
    items = book.items_named({name for change in since for name in change.of})
    digests = [sha256(file.read_bytes()).hexdigest() for file in files_of(journals, keeper)]
    # Later than every generation that ever was: what it signs outranks all that was signed before.
    begun = max(known, latest_generation(kept, keeper))
    return replay(office, since, items, of=digests, because="", generation=begun + 1)


def reopen_without_journal(book: Book, office: Office, keeper: str, journals: Sequence[Path], because: str) -> Replayed:
    """Open a node though nobody knows what was recalled since its backup; `journals` tell generations, if any are left.

    Raises:
        Refused: the node is open, or no reason is given.
    """
    _shut_by(book)
    if not because.strip():
        raise Refused("Without its journal a node is opened for a reason alone. The node stays shut.")
    known = latest_generation(journals, keeper) if journals else -1
    return replay(office, [], {}, of=[], because=because.strip(), generation=known + 1)


def _shut_by(book: Book) -> tuple[int, int, str]:
    if not book.shut_since():
        raise Refused("The node is open. Nothing was changed.")
    return book.shut_by()
