"""An item's own pages: what it says, why it can be read, its originals, and what its originator can do with it."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec import DecodeError

from diwan.desk import Act
from diwan.house import House
from diwan.house.bounds import against_label
from diwan.reading import ReadingRoom, Released
from diwan.release.ceiling import reasons as over
from diwan.sealing.envelope import to_wire
from diwan.terms.errors import Conflict, Malformed, NotAllowed, NotFound, Refused, Unlabelled
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.web.form import Form, read_own_form
from diwan.web.glance import headline
from diwan.web.labels import Reached, Ticked, Turn, choices, chosen, label_of, reached, ticks_of, ticks_said, turned
from diwan.web.pages import Pages
from diwan.web.problems import status_of
from diwan.web.threads import reading, writing
from diwan.web.visit import Asked, Visit, visit_of
from diwan.web.why import reasons
from diwan.web.wording import address

_ID: Final = 32
_MINUTE: Final = 60_000_000
_SERIAL: Final = 10
_OPAQUE: Final = "application/octet-stream"
_MENDED_HERE: Final = (Malformed, Unlabelled, NotAllowed, Conflict)
"""Refusals that whoever filled in a form can do something about: the form is shown again with what was in it."""


def ref_of(request: Asked) -> Ref:
    """Return the reference that a request's path names.

    Raises:
        NotFound: it has not the shape of one; what cannot exist is answered like what is not released.
    """
    ident: str = request.path_params["ident"]
    if len(ident) != _ID or not set(ident) <= set("0123456789abcdef"):
        raise NotFound
    return Ref(request.path_params["originator"], ident)


def routes(house: House, pages: Pages) -> list[Any]:
    """Return the handlers of an item's pages."""

    def again(visit: Visit, item: Released, tried: Checked, refusal: Refused) -> Response[str]:
        # Whoever is not of its originator has no form here: they get the refusal alone.
        if not _mine(visit, item):
            raise refusal
        tried = msgspec.structs.replace(tried, refusals=(str(refusal),))
        view = _view(house, pages, visit, item, tried)
        return pages.page(visit, "item.html", view, status=status_of(refusal))

    @get("/items/{originator:str}/{ident:str}", name="item", opt={"reads": "point read"}, sync_to_thread=True)
    def item(request: Asked) -> Response[str]:
        visit = visit_of(request)
        found = visit.room.get(ref_of(request))
        return pages.page(visit, "item.html", _view(house, pages, visit, found, None))

    @get(
        "/items/{originator:str}/{ident:str}/parts/{part:str}",
        name="part",
        opt={"reads": "attachment"},
        sync_to_thread=True,
    )
    def part(request: Asked) -> Response[bytes]:
        room = visit_of(request).room
        for one in room.parts(room.get(ref_of(request))):
            if one.name == request.path_params["part"]:
                return download(one.data, one.name)
        raise NotFound

    @get(
        "/items/{originator:str}/{ident:str}/envelope",
        name="envelope",
        opt={"reads": "attachment"},
        sync_to_thread=True,
    )
    def envelope(request: Asked) -> Response[bytes]:
        room = visit_of(request).room
        ref = ref_of(request)
        sealed, _ = room.envelope(room.get(ref))
        return download(to_wire(sealed), f"{ref.originator}-{ref.id}.envelope")

    @post("/items/{originator:str}/{ident:str}/relabel", name="relabel", opt={"reads": "point read"}, status_code=303)
    async def relabel(request: Asked) -> Response[Any]:
        visit, ref = visit_of(request), ref_of(request)
        form = await read_own_form(request, visit)

        def put() -> Response[Any]:
            found = visit.room.get(ref)
            try:
                house.relabel(visit.hand, ref, label_of(form, house.rules()))
            except _MENDED_HERE as refusal:
                return again(visit, found, Checked("relabel", "", ticks_said(form)), refusal)
            return Redirect(address(visit.base, ref), status_code=303)

        return await writing(put)

    @post(
        "/items/{originator:str}/{ident:str}/relabel/check",
        name="check a label",
        opt={"reads": "preview"},
        status_code=200,
    )
    async def check_label(request: Asked) -> Response[str]:
        visit = visit_of(request)
        form = await read_own_form(request, visit)

        def look() -> Response[str]:
            found = visit.room.get(ref_of(request))
            if not _mine(visit, found):
                raise NotFound
            checked = _check_label(house, visit, found, form)
            return pages.page(visit, "item.html", _view(house, pages, visit, found, checked))

        return await reading(look)

    @post("/items/{originator:str}/{ident:str}/rectify", name="rectify", opt={"reads": "point read"}, status_code=303)
    async def rectify(request: Asked) -> Response[Any]:
        visit, ref = visit_of(request), ref_of(request)
        form = await read_own_form(request, visit)

        def correct() -> Response[Any]:
            found, text = visit.room.get(ref), form.one("document")
            kind = visit.room.parts(found)[0].media_type
            try:
                draft = house.draft(kind, form.files.get("file") or text.encode(), house.names(visit.hand.reader))
                house.rectify(visit.hand, ref, draft)
            except _MENDED_HERE as refusal:
                return again(visit, found, Checked("rectify", text, ticks_of(found.label)), refusal)
            return Redirect(address(visit.base, ref), status_code=303)

        return await writing(correct)

    @post("/items/{originator:str}/{ident:str}/recall", name="recall", opt={"reads": "point read"}, status_code=303)
    async def recall(request: Asked) -> Redirect:
        visit, ref = visit_of(request), ref_of(request)
        form = await read_own_form(request, visit)

        def take_back() -> None:
            visit.room.get(ref)
            if form.one("sure") != "yes":
                raise Malformed("The box that says you mean it is not ticked. Nothing was recalled.")
            house.recall(visit.hand, ref)

        await writing(take_back)
        return Redirect(visit.base or "/", status_code=303)

    @post(
        "/items/{originator:str}/{ident:str}/acts/{act:str}", name="act", opt={"reads": "point read"}, status_code=303
    )
    async def act(request: Asked) -> Redirect:
        visit, ref = visit_of(request), ref_of(request)
        form = await read_own_form(request, visit)

        def answer() -> None:
            found = visit.room.get(ref)
            asked = _asked(house, visit, found, request)
            label = chosen(form, house.rules(), house.answer_label(visit.hand, found, asked))
            house.act(visit.hand, found, asked, form.one("note"), label)

        await writing(answer)
        return Redirect(address(visit.base, ref), status_code=303)

    @post(
        "/items/{originator:str}/{ident:str}/acts/{act:str}/check",
        name="check an answer",
        opt={"reads": "preview"},
        status_code=200,
    )
    async def check(request: Asked) -> Response[str]:
        visit = visit_of(request)
        form = await read_own_form(request, visit)

        def answer() -> Response[str]:
            found = visit.room.get(ref_of(request))
            asked = _asked(house, visit, found, request)
            if not asked.labels:
                raise NotFound
            checked = _check(house, visit, found, asked, form)
            return pages.page(visit, "item.html", _view(house, pages, visit, found, checked))

        return await reading(answer)

    return [item, part, envelope, relabel, check_label, rectify, recall, act, check]


