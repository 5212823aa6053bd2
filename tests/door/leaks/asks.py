"""Concrete requests for every route of the shell: a route without a generator here fails the inventory.

Each generator is filed under the method and path of a route as its desk or the shell declares it, without the part by
which a world's addresses begin; it is asked in every world.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, urlencode

from leaks import cyber_pages, taxii
from leaks.ask import BASES, Ask, Generator
from leaks.ground import CAP, NETWORK, PASSWORD
from leaks.known import MALFORMED, UNKNOWN, Known

from diwan.terms.gate import World
from diwan.terms.item import Ref

_STATUS: Final = {World.ACTUAL: "Actual", World.EXERCISE: "Exercise", World.TEST: "Test"}
_WRITES: Final = ("GET", "HEAD", "POST", "DELETE")
_PREVIEWS: Final = ("TLP:AMBER // Releasable to ICI", "TLP:RED // QAT ONLY", "TLP:CLEAR")


_JSON_CURSOR: Final = r'"cursor":"([\w-]+)"'
_AFTER: Final = r"[?&;]after=([\w-]+)"


def asks_for(
    known: Known, worlds: Iterable[World], generators: dict[str, Generator] | None = None
) -> Iterator[tuple[str, Ask]]:
    """Yield every request of every generator for one reader, in every world reads first, and signing out last."""
    chosen = generators or GENERATORS
    inside = sorted(chosen.keys() - WORLDLESS, key=lambda name: (_WRITES.index(name.partition(" ")[0]), name))
    for world in worlds:
        for name in inside:
            yield from ((name, ask) for ask in chosen[name](known, world))
    for name in sorted(chosen.keys() & WORLDLESS, key=lambda name: (name == "POST /sign-out", name)):
        yield from ((name, ask) for ask in chosen[name](known, World.ACTUAL))


def _queries(known: Known, world: World) -> Iterator[tuple[tuple[str, str], ...]]:
    yield ()
    for word in known.words if world == World.ACTUAL else known.words[::5]:
        yield (("q", word),)
    yield (("q", f"{known.words[0]} tanker"),)
    for kind in ("crisis.alert", "network.party", "network.membership", "network.mission", "no.kind"):
        yield (("kind", kind),)
    for party in ("KWT", "OMN", "SAU", "NOBODY"):
        yield (("originator", party),)
    yield (("kind", "crisis.alert"), ("originator", "OMN"), ("q", "tanker"))


def _list_extras() -> Iterator[tuple[tuple[str, str], ...]]:
    for facet in (
        "severity:Extreme",
        "severity:Severe",
        "category:CBRNE",
        "party:SAU",
        "framework:UP2011",
        "standing:member",
    ):
        yield (("facet", facet),)
    yield (("since", "1483600000000000"), ("until", "1484100000000000"))
    yield (("order", "oldest"), ("limit", "2"))
    yield (("order", "oldest"), ("kind", "crisis.alert"), ("limit", "3"))
    yield (("limit", "3"),)
    yield (("limit", "1"), ("q", "tanker"))
    yield (("limit", "0"),)


def _watch(known: Known, world: World) -> Iterator[Ask]:
    base = BASES[world]
    for query in _queries(known, world):
        follow = {"follow": _AFTER, "follow_as": "after"} if len(query) < 2 and world == World.ACTUAL else {}
        yield Ask("GET", base or "/", query, **follow)
    for name, value in (
        ("severity", "extreme"),
        ("category", "cbrne"),
        ("framework", "up2011"),
        ("standing", "member"),
    ):
        yield Ask("GET", base or "/", ((name, value),))
    yield Ask("GET", base or "/", (("from", "2017-01-02"), ("to", "2017-01-03")))
    for query in ((), (("q", known.words[0]),), (("originator", "kwt"),), (("kind", "cyber.relationship"),)):
        yield Ask("GET", base or "/", (*query, ("background", "shown")), follow=_AFTER, follow_as="after")
    for kept in (*known.cursors, *known.others_cursors):
        if not kept.feed:
            yield Ask("GET", base or "/", (("after", kept.cursor),))
    yield Ask("GET", base or "/", headers=(("accept-language", "ar"),))
    yield Ask("GET", base or "/", by="nobody")


def _news(known: Known, world: World) -> Iterator[Ask]:
    for since in ("0", "1483600000000000", "", "x"):
        yield Ask("GET", f"{BASES[world]}/news", (("since", since),))
        yield Ask("GET", f"{BASES[world]}/news", (("since", since), ("background", "shown")))
    for word in known.words:
        yield Ask("GET", f"{BASES[world]}/news", (("since", "1"), ("q", word)))


def _changes(known: Known, world: World) -> Iterator[Ask]:
    yield Ask("GET", f"{BASES[world]}/changes", follow=_AFTER, follow_as="after")
    for kept in (*known.cursors, *known.others_cursors):
        if kept.feed:
            yield Ask("GET", f"{BASES[world]}/changes", (("after", kept.cursor),), follow=_AFTER, follow_as="after")


def _on_items(tail: str = "") -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for ref in known.refs(world):
            yield Ask("GET", f"{BASES[world]}/items/{ref}{tail}")
        for ident in MALFORMED:
            yield Ask("GET", f"{BASES[world]}/items/KWT/{ident}{tail}")

    return generate


def _parts(known: Known, world: World) -> Iterator[Ask]:
    yield from _on_items("/parts/alert.xml")(known, world)
    for part in ("statement.json", "other"):
        for ref in known.refs(world)[:4]:
            yield Ask("GET", f"{BASES[world]}/items/{ref}/parts/{part}")


def _item(known: Known, world: World) -> Iterator[Ask]:
    yield from _on_items()(known, world)
    for ref in known.refs(world)[:2]:
        yield Ask("GET", f"{BASES[world]}/items/{ref}", headers=(("accept-language", "fr"),))
        yield Ask("HEAD", f"{BASES[world]}/items/{ref}")
        yield Ask("OPTIONS", f"{BASES[world]}/items/{ref}")


def _relabel(known: Known, world: World) -> Iterator[Ask]:
    for ref in (*_mine(known, world), *known.refs(world)[-5:]):
        for typed in ("TLP:RED // QAT ONLY", "NATO SECRET // Releasable to QAT", "TLP:AMBER // Releasable to ICI"):
            yield _post(known, f"{BASES[world]}/items/{ref}/relabel", ("typed", typed))
    yield Ask("POST", f"{BASES[world]}/items/{known.refs(world)[-1]}/relabel", form=(("typed", "TLP:CLEAR"),))


def _check_label(known: Known, world: World) -> Iterator[Ask]:
    for ref in (*_mine(known, world), *known.unseen(world)[-2:], *known.refs(world)[:1]):
        for typed in (*_PREVIEWS, "TLP:NONE"):
            yield _post(known, f"{BASES[world]}/items/{ref}/relabel/check", ("typed", typed))


def _rectify(known: Known, world: World) -> Iterator[Ask]:
    for number, ref in enumerate((*_mine(known, world), *known.refs(world)[-5:])):
        for name, twin in ((None, False), (known.names()[0], False), (known.names()[-2], True)):
            document = _document(known, world, 200 + number, name, twin=twin)
            yield _post(known, f"{BASES[world]}/items/{ref}/rectify", ("document", document))


def _recall(known: Known, world: World) -> Iterator[Ask]:
    for ref in (*_mine(known, world)[:2], *known.refs(world)[-5:]):
        yield _post(known, f"{BASES[world]}/items/{ref}/recall")
        yield _post(known, f"{BASES[world]}/items/{ref}/recall", ("sure", "yes"))
    yield Ask("GET", f"{BASES[world]}/changes")


def _act(known: Known, world: World) -> Iterator[Ask]:
    for ref in (*known.refs(world)[:4], *known.unseen(world)[-4:]):
        for act, note in (("acknowledge", ""), ("reject", ""), ("reject", "Not ours."), ("no.act", "")):
            yield _post(known, f"{BASES[world]}/items/{ref}/acts/{act}", ("note", note))
    for ref in (*_indicators(known, world)[:2], *known.unseen(world)[-1:]):
        for typed in ("", *_PREVIEWS):
            yield _post(known, f"{BASES[world]}/items/{ref}/acts/sighting", ("typed", typed))
        yield Ask("GET", f"{BASES[world]}/items/{ref}")


def _check_answer(known: Known, world: World) -> Iterator[Ask]:
    for ref in (*_indicators(known, world)[:3], *known.unseen(world)[-2:], *known.refs(world)[:1]):
        for act, typed in (("sighting", _PREVIEWS[0]), ("sighting", ""), ("sighting", "TLP:NONE"), ("no.act", "")):
            yield _post(known, f"{BASES[world]}/items/{ref}/acts/{act}/check", ("typed", typed), ("note", "Seen."))


def _compose(known: Known, world: World) -> Iterator[Ask]:
    yield Ask("GET", f"{BASES[world]}/compose")


def _check(known: Known, world: World) -> Iterator[Ask]:
    for number, typed in enumerate(_PREVIEWS):
        document = _document(known, world, number)
        yield _post(known, f"{BASES[world]}/compose/check", ("media_type", CAP), ("text", document), ("typed", typed))
    yield _post(
        known, f"{BASES[world]}/compose/check", ("media_type", CAP), ("text", "<alert/>"), ("typed", "TLP:CLEAR")
    )


def _release(known: Known, world: World) -> Iterator[Ask]:
    for number, beyond in enumerate(("warn", "refuse", "narrow", "edition")):
        for place, name in enumerate((*known.names()[:3], known.names()[-2], None)):
            document = _document(known, world, 10 * number + place, name)
            said = _label("TLP:CLEAR") if place % 2 else _label("TLP:AMBER", "ICI")
            fields = (
                ("document", b64encode(document.encode()).decode()),
                ("label", json.dumps(said)),
                ("beyond", beyond),
            )
            yield _post(known, f"{BASES[world]}/compose/release", ("media_type", CAP), *fields)


def _api_items(known: Known, world: World) -> Iterator[Ask]:
    for query in (*_queries(known, world), *_list_extras()):
        yield Ask("GET", f"{BASES[world]}/api/items", query, by="token", follow=_JSON_CURSOR, follow_as="cursor")
    for kept in (*known.cursors, *known.others_cursors):
        yield Ask("GET", f"{BASES[world]}/api/items", (("cursor", kept.cursor),), by="token")
    yield Ask("GET", f"{BASES[world]}/api/items", by="nobody")


def _api_item(known: Known, world: World) -> Iterator[Ask]:
    for ref in known.refs(world):
        yield Ask("GET", f"{BASES[world]}/api/items/{ref}", by="token")
    for ident in MALFORMED:
        yield Ask("GET", f"{BASES[world]}/api/items/KWT/{ident}", by="token")


def _api_changes(known: Known, world: World) -> Iterator[Ask]:
    for limit in ("2", "500"):
        yield Ask(
            "GET",
            f"{BASES[world]}/api/changes",
            (("limit", limit),),
            by="token",
            follow=_JSON_CURSOR,
            follow_as="cursor",
        )
    for kept in (*known.cursors, *known.others_cursors):
        query = (("cursor", kept.cursor), ("limit", "7"))
        yield Ask("GET", f"{BASES[world]}/api/changes", query, by="token", follow=_JSON_CURSOR, follow_as="cursor")
        yield Ask("GET", f"{BASES[world]}/api/changes", (("cursor", kept.cursor), ("wait", "8")), by="token")
    for wait in ("0", "8", "9", "soon"):
        yield Ask("GET", f"{BASES[world]}/api/changes", (("wait", wait),), by="token")


def _api_count(known: Known, world: World) -> Iterator[Ask]:
    for query in (*_queries(known, world), *_list_extras()):
        yield Ask("GET", f"{BASES[world]}/api/count", query, by="token")


def _api_facets(known: Known, world: World) -> Iterator[Ask]:
    every = "kind,originator,severity,urgency,category,msgType,framework,standing,party,sender,language,type,nothing"
    for query in (*_queries(known, world), *_list_extras()):
        yield Ask("GET", f"{BASES[world]}/api/facets", (*query, ("of", every)), by="token")


def _api_me(known: Known, world: World) -> Iterator[Ask]:
    yield Ask("GET", f"{BASES[world]}/api/me", by="token")
    yield Ask("GET", f"{BASES[world]}/api/me")


def _api_enter(known: Known, world: World) -> Iterator[Ask]:
    for number, name in enumerate((*known.names(), None)):
        for tlp, party in (("TLP:AMBER", "QAT"), ("TLP:RED", "ICI")):
            said = {
                "media_type": CAP,
                "label": _label(tlp, party),
                "text": _document(known, world, 100 + number, name, twin=tlp == "TLP:RED"),
            }
            yield Ask("POST", f"{BASES[world]}/api/items", body=json.dumps(said).encode(), by="token")
    again = _document(known, world, 100)
    for text in (again, again, again.replace("Own headline", "Another headline")):
        said = {"media_type": CAP, "label": _label("TLP:AMBER", "JOR"), "text": text}
        yield Ask("POST", f"{BASES[world]}/api/items", body=json.dumps(said).encode(), by="token")
    statement = {"kind": "party", "id": "SAU", "type": "nation", "names": {"en": "Own"}}
    said = {"media_type": NETWORK, "label": _label("TLP:CLEAR")}
    yield Ask(
        "POST",
        f"{BASES[world]}/api/items",
        body=json.dumps({**said, "text": json.dumps(statement)}).encode(),
        by="token",
    )
    yield Ask(
        "GET", f"{BASES[world]}/api/changes", (("limit", "9"),), by="token", follow=_JSON_CURSOR, follow_as="cursor"
    )


def _board(path: str, *queries: tuple[tuple[str, str], ...]) -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for query in queries or ((),):
            yield Ask("GET", f"{BASES[world]}{path}", query)

    return generate


def _desk_item(path: str, ending: str) -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for ref in known.refs(world):
            yield Ask("GET", f"{BASES[world]}{path}/{ref}{ending}", by="token")
        for ident in MALFORMED:
            yield Ask("GET", f"{BASES[world]}{path}/KWT/{ident}{ending}", by="token")

    return generate


def _sign_in(known: Known, world: World) -> Iterator[Ask]:
    other = "jordan" if known.name == "qatar" else "qatar"  # whom a purge leaves no account
    yield Ask("POST", "/sign-in", form=(("name", other), ("password", "wrong wrong wrong")), by="nobody")
    yield Ask("POST", "/sign-in", form=(("name", known.name), ("password", PASSWORD)), by="nobody")


def _language(known: Known, world: World) -> Iterator[Ask]:
    yield Ask("POST", "/language", form=(("language", "fr"), ("next", "/crisis")))


def _sign_out(known: Known, world: World) -> Iterator[Ask]:
    yield Ask("POST", "/sign-out", form=(("token", "wrong"),))
    yield _post(known, "/sign-out")
    yield Ask("GET", "/")


GENERATORS: Final[dict[str, Generator]] = {
    "GET /static/{digest:str}/{name:path}": _board("/static/0/diwan.css"),
    "GET /api/openapi.json": _board("/api/openapi.json"),
    "GET /health": _board("/health", (), (("q", "tanker"),)),
    "GET /ready": _board("/ready", (), (("q", "tanker"),)),
    "GET /sign-in": _board("/sign-in", (), (("next", "/crisis"),)),
    "POST /sign-in": _sign_in,
    "POST /sign-out": _sign_out,
    "POST /language": _language,
    "GET /": _watch,
    "GET /news": _news,
    "GET /changes": _changes,
    "GET /items/{originator:str}/{ident:str}": _item,
    "GET /items/{originator:str}/{ident:str}/parts/{part:str}": _parts,
    "GET /items/{originator:str}/{ident:str}/envelope": _on_items("/envelope"),
    "POST /items/{originator:str}/{ident:str}/relabel": _relabel,
    "POST /items/{originator:str}/{ident:str}/relabel/check": _check_label,
    "POST /items/{originator:str}/{ident:str}/rectify": _rectify,
    "POST /items/{originator:str}/{ident:str}/recall": _recall,
    "POST /items/{originator:str}/{ident:str}/acts/{act:str}": _act,
    "POST /items/{originator:str}/{ident:str}/acts/{act:str}/check": _check_answer,
    "GET /compose": _compose,
    "POST /compose/check": _check,
    "POST /compose/release": _release,
    "GET /crisis": _board("/crisis"),
    "GET /network": _board("/network", (), (("as_of", "2011-06-01"),), (("as_of", "1990-01-01"),), (("as_of", "x"),)),
    "GET /crisis/feed.atom": _board("/crisis/feed.atom"),
    "GET /crisis/{originator}/{id}.cap": _desk_item("/crisis", ".cap"),
    "GET /crisis/{originator}/{id}.json": _desk_item("/crisis", ".json"),
    "GET /crisis/{originator}/{id}.geojson": _desk_item("/crisis", ".geojson"),
    "GET /api/items": _api_items,
    "GET /api/items/{originator:str}/{ident:str}": _api_item,
    "GET /api/changes": _api_changes,
    "GET /api/count": _api_count,
    "GET /api/facets": _api_facets,
    "GET /api/me": _api_me,
    "POST /api/items": _api_enter,
    **taxii.GENERATORS,
    **cyber_pages.GENERATORS,
}
WORLDLESS: Final = frozenset(
    {
        "GET /static/{digest:str}/{name:path}",
        "GET /api/openapi.json",
        "GET /health",
        "GET /ready",
        "GET /sign-in",
        "POST /sign-in",
        "POST /sign-out",
        "POST /language",
    }
)
"""Routes that stand outside every world and read nothing of the register."""
OF_ROLE: Final = frozenset({"GET /cyber/sources"})
"""Routes that are there for one role alone; the administrator of the matrix asks them too."""

BY_REFERENCE: Final = {
    "GET /items/{originator:str}/{ident:str}": "/items/{ref}",
    "GET /items/{originator:str}/{ident:str}/parts/{part:str}": "/items/{ref}/parts/alert.xml",
    "GET /items/{originator:str}/{ident:str}/envelope": "/items/{ref}/envelope",
    "POST /items/{originator:str}/{ident:str}/relabel": "/items/{ref}/relabel",
    "POST /items/{originator:str}/{ident:str}/relabel/check": "/items/{ref}/relabel/check",
    "POST /items/{originator:str}/{ident:str}/rectify": "/items/{ref}/rectify",
    "POST /items/{originator:str}/{ident:str}/recall": "/items/{ref}/recall",
    "POST /items/{originator:str}/{ident:str}/acts/{act:str}": "/items/{ref}/acts/acknowledge",
    "POST /items/{originator:str}/{ident:str}/acts/{act:str}/check": "/items/{ref}/acts/sighting/check",
    "GET /crisis/{originator}/{id}.cap": "/crisis/{ref}.cap",
    "GET /crisis/{originator}/{id}.json": "/crisis/{ref}.json",
    "GET /crisis/{originator}/{id}.geojson": "/crisis/{ref}.geojson",
    "GET /cyber/{originator}/{id}.json": "/cyber/{ref}.json",
    "GET /cyber/{originator}/{id}.misp": "/cyber/{ref}.misp",
    "GET /api/items/{originator:str}/{ident:str}": "/api/items/{ref}",
}
"""Every route that takes a reference, and how one is put into it."""
OF_KIND: Final = {
    "GET /cyber/{originator}/{id}.json": "cyber.indicator",
    "GET /cyber/{originator}/{id}.misp": "cyber.report",
}
"""What these routes are for; the others answer of an alert."""


def by_reference(known: Known, name: str, world: World, ref: Ref | str) -> Ask:
    """Return the request of a route for one reference, good in all but what it refers to."""
    path = BASES[world] + BY_REFERENCE[name].format(ref=ref)
    if name.startswith("POST"):
        return _post(known, path, ("typed", "TLP:CLEAR"), ("sure", "yes"))
    return Ask("GET", path, by="token" if "/api/" in path else "session")


def _post(known: Known, path: str, *fields: tuple[str, str]) -> Ask:
    return Ask("POST", path, form=(("token", known.form), *fields))


def _label(tlp: str, *parties: str) -> dict[str, object]:
    audience = [{"tag": "Releasable To", "type": "PERMISSIVE", "values": parties}] if parties else []
    return {"policy": "TLP", "classification": "UNCLASSIFIED", "categories": audience, "handling": {"tlp": tlp}}


def _indicators(known: Known, world: World) -> tuple[Ref, ...]:
    return tuple(one.ref for one in known.visible if (one.world, one.kind) == (world, "cyber.indicator"))


def _mine(known: Known, world: World) -> tuple[Ref, ...]:
    party = known.person.reader.party
    return tuple(one.ref for one in known.visible if one.world == world and one.ref.originator == party)


def _document(known: Known, world: World, number: int, about: str | None = None, *, twin: bool = False) -> str:
    """Return an alert that refers to a CAP name, or that bears it."""
    name = about if about and "," in about else None
    identifier = name.split(",")[1] if name and twin else f"OWN-{known.name}-{number}"
    refers = f"<references>{name}</references>" if name and not twin else ""
    kind = "Update" if refers else "Alert"
    sent = name.split(",")[2] if name and twin else "2017-01-10T08:00:00+00:00"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{identifier}</identifier><sender>watch@centre.example</sender><sent>{sent}</sent>
<status>{_STATUS[world]}</status><msgType>{kind}</msgType><scope>Public</scope>{refers}<incidents>SPILL-7</incidents>
<info><language>en</language><category>Env</category><event>Own</event><urgency>Expected</urgency>
<severity>Minor</severity><certainty>Likely</certainty><expires>2017-12-31T00:00:00+00:00</expires>
<headline>Own headline for Party OMN and Saudi Arabia</headline><area><areaDesc>Here</areaDesc></area></info></alert>"""


def raw(ask: Ask) -> tuple[bytes, bytes]:
    """Return the path and the query of a request as they go over the line."""
    return quote(ask.path, safe="/:@,").encode(), urlencode(ask.query).encode()


__all__ = ["BASES", "BY_REFERENCE", "GENERATORS", "UNKNOWN", "WORLDLESS", "Ask", "asks_for", "by_reference", "raw"]
