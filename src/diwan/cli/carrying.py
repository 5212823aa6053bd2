"""Carrying files in: read ahead of the pen, entered batch by batch, and what is not taken listed by file and rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from diwan.cli.ahead import ahead
from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.intake.take import Taken
from diwan.terms.errors import Duplicate, Refused
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

BATCH: Final = 1000
"""Records of one transaction."""
TOLD: Final = 10
"""Notices that are told word by word; all are counted."""

Labelled = list[tuple[Draft, Label]]
Opens = Callable[[bytes, str], Iterable[Draft | Reject]]
"""Cuts a file into drafts and rejects: bytes and file name."""
Labels = Callable[[Draft], Labelled]
"""What a draft is entered as: itself under its label, and an edition where a part is for fewer readers.

It raises Duplicate for one that is there already.
"""

_EMPTY: Final = Finding("empty", Weight.ERROR, "/", "holds no record of this standard; a feed of mere links holds none")
_encode: Final = msgspec.json.Encoder().encode


class Came(msgspec.Struct):
    """What became of everything that was brought."""

    entered: int = 0
    already: int = 0
    rejected: int = 0
    notices: int = 0
    narrowed: int = 0
    """Under a stricter label than was chosen, for what they say of themselves."""

    @property
    def records(self) -> int:
        """How many records that makes."""
        return self.entered + self.already + self.rejected


class Load(msgspec.Struct, frozen=True):
    """One record on its way in."""

    file: Path
    record: Draft | Reject
    last: bool = False
    """Whether it is the last of its file."""


class Carrier(msgspec.Struct):
    """Enters records in one party's name and remembers what became of them."""

    house: House
    hand: Hand
    labels: Labels
    out: Any
    """Where rejects are listed, one JSON object a line."""
    beyond: Beyond = Beyond.WARN
    came: Came = msgspec.field(default_factory=Came)
    told: list[str] = msgspec.field(default_factory=list)
    """The first notices, each with its file and title."""

    def enter(self, loads: Iterable[Load]) -> None:
        """Enter records in one transaction; durable when this returns."""
        labelled: list[tuple[str, Draft, Label]] = []
        for load in loads:
            if isinstance(load.record, Reject):
                self._reject(load.record)
                continue
            try:
                labelled += ((str(load.file), draft, label) for draft, label in self.labels(load.record))
            except Duplicate:
                self.came.already += 1
            except Refused as refusal:
                self._refused(str(load.file), load.record.title, refusal)
        for (file, draft, _), outcome in zip(labelled, self._taken(labelled), strict=True):
            self._count(file, draft, outcome)

    def _taken(self, labelled: list[tuple[str, Draft, Label]]) -> list[Taken | Refused]:
        pairs = [(draft, label) for _, draft, label in labelled]
        try:
            return self._take(pairs)
        except Refused:
            # One label that is not good refuses the whole transaction: a label of a record's own refuses that record.
            if len({label for _, label in pairs}) < 2:
                raise
        return [self._one(pair) for pair in pairs]

    def _one(self, pair: tuple[Draft, Label]) -> Taken | Refused:
        try:
            return self._take([pair])[0]
        except Refused as refusal:
            return refusal

    def _take(self, pairs: Labelled) -> list[Taken | Refused]:
        return self.house.take_all(self.hand, pairs, originator=self.hand.reader.party, beyond=self.beyond)

    def _count(self, file: str, draft: Draft, outcome: Taken | Refused) -> None:
        if isinstance(outcome, Duplicate):
            self.came.already += 1
        elif isinstance(outcome, Refused):
            self._refused(file, draft.title, outcome)
        else:
            self.came.entered += 1
            self.came.notices += bool(outcome.notices)
            self.came.narrowed += outcome.narrowed
            told = (f"{file}: {draft.title}: {notice.text}" for notice in outcome.notices)
            self.told += islice(told, TOLD - len(self.told))

    def _refused(self, file: str, where: str, refusal: Refused) -> None:
        rule = type(refusal).__name__.lower()
        self._reject(Reject(file, where, (Finding(rule, Weight.ERROR, "/", str(refusal)),)))

    def _reject(self, reject: Reject) -> None:
        self.came.rejected += 1
        for found in reject.findings:
            told = {"line": found.line, "rule": found.rule, "path": found.path, "message": found.message}
            self.out.write(_encode({"file": reject.file, "where": reject.where, **told}).decode() + "\n")


def batches_of(files: Iterable[Path], opens: Opens, size: int = BATCH) -> Iterator[list[Load]]:
    """Yield the records of files in batches, read and parsed ahead of whoever takes them."""
    return ahead(_batches(_loads(files, opens), size))


def _loads(files: Iterable[Path], opens: Opens) -> Iterator[Load]:
    for file in files:
        records = iter(opens(file.read_bytes(), str(file)))
        held: Draft | Reject = next(records, Reject(str(file), "/", (_EMPTY,)))
        for record in records:
            yield Load(file, held)
            held = record
        yield Load(file, held, last=True)


def _batches(loads: Iterable[Load], size: int) -> Iterator[list[Load]]:
    batch: list[Load] = []
    for load in loads:
        batch.append(load)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
