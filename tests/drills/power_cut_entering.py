"""The node whose power is cut: enters and recalls items, and writes down what was acknowledged where the log sees it.

    python -m tests.drills.power_cut_entering FOLDER LIVES ITEMS BYTES SYNCHRONOUS [CONNINFO]

FOLDER holds `node`, `journal` and the file `acknowledged`: `asked TITLE` stands there before an item is entered,
`entered TITLE REF` once that was acknowledged, and the same with `recalling` and `recalled`.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from random import Random

from msgspec.structs import replace
from tests.drills.clients import AUDIENCE, ORIGINATOR, draft_of, label

from diwan.house import House
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Part
from diwan.terms.reader import Reader

HAND = Hand(Reader("drill", ORIGINATOR), frozenset({Role.RELEASING_OFFICER}))
READER = Reader("reader", AUDIENCE)
ACKNOWLEDGED = "acknowledged"
WRITERS = 4


def settings_of(folder: Path, postgres: str) -> Settings:
    return Settings(keeper="NATO", hosted=(ORIGINATOR,), postgres=postgres, journal=str(folder / "journal"))


def drill_draft(title: str, size: int) -> Draft:
    """Return the draft of that title: of two parts, one of random bytes, for those cannot be pressed together."""
    draft = draft_of(title)
    bulk = Part("bulk.bin", "application/octet-stream", Random(title).randbytes(size))
    return replace(draft, parts=(*draft.parts, bulk))


def main(folder: Path, lives: int, items: int, size: int, synchronous: str, postgres: str = "") -> None:
    """Open the node, write with several hands at once, index, prove and close it; so often as it has lives."""
    acknowledged = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND)

    def say(*words: object) -> None:
        os.write(acknowledged, (" ".join(map(str, words)) + "\n").encode())

    for life in range(lives):
        house = House(folder / "node", settings_of(folder, postgres), synchronous=synchronous)
        failures: list[BaseException] = []

        def write(name: str, house: House = house, failures: list[BaseException] = failures) -> None:
            try:
                for number in range(items // WRITERS):
                    title = f"drill-{name}-{number}"
                    say("asked", title)
                    (ref,) = house.take(HAND, drill_draft(title, size), label(), originator=ORIGINATOR).refs
                    say("entered", title, ref)
                    if number % 8 == 5:
                        say("recalling", title)
                        house.recall(HAND, ref)
                        say("recalled", title)
            except BaseException as failure:
                failures.append(failure)
                raise

        writers = [threading.Thread(target=write, args=(f"life{life}-hand{hand}",)) for hand in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        if failures:
            sys.exit(1)
        house.book.words.catch_up(everything=True)
        house.prove()
        house.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
