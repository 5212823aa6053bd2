"""Rules of the information blocks and their resources: CAP 1.2, sections 3.2.2 and 3.2.3, beyond the schema."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from diwan.desks.crisis.kinds import Alert, Info, MsgType, Resource, ResponseType, Scope, instant_of
from diwan.desks.crisis.parse.alert_rules import utc
from diwan.desks.crisis.parse.area_rules import area_findings
from diwan.desks.crisis.parse.finding import finding
from diwan.terms.finding import Finding

_ABSOLUTE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
# RFC 2045, section 5.1: types and subtypes are case-insensitive.
_MIME: Final = re.compile(
    r"(?:application|audio|font|image|message|model|multipart|text|video|x-[\w.-]+)/[\w!#$&^.+-]+\s*(?:;.*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_HTML: Final = re.compile(r"</?[a-zA-Z][^<>]*>|&[a-z]{1,10};")
_TEXTS: Final = ("event", "headline", "description", "instruction")
_HEADLINE: Final = 160


def info_findings(alert: Alert) -> Iterator[Finding]:
    """Yield what the information blocks break, each alone and then against one another."""
    for number, info in enumerate(alert.info, 1):
        path = f"/alert/info[{number}]"
        yield from _words(info, path)
        yield from _times(alert, info, path)
        for index, resource in enumerate(info.resource, 1):
            yield from _resource(resource, f"{path}/resource[{index}]")
        if alert.scope is Scope.PUBLIC and ResponseType.ASSESS in info.response_type:
            yield finding("responseType.assess_public", f"{path}/responseType", "Assess is not for the public")
        if not info.area and alert.msg_type in (MsgType.ALERT, MsgType.UPDATE):
            yield finding("area.missing", f"{path}/area", "says nothing about where")
        for index, area in enumerate(info.area, 1):
            yield from area_findings(area, f"{path}/area[{index}]")
    yield from _between(alert)


def _words(info: Info, path: str) -> Iterator[Finding]:
    if info.web is not None and not _ABSOLUTE.fullmatch(info.web):
        yield finding("web.absolute", f"{path}/web", f"{info.web[:60]!r} is not a full, absolute URI")
    if info.headline and len(info.headline) > _HEADLINE:
        length = f"{len(info.headline)} characters; some devices cut after {_HEADLINE}"
        yield finding("headline.160", f"{path}/headline", length)
    for element in _TEXTS:
        if _HTML.search(getattr(info, element) or ""):
            yield finding("text.html", f"{path}/{element}", "is plain text and holds HTML")


def _times(alert: Alert, info: Info, path: str) -> Iterator[Finding]:
    for element in ("effective", "onset", "expires"):
        yield from utc(f"{path}/{element}", getattr(info, element) or "")
    if info.expires is None:
        yield finding("expires.missing", f"{path}/expires", "does not say when it ends")
        return
    expires, onset = instant_of(info.expires), instant_of(info.onset or "")
    begins = instant_of(info.effective or alert.sent)
    if expires is None or begins is None:
        return
    if expires < begins:
        yield finding("expires.order", f"{path}/expires", "ends before it takes effect")
    elif onset is not None and expires < onset:
        yield finding("expires.before_onset", f"{path}/expires", "ends before the event begins")


def _resource(resource: Resource, path: str) -> Iterator[Finding]:
    if not _MIME.fullmatch(resource.mime_type.strip()):
        yield finding("resource.mimetype", f"{path}/mimeType", f"{resource.mime_type[:60]!r} is not a MIME type")
    if resource.uri and not _SCHEME.match(resource.uri) and resource.deref_uri is None:
        yield finding("resource.relative_uri_needs_deref", f"{path}/uri", "is relative and the content is not inside")
    if resource.deref_uri is not None and not _is_base64(resource.deref_uri):
        yield finding("resource.deref_base64", f"{path}/derefUri", "is not base 64")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _between(alert: Alert) -> Iterator[Finding]:
    said: dict[tuple[str, str], str] = {}
    for number, info in enumerate(alert.info, 1):
        path = f"/alert/info[{number}]"
        if set(info.category) != set(alert.info[0].category):
            yield finding("info.category_mismatch", f"{path}/category", "differs from that of the first block")
        language = info.tongue.partition("-")[0].lower()
        for element in _TEXTS[1:]:
            text = getattr(info, element)
            if text and said.setdefault((element, text), language) != language:
                yield finding("language.same_text", f"{path}/{element}", "is the same text under another language")
