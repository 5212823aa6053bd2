"""Replaying: what was recalled and relabelled since a backup is done again in the register restored from it."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

import msgspec

from diwan.intake.change import put, withdraw
from diwan.intake.office import Office
from diwan.registry.chain import digest, line_of
from diwan.registry.found import Standing
from diwan.registry.ink import Ink
from diwan.registry.journal import Change
from diwan.terms.errors import Conflict
from diwan.terms.item import Ref
from diwan.terms.label import unpack


class Replayed(msgspec.Struct):
    """What became of the changes in a journal."""

    recalled: int = 0
    relabelled: int = 0
    withdrawn: list[Ref] = []
    """Items that could not be relabelled here, or were changed here since, and stand no more: nobody reads them under a
    label that is not known to be the last."""
    known: int = 0
    """Changes that the restored register knew, or of items that stood no more."""
    unknown: int = 0
    """Changes of items that were entered after the backup, and are lost."""


def replay(
    office: Office,
    changes: Sequence[Change],
    items: Mapping[str, int],
    *,
    of: Collection[str] = (),
    because: str = "",
    generation: int = 0,
    doubtful: Container[str] = (),
) -> Replayed:
    """Do what a journal's `changes` say in the register, and open the node: all of it or nothing.

    Args:
        office: the keys of the parties hosted here sign the new revisions.
        changes: in the order in which they were made.
        items: the numbers of the items that they name.
        of: digests of the journals, for the audit log.
        because: why the node is opened without one.
        generation: the restore generation that the node begins with, if that is later than its own.
        doubtful: how the audit log names items that were changed here after `changes` were lost.
    """

    def job(ink: Ink) -> Replayed:
        made = Replayed()
        for change in changes:
            for named in change.of:
                _again(office, ink, change, items.get(named), made, doubtful=named in doubtful)
        ink.set_fact("generation", max(generation, ink.fact("generation")))
        ink.set_fact("shut", 0)
        # Whoever signed out, was closed or changed a password since the backup must not be signed in again by it.
        ink.connection.execute("DELETE FROM ticket WHERE sort='session'")
        counts = {"recalled": made.recalled, "relabelled": made.relabelled, "withdrawn": len(made.withdrawn)}
        said = {"because": because} if because else {}
        ink.log([line_of("reopen", ink.now(), by="console", of=sorted(of), **counts, **said)])
        return made

    made = office.book.write(job)
    office.journalled()
    return made


def _again(office: Office, ink: Ink, change: Change, item: int | None, made: Replayed, *, doubtful: bool) -> None:
    if item is None:
        made.unknown += 1
        return
    standing = ink.standing_of(item)
    if standing is None:
        made.known += 1
    elif change.act == "recall":
        _withdraw(ink, standing, change)
        made.recalled += 1
    elif unpack(bytes.fromhex(change.label)) == standing.label:
        made.known += 1
    elif not doubtful and _relabel(office, ink, standing, change):
        made.relabelled += 1
    else:
        _withdraw(ink, standing, change)
        made.withdrawn.append(standing.ref)


def _withdraw(ink: Ink, standing: Standing, change: Change) -> None:
    ink.log_change(line_of("recall", ink.now(), by="console", of=withdraw(ink, standing), again=change.leaf))


def _relabel(office: Office, ink: Ink, standing: Standing, change: Change) -> bool:
    """Put an item behind the label it was given; return whether that can be done here."""
    if standing.ref.originator not in office.signers:
        return False
    draft, terms = ink.stored_draft(standing)
    try:
        label = unpack(bytes.fromhex(change.label))
        gate = put(office, ink, standing, draft, terms, label, same_parts=True)
    except Conflict:
        return False
    named, again = [digest(standing.ref)], change.leaf
    line = line_of("relabel", ink.now(), by="console", of=named, gate=gate, label=change.label, again=again)
    ink.log_change(line)
    return True
