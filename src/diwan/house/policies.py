"""Policy files: those that come with the software, installing some, and who could read nothing under others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files

from diwan.registry.book import Book
from diwan.registry.chain import line_of
from diwan.registry.ink import Ink
from diwan.release.decide import Rules
from diwan.release.policy import read_policy


def shipped_policies() -> list[str]:
    """Return the policy files that come with the software."""
    folder = files("diwan.release") / "policies"
    return [file.read_text("utf-8") for file in sorted(folder.iterdir(), key=str) if file.name.endswith(".toml")]


def install(book: Book, texts: Iterable[str], by: str) -> None:
    """Install policy files, all or none; `by` is who does, for the audit log.

    Raises:
        Malformed: a file is not a sound policy, or two are of one id.
    """
    texts = list(texts)
    read = Rules(0, tuple(map(read_policy, texts))).policies

    def job(ink: Ink) -> None:
        for policy, text in zip(read, texts, strict=True):
            ink.install_policy(policy.id, text)
            named = sha256(text.encode()).hexdigest()
            ink.log([line_of("install policy", ink.now(), by=by, of=[policy.id], file=named)])

    book.write(job)


def unreadable_under(book: Book, texts: Iterable[str]) -> dict[str, int]:
    """Return the faults that policy files would find with labels that are legal now, and how many items stand so.

    Raises:
        Malformed: a file is not a sound policy, or two are of one id.
    """
    present, coming = book.rules(), Rules(0, tuple(map(read_policy, texts)))
    lost: Counter[str] = Counter()
    for labels, items in book.labels_in_use():
        found = ((coming.policy(label.policy), label) for label in labels if present.valid(label))
        lost.update(
            dict.fromkeys({fault for policy, label in found if policy for fault in policy.faults(label)}, items)
        )
    return dict(lost)
