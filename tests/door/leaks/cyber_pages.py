"""Questions for the boards of the cyber desk, its files for other tools, and its MISP feed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from leaks.ask import BASES, Ask, Generator
from leaks.known import MALFORMED, Known

from diwan.desks.cyber.render.indicators import FORMATS
from diwan.terms.gate import World

_AFTER: Final = r"[?&;]after=([\w-]+)"
_NEVER: Final = "00000000-0000-4000-8000-000000000000"
Pairs = tuple[tuple[str, str], ...]


def _board(known: Known, world: World) -> Iterator[Ask]:
    path = f"{BASES[world]}/cyber"
    kinds = ("indicator", "relationship", "sighting", "event", "custom") if world == World.ACTUAL else ("indicator",)
    for kind in kinds:
        yield Ask("GET", path, (("kind", f"cyber.{kind}"),), follow=_AFTER, follow_as="after")
    for pairs in (
        (),
        (("tlp", "TLP:RED"),),
        (("originator", "OMN"),),
        (("tactic", "initial-access"),),
        (("q", "beacon"),),
        (("q", known.words[0]),),
        (("kind", "cyber.indicator"), ("q", "beacon"), ("originator", "KWT")),
    ):
        yield Ask("GET", path, pairs)
    yield Ask("GET", path, headers=(("accept-language", "ar"),))
    yield Ask("GET", path, by="nobody")


def _pasted(known: Known, world: World) -> list[str]:
    return [key.partition(":")[2] for key in known.observables(world)]


def _look_up(known: Known, world: World) -> Iterator[Ask]:
    for value in ("", "T1566", *_pasted(known, world)[:4], "never.example"):
        yield Ask("GET", f"{BASES[world]}/cyber/look-up", (("values", value),))


def _pasted_look_up(known: Known, world: World) -> Iterator[Ask]:
    for text in ("", "\n".join((*_pasted(known, world), "T1566", "198.51.100.7"))):
        form = (("token", known.form), ("values", text))
        yield Ask("POST", f"{BASES[world]}/cyber/look-up", form=form)
    yield Ask("POST", f"{BASES[world]}/cyber/look-up", form=(("values", "shared.example"),))


def _of(path: str, *queries: Pairs, by: str = "session") -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for query in ((), *queries):
            yield Ask("GET", f"{BASES[world]}{path}", query, by=by)

    return generate


def _item(ending: str) -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for ref in known.refs(world):
            yield Ask("GET", f"{BASES[world]}/cyber/{ref}{ending}", by="token")
        for ident in MALFORMED:
            yield Ask("GET", f"{BASES[world]}/cyber/KWT/{ident}{ending}", by="token")

    return generate


def _formats(known: Known, world: World) -> Iterator[Ask]:
    for name in (*FORMATS, "no-format"):
        yield Ask("GET", f"{BASES[world]}/cyber/export/indicators/{name}", by="token")


def _feed_items(known: Known, world: World) -> Iterator[Ask]:
    for ident in (*(thing.id for thing in known.of_world(world, kind="event")), _NEVER, "x"):
        yield Ask("GET", f"{BASES[world]}/cyber/misp/{ident}.json", by="token")


_SOME: Final = ((("type", "indicator"),), (("tlp", "TLP:RED"),), (("originator", "OMN"),), (("q", "beacon"),))
GENERATORS: Final[dict[str, Generator]] = {
    "GET /cyber": _board,
    "GET /cyber/look-up": _look_up,
    "POST /cyber/look-up": _pasted_look_up,
    "GET /cyber/matrix": _of("/cyber/matrix", (("domain", "enterprise-attack"),), (("domain", "ics-attack"),)),
    "GET /cyber/collections": _of("/cyber/collections"),
    "GET /cyber/sources": _of("/cyber/sources"),
    "GET /cyber/{originator}/{id}.json": _item(".json"),
    "GET /cyber/{originator}/{id}.misp": _item(".misp"),
    "GET /cyber/export/bundle.json": _of("/cyber/export/bundle.json", *_SOME, by="token"),
    "GET /cyber/export/indicators/{format}": _formats,
    "GET /cyber/misp/manifest.json": _of("/cyber/misp/manifest.json", by="token"),
    "GET /cyber/misp/hashes.csv": _of("/cyber/misp/hashes.csv", by="token"),
    "GET /cyber/misp/{uuid}.json": _feed_items,
}
"""Every board and route of the cyber desk, as it declares them."""