class Checked(msgspec.Struct, frozen=True):
    """What was found of an answer, or of another label, before it is entered; or a form that was refused."""

    act: str
    note: str
    ticked: Ticked
    label: Label | None = None
    reached: Reached | None = None
    refusals: tuple[str, ...] = ()
    turn: Turn | None = None


def _mine(visit: Visit, item: Released) -> bool:
    return visit.enters and item.ref.originator == visit.hand.reader.party


def _check_label(house: House, visit: Visit, item: Released, form: Form) -> Checked:
    checked = Checked("relabel", "", ticks_said(form))
    try:
        label = label_of(form, house.rules())
    except Refused as refusal:
        return msgspec.structs.replace(checked, refusals=(str(refusal),))
    wider = against_label(house, visit.hand, item.ref, label)
    refusals = (*over(label, [house.settings.node_ceiling], house.rules()), *([str(wider)] if wider else []))
    return msgspec.structs.replace(checked, label=label, turn=turned(house, visit.room, item, label), refusals=refusals)


def _check(house: House, visit: Visit, item: Released, act: Act, form: Form) -> Checked:
    checked = Checked(act.name, form.one("note"), ticks_said(form))
    try:
        usual = house.answer_label(visit.hand, item, act)
        label = chosen(form, house.rules(), usual) or usual
    except Refused as refusal:
        return msgspec.structs.replace(checked, refusals=(str(refusal),))
    refusals = over(label, [house.settings.node_ceiling], house.rules())
    return msgspec.structs.replace(checked, label=label, reached=reached(house, visit.room, label), refusals=refusals)


