"""Imports numbered drafts into a register in batches, and says each reference once it is acknowledged.

    python importer.py <folder> <name> <how many> <batch> <synchronous> [<conninfo>]

It says `open` first and begins when it is given a line.  Started again, it goes on after what is registered already.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from diwan.intake.office import Office
from diwan.intake.take import Taken, take_all
from diwan.registry.book import Book
from diwan.release.ceiling import Ceiling, Height
from diwan.sealing.keys import Signer
from diwan.terms.errors import Duplicate
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader


def main(folder: Path, name: str, count: int, batch: int, synchronous: str, postgres: str = "") -> None:
    book = Book(folder, postgres=postgres, synchronous=synchronous)
    signer = Signer(b"k" * 32)
    ceiling = Ceiling("this node", (Height("TLP", "UNCLASSIFIED"),))
    office = Office(book, {"KWT": signer}, ceiling, {Role.DUTY_OFFICER: ceiling})
    hand = Hand(Reader("officer", "KWT"), frozenset({Role.DUTY_OFFICER}))
    policy = (files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8")
    if not book.rules().policies:
        book.write(lambda ink: ink.install_policy("TLP", policy))
    book.write(lambda ink: ink.publish_key("KWT", signer.kid, signer.public))
    label = Label(
        "TLP",
        "UNCLASSIFIED",
        (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("KWT", "QAT")),),
        Handling(tlp="TLP:AMBER"),
    )
    print("open", flush=True)
    sys.stdin.readline()
    for start in range(0, count, batch):
        drafts = [(note(f"{name} {n}"), label) for n in range(start, min(start + batch, count))]
        for taken in take_all(office, hand, drafts, originator="KWT"):
            if isinstance(taken, Taken):
                print(taken.refs[0], flush=True)
            elif not isinstance(taken, Duplicate):
                raise taken
    book.close()


def note(title: str) -> Draft:
    return Draft(
        kind="crisis.alert",
        title=title,
        parts=(Part("note.txt", "text/plain", title.encode() * 40), Part("more.txt", "text/plain", title.encode())),
        aliases=(Alias("cap", title),),
        values=("incident=1",),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
