"""How values read on a page: instants, days, labels, titles, addresses; every foreign text kept apart by direction."""

from __future__ import annotations

from datetime import date
from typing import Final
from urllib.parse import quote

from babel.dates import format_date, format_datetime, format_timedelta
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from diwan.reading import Released
from diwan.release.decide import Rules
from diwan.release.marking import BETWEEN
from diwan.release.marking import marking as marked
from diwan.release.tlp import PAP, TLP
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.time import Instant, iso, moment
from diwan.web.files import tlp_class
from diwan.web.glance import glance, headline
from diwan.web.language import LANGUAGES, Language, Say
from diwan.web.visit import BASES

_TOKENS: Final = {*TLP, *PAP}
_CODES: Final = frozenset({"originator", "framework"})
"""The fields whose values are ids, which nobody translates."""
_SHORT: Final = frozenset({"cbrne"})
"""Values that are abbreviations; the register files them in lower case."""
_FIELDS: Final = {
    "kind": "Kind",
    "originator": "Originator",
    "severity": "Severity",
    "urgency": "Urgency",
    "category": "Category",
    "msgType": "Message",
    "framework": "Framework",
    "standing": "Standing",
}
"""The fields a list can be narrowed by, as English messages for gettext."""


def install(environment: Environment, language: Language, say: Say) -> None:
    """Give the templates of one language their filters and words."""

    def when(at: Instant) -> Markup:
        text = format_datetime(moment(at), "d MMM y, HH:mm", locale=language.locale)
        return Markup('<time datetime="{}">{} <abbr>UTC</abbr></time>').format(iso(at), text)

    def day(on: date) -> Markup:
        text = format_date(on, "d MMM y", locale=language.locale)
        return Markup('<time datetime="{}">{}</time>').format(on.isoformat(), text)

    @pass_context
    def ago(context: Context, at: Instant) -> Markup:
        gone = moment(at) - moment(context["now"])
        text = format_timedelta(gone, add_direction=True, locale=language.locale)
        full = format_datetime(moment(at), "d MMM y, HH:mm:ss 'UTC'", locale=language.locale)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(at), full, text)

    @pass_context
    def marking(context: Context, label: Label) -> Markup:
        return _marking(label, context["rules"], language.code)

    @pass_context
    def chip(context: Context, label: Label) -> Markup:
        return Markup('<span class="chip">{}</span>').format(_marking(label, context["rules"], language.code))

    def title(item: Released) -> Markup:
        text, tag = headline(item, language.code)
        return Markup("<bdi{}>{}</bdi>").format(Markup(' lang="{}"').format(tag) if tag else "", text)

    @pass_context
    def link(context: Context, item: Released | Ref) -> str:
        return address(context["base"], item if isinstance(item, Ref) else item.ref)

    def kind(name: str) -> str:
        return say(name.replace(".", " ").capitalize())

    def spoken(field: str, value: str) -> str:
        if field == "kind":
            return kind(value)
        if field in _CODES or value in _SHORT:
            return value.upper()
        return say(value.replace("_", " ").capitalize())

    words = {"when": when, "day": day, "ago": ago, "marking": marking, "chip": chip, "link": link}
    environment.filters.update(**words, headline=title, glance=glance, kind=kind, token_class=tlp_class)
    environment.globals.update(
        words,
        spoken=spoken,
        bases=BASES,
        worlds={World.ACTUAL: say("Actual"), World.EXERCISE: say("Exercise"), World.TEST: say("Test")},
        names={name: say(message) for name, message in _FIELDS.items()},
    )


def address(base: str, ref: Ref) -> str:
    """Return the address of an item's page in the world that `base` leads to."""
    return f"{base}/items/{quote(ref.originator)}/{quote(ref.id)}"


def _marking(label: Label, rules: Rules, language: str) -> Markup:
    policy = rules.policy(label.policy)
    if policy is None:
        return Markup('<bdi dir="ltr">{} {}</bdi>').format(label.policy, label.classification)
    spoken = language if language in policy.languages else policy.languages[0]
    try:
        parts = marked(label, policy, language).split(BETWEEN)
    except Malformed:
        # An item's own policy may have been replaced by one that finds its old label at fault.
        return Markup('<bdi dir="ltr">{} {}</bdi>').format(label.policy, label.classification)
    direction = LANGUAGES[spoken].direction if spoken in LANGUAGES else "auto"
    said = Markup('<span class="between"> // </span>').join(_part(part) for part in parts)
    return Markup('<bdi class="marking" lang="{}" dir="{}">{}</bdi>').format(spoken, direction, said)


def _part(text: str) -> Markup:
    if text not in _TOKENS:
        return escape(text)
    colour = tlp_class(text) if text in TLP else "pap"
    return Markup('<bdi dir="ltr" class="tlp {}" translate="no">{}</bdi>').format(colour, text)