def _asked(house: House, visit: Visit, item: Released, request: Asked) -> Act:
    for one in offered(house, visit, item):
        if one.name == request.path_params["act"]:
            return one
    raise NotFound


def offered(house: House, visit: Visit, item: Released) -> tuple[Act, ...]:
    """Return what this reader can do about an item beside reading it."""
    if not visit.enters or not house.hosts(visit.hand.reader.party):
        return ()
    return tuple(act for act in house.desk_of(item.kind).acts.get(item.kind, ()) if act.offered(visit.room, item))


def download(data: bytes, name: str) -> Response[bytes]:
    """Return bytes of others as a file to keep, of no type that any browser would open."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(data, media_type=_OPAQUE, headers=headers)


def serial(visit: Visit, item: Released) -> str:
    """Return the serial of a copy: the same for the same reader, revision and minute, and hard to guess for another.

    Made again for each reader of the item, it tells whether a copy found elsewhere was theirs; nothing is kept of it.
    """
    about = f"{visit.hand.reader.id}\0{item.ref}\0{item.revision}\0{visit.room.now // _MINUTE}"
    return b32encode(sha256(about.encode()).digest()).decode()[:_SERIAL]


def _view(house: House, pages: Pages, visit: Visit, item: Released, checked: Checked | None) -> dict[str, object]:
    room, reader = visit.room, visit.hand.reader
    mine = _mine(visit, item)
    say = pages.gettext(visit.language)
    shown = _shown(house, room, item)
    told, known = shown.get("told", frozenset()), shown["template"] is not None
    acts = offered(house, visit, item) if known else ()
    labelled = any(act.labels for act in acts)
    offers = choices(house, room) if mine or labelled else ()
    under = _under(house, visit, item, acts, {one.policy.id for one in offers})
    if checked is not None and checked.act in under:
        under[checked.act] = checked.ticked
    return {
        "writer": None,
        **shown,
        "item": item,
        "title": headline(item, visit.language.code)[0],
        "parent": room.parent(item),
        "links": () if "links" in told else room.links(item),
        "linked_from": () if "links" in told else room.linked_from(item),
        "children": () if "children" in told else room.children(item),
        "related": () if "related" in told else room.related(item),
        "history": room.history(item),
        "parts": room.parts(item),
        "promise": room.promise(item),
        "reasons": reasons(room.why(item), reader, house.rules(), room.now, say, visit.language.locale),
        "reach": room.reach(item) if item.ref.originator == reader.party else None,
        "mine": mine,
        "choices": offers,
        "under": under,
        "checked": checked,
        "ticked": checked.ticked if checked and checked.act == "relabel" else ticks_of(item.label),
        "serial": serial(visit, item),
        "acts": acts,
        "signatures": house.proofs(item, room) if known else (),
    }


def _under(house: House, visit: Visit, item: Released, acts: Iterable[Act], known: set[str]) -> dict[str, Ticked]:
    """Return what the form of each answer has chosen whose label can be chosen, by its name.

    None is offered where its usual label is of a policy under which this node takes nothing: a form could not say it.
    """
    usual = {act.name: house.answer_label(visit.hand, item, act) for act in acts if act.labels}
    return {name: ticks_of(label) for name, label in usual.items() if label.policy in known}


def _shown(house: House, room: ReadingRoom, item: Released) -> dict[str, Any]:
    """Return what the item's desk shows of it, and in which template; none where no desk here knows it or can read it.

    It was released all the same: what it is called, why it can be read and its originals stand on the page in any case.
    """
    show = next((desk.shows[item.kind] for desk in house.desks.values() if item.kind in desk.shows), None)
    if show is None:
        return {"template": None}
    try:
        return {**show.view(room, item), "template": show.template}
    except (Refused, StopIteration, DecodeError):  # fails rules that came later, or lacks what the desk looks for
        return {"template": None}
