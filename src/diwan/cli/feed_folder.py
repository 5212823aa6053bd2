"""A MISP feed as a folder: events first, the manifest last, and nothing left of what is released no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

from diwan.desks.cyber.kinds.misp import EventBrief
from diwan.desks.cyber.parse.misp import event_of
from diwan.desks.cyber.render.misp import feed_event, feed_hashes, feed_manifest

MANIFEST: Final = "manifest.json"
HASHES: Final = "hashes.csv"


def write_feed(events: Iterable[tuple[EventBrief, bytes]], folder: Path) -> int:
    """Write a feed and return how many events it holds; a client that reads meanwhile finds whole files."""
    folder.mkdir(parents=True, exist_ok=True)
    briefs: list[EventBrief] = []
    lines: dict[str, None] = {}
    for brief, data in events:
        _write(folder / f"{brief.uuid}.json", feed_event(data))
        lines.update(dict.fromkeys(feed_hashes([event_of(data)]).decode().splitlines()))
        briefs.append(brief)
    _write(folder / HASHES, "".join(f"{line}\n" for line in lines).encode())
    _write(folder / MANIFEST, feed_manifest(briefs))
    _take_away(folder, {brief.uuid for brief in briefs})
    return len(briefs)


def _write(file: Path, data: bytes) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(data)
    part.replace(file)


def _take_away(folder: Path, held: set[str]) -> None:
    for file in folder.glob("*.json"):
        if file.name != MANIFEST and file.stem not in held and _is_uuid(file.stem):
            file.unlink()


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
