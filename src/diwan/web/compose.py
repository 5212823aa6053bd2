"""Compose and release in two steps: the first checks and shows who would get it, the second alone enters anything."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get, post

from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.intake.take import Taken
from diwan.release.ceiling import reasons
from diwan.terms.errors import Malformed, NotAllowed, Refused
from diwan.terms.finding import Finding, Weight
from diwan.terms.item import Draft
from diwan.terms.label import Label, pack, unpack
from diwan.web.form import Form, read_own_form
from diwan.web.labels import Reached, Ticked, choices, label_of, reached, ticks_said
from diwan.web.pages import Pages
from diwan.web.threads import exporting, writing
from diwan.web.visit import Asked, Visit, visit_of

_TOLD: Final = 20
"""Reasons against a label that are told."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the first step found; only what is `ready` can be released."""

    media_type: str
    document: str
    """The bytes as they came, in base64, for the second step to bring back."""
    beyond: Beyond
    refusals: tuple[str, ...] = ()
    findings: Sequence[Finding] = ()
    draft: Draft | None = None
    label: Label | None = None
    packed: str = ""
    reached: Reached | None = None

    @property
    def ready(self) -> bool:
        """Return whether nothing is known that would keep it from being entered."""
        return self.draft is not None and self.label is not None and not self.refusals


def routes(house: House, pages: Pages) -> list[Any]:
    """Return the handlers of composing."""

    def show(visit: Visit, ticked: Ticked, text: str, checked: Checked | None) -> Response[str]:
        view = {
            "media_types": [(name, desk.name) for desk in house.desks.values() for name in desk.parses],
            "choices": choices(house, visit.room),
            "settles": _settles(pages, visit),
            "ticked": ticked,
            "text": text,
            "checked": checked,
        }
        return pages.page(visit, "compose.html", view, here="compose")

    @get("/compose", name="compose", opt={"reads": "pick-lists"}, sync_to_thread=True)
    def compose(request: Asked) -> Response[str]:
        visit = visit_of(request)
        if not visit.enters or not house.hosts(visit.hand.reader.party):
            return pages.page(visit, "composing_not.html", {}, here="compose")
        first = house.settings.heights[0].policy if house.settings.heights else ""
        return show(visit, frozenset({("beyond", str(Beyond.WARN)), ("policy", first)}), "", None)

    @post("/compose/check", name="check", opt={"reads": "preview"}, status_code=200)
    async def check(request: Asked) -> Response[str]:
        visit = visit_of(request)
        if not visit.enters:  # whom a label reaches is told to those who may enter under it
            raise NotAllowed("None of your roles enters items at this node. Nothing was checked.")
        form = await read_own_form(request, visit)
        # What is checked may be megabytes that a desk takes long to read.
        return await exporting(lambda: show(visit, ticks_said(form), form.one("text"), _check(house, visit, form)))

    @post(
        "/compose/release",
        name="release",
        opt={"reads": "point read"},
        status_code=201,
        request_max_body_size=2 * house.settings.largest,  # base64 makes of three bytes four
    )
    async def release(request: Asked) -> Response[str]:
        visit = visit_of(request)
        form = await read_own_form(request, visit)

        def enter_it() -> Response[str]:
            taken = _release(house, visit, form)
            view = {
                "items": [visit.room.get(ref) for ref in taken.refs],
                "notices": taken.notices,
                "narrowed": taken.narrowed,
            }
            return pages.page(visit, "released.html", view, here="compose", status=201)

        return await writing(enter_it)

    return [compose, check, release]


def enter(house: House, visit: Visit, media_type: str, data: bytes, label: Label, beyond: Beyond) -> Taken:
    """Enter a document in the name of the reader's party, in the world of the page it was sent from.

    Raises:
        Refused: with the reason; nothing was entered.
    """
    draft = house.draft(media_type, data, house.names(visit.hand.reader))
    if draft.world != visit.world:
        raise Malformed(_elsewhere(draft, visit))
    return house.take(visit.hand, draft, label, originator=visit.hand.reader.party, beyond=beyond)


def _release(house: House, visit: Visit, form: Form) -> Taken:
    try:
        data = b64decode(form.one("document"), validate=True)
        label = unpack(form.one("label").encode())
        beyond = Beyond(form.one("beyond"))
    except (NotBase64, msgspec.DecodeError, ValueError):
        raise Malformed("This is not what a check gave. Check it again. Nothing was entered.") from None
    return enter(house, visit, form.one("media_type"), data, label, beyond)


def _check(house: House, visit: Visit, form: Form) -> Checked:
    media_type = form.one("media_type")
    data = form.files.get("file") or form.one("text").encode()
    beyond = Beyond(form.one("beyond")) if form.one("beyond") in set(Beyond) else Beyond.WARN
    checked = Checked(media_type=media_type, document=b64encode(data).decode(), beyond=beyond)
    for step in (_check_document, _check_label):
        try:
            checked = step(house, visit, form, data, checked)
        except Refused as refusal:
            checked = msgspec.structs.replace(checked, refusals=(*checked.refusals, str(refusal)))
    return checked


def _check_document(house: House, visit: Visit, form: Form, data: bytes, checked: Checked) -> Checked:
    if not data.strip():
        raise Malformed("No document was given.")
    desk = house.desk_for(checked.media_type)
    findings = sorted(desk.checks(data), key=_gravest) if desk.checks else ()
    checked = msgspec.structs.replace(checked, findings=findings)
    if any(finding.severity is Weight.ERROR for finding in findings):
        return msgspec.structs.replace(checked, refusals=("The standard's rules find errors; see below.",))
    draft = house.draft(checked.media_type, data, house.names(visit.hand.reader))
    elsewhere = () if draft.world == visit.world else (_elsewhere(draft, visit),)
    return msgspec.structs.replace(checked, draft=draft, refusals=elsewhere)


def _check_label(house: House, visit: Visit, form: Form, data: bytes, checked: Checked) -> Checked:
    label, rules = label_of(form, house.rules()), house.rules()
    # A form may tick as many wrong values as it has fields; who reads the first of them knows what to do.
    refusals = (*checked.refusals, *reasons(label, [house.settings.node_ceiling], rules)[:_TOLD])
    told = reached(house, visit.room, label)
    return msgspec.structs.replace(checked, label=label, packed=pack(label).decode(), refusals=refusals, reached=told)


def _gravest(finding: Finding) -> tuple[bool, int]:
    return finding.severity is not Weight.ERROR, finding.line or 0


def _elsewhere(draft: Draft, visit: Visit) -> str:
    return (
        f"The document speaks of the world {draft.world}, this page of {visit.world}: worlds never mix. Compose it"
        " there. Nothing was entered."
    )


def _settles(pages: Pages, visit: Visit) -> list[tuple[Beyond, str]]:
    _ = pages.gettext(visit.language)
    return [
        (Beyond.WARN, _("enter it, and tell me")),
        (Beyond.REFUSE, _("do not enter it")),
        (Beyond.NARROW, _("narrow the label to those who know them")),
        (Beyond.EDITION, _("give the others an edition of their own")),
    ]
