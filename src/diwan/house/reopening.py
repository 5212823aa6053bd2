"""Opening a node whose register was set back: first, what was recalled and relabelled since is done again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from diwan.intake.office import Office
from diwan.intake.replay import Replayed, replay
from diwan.registry.book import Book
from diwan.registry.journal import files_of, latest_generation, read_journals
from diwan.sealing.tree import leaf_hash
from diwan.terms.errors import Refused

_RESTORES: Final = 64
"""How often a node is restored between a backup and its next restore at most."""


def reopen(book: Book, office: Office, keeper: str, journals: Sequence[Path], kept: Sequence[Path] = ()) -> Replayed:
    """Replay what the journals of `keeper` say was changed since the backup, and open the node; whole or not at all.

    `kept` is where this node keeps its own: a generation that stands there is not begun a second time.

    Raises:
        Refused: the node is open, or the journals are not its keeper's, not sound, or of another history.
    """
    number, ended, act = _shut_by(book)
    # A register that was shut without a backup may have lost its newest lines and gone on.
    changes = read_journals(journals, keeper, book.keys_of(keeper), forked=act == "shut")
    known = latest_generation(journals, keeper)
    if known < ended:
        raise Refused(f"No journal there is of generation {ended} or a later one. The node stays shut.")
    before = [change for change in changes if change.number < number]
    held = {n: leaf_hash(line).hex() for n, line in book.leaves({change.number for change in before}).items()}
    # A later generation's journal begins with all that was changed before it, and so with what the backup holds.
    lost = [change for change in before if held.get(change.number) != change.leaf]
    if act == "restore" and any(change.generation == ended for change in lost):
        raise Refused("The journal is of another history than the register that was restored. The node stays shut.")
    later = [change for change in changes if change.number >= number]
    since = [change for change in (*lost, *later) if change.generation >= ended]
    since.sort(key=lambda change: (change.generation, change.number))
    items = book.items_named({name for change in since for name in change.of})
    digests = [sha256(file.read_bytes()).hexdigest() for file in files_of(journals, keeper)]
    # Later than every generation that ever was: what it signs outranks all that was signed before.
    begun = _likely(max(known, latest_generation(kept, keeper)), ended)
    # What was changed here after others were lost: the originator's last word, and perhaps the stricter one.
    since_then = book.changed_from(min((change.number for change in since), default=number))
    return replay(office, since, items, of=digests, because="", generation=begun + 1, doubtful=since_then)


def reopen_without_journal(book: Book, office: Office, keeper: str, journals: Sequence[Path], because: str) -> Replayed:
    """Open a node though nobody knows what was recalled since its backup; `journals` tell generations, if any are left.

    Raises:
        Refused: the node is open, or no reason is given.
    """
    _, ended, _ = _shut_by(book)
    if not because.strip():
        raise Refused("Without its journal a node is opened for a reason alone. The node stays shut.")
    known = _likely(latest_generation(journals, keeper) if journals else -1, ended)
    return replay(office, [], {}, of=[], because=because.strip(), generation=known + 1)


def _likely(known: int, ended: int) -> int:
    # A file of a generation in which nothing was recalled is empty, so nobody signed for its name. There are 1,024
    # generations, and a node in the last of them enters nothing any more.
    if known > ended + _RESTORES:
        raise Refused(
            f"A journal there bears the name of generation {known}, and this register's own was {ended}: no node is"
            " restored that often. Take it away, if nobody knows it. Nothing was changed, and the node stays shut."
        )
    return known


def _shut_by(book: Book) -> tuple[int, int, str]:
    if not book.shut_since():
        raise Refused("The node is open. Nothing was changed.")
    return book.shut_by()
