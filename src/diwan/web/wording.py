"""How values read on a page: instants, days, labels, titles, addresses; every foreign text kept apart by direction."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal
from urllib.parse import quote

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.support import NullTranslations
from babel.units import format_unit
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
from diwan.web.language import LANGUAGES, Language, Say, direction, speaker
from diwan.web.told import told
from diwan.web.visit import BASES

_TOKENS: Final = {*TLP, *PAP}
_CODES: Final = frozenset({"originator", "framework"})
"""The fields whose values are ids, which nobody translates."""
_SHORT: Final = frozenset({"cbrne"})
"""Values that are abbreviations; the register files them in lower case."""
_KILO: Final = 1000


def install(environment: Environment, language: Language, messages: NullTranslations) -> None:
    """Give the templates of one language their filters and words."""
    say = speaker(messages)

    def when(at: Instant) -> Markup:
        text = format_datetime(moment(at), language.minute, locale=language.locale)
        return Markup('<time datetime="{}">{} <abbr>UTC</abbr></time>').format(iso(at), text)

    def day(on: date) -> Markup:
        text = format_date(on, "d MMM y", locale=language.locale)
        return Markup('<time datetime="{}">{}</time>').format(on.isoformat(), text)

    @pass_context
    def ago(context: Context, at: Instant) -> Markup:
        gone = moment(at) - moment(context["now"])
        text = format_timedelta(gone, add_direction=True, locale=language.locale)
        full = format_datetime(moment(at), f"{language.minute}:ss 'UTC'", locale=language.locale)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(at), full, text)

    @pass_context
    def marking(context: Context, label: Label) -> Markup:
        return _marking(label, context["rules"], language.code)

    @pass_context
    def chip(context: Context, label: Label) -> Markup:
        return Markup('<span class="chip">{}</span>').format(_marking(label, context["rules"], language.code))

    def title(item: Released) -> Markup:
        text, tag = headline(item, language.code)
        return Markup('<bdi lang="{}" dir="{}">{}</bdi>').format(tag, direction(tag), text) if tag else _apart(text)

    @pass_context
    def link(context: Context, item: Released | Ref) -> str:
        return address(context["base"], item if isinstance(item, Ref) else item.ref)

    def kind(name: str) -> str:
        return say(name.replace(".", " ").capitalize())

    def spoken(field: str, value: str) -> str:
        if field == "kind":
            return kind(value)
        if field in _CODES:
            return value.upper()
        return word(field, value.upper() if value in _SHORT else value.replace("_", " ").capitalize())

    def word(field: str, value: str) -> str:
        # A word that means one thing as a severity and another as an urgency is translated for each.
        return str(messages.pgettext(field, value))

    def coded(field: str, code: str) -> Markup:
        said = word(field, code)
        return escape(code) if said == code else Markup('<span title="{}: {}">{}</span>').format(field, code, said)

    def size(octets: int) -> str:
        if octets < _KILO:
            # CLDR's short English form has no plural, and Arabic has no long one.
            length: Literal["long", "short"] = "long" if language.code == "en" else "short"
            return format_unit(octets, "digital-byte", length, locale=language.locale)
        number, unit = (octets / _KILO, "kilobyte") if octets < _KILO**2 else (octets / _KILO**2, "megabyte")
        return format_unit(round(number, 1), f"digital-{unit}", "short", locale=language.locale)

    def number(count: int) -> str:
        return format_decimal(count, locale=language.locale)

    def in_words(line: str) -> Markup:
        return told(line, say)

    words = {"when": when, "day": day, "ago": ago, "marking": marking, "chip": chip, "link": link}
    environment.filters.update(
        **words,
        headline=title,
        glance=glance,
        kind=kind,
        size=size,
        direction=direction,
        token_class=tlp_class,
        told=in_words,
        number=number,
    )
    environment.globals.update(
        words,
        spoken=spoken,
        coded=coded,
        word=word,
        bases=BASES,
        worlds={World.ACTUAL: say("Actual"), World.EXERCISE: say("Exercise"), World.TEST: say("Test")},
        names=_fields(say),
    )


def _fields(say: Say) -> dict[str, str]:
    """Return what the fields are called that a list can be narrowed by."""
    return {
        "kind": say("Kind"),
        "originator": say("Originator"),
        "severity": say("Severity"),
        "urgency": say("Urgency"),
        "category": say("Category"),
        "msgType": say("Message"),
        "framework": say("Framework"),
        "standing": say("Standing"),
    }


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


def _apart(text: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(text)


def _part(text: str) -> Markup:
    if text not in _TOKENS:
        return escape(text)
    colour = tlp_class(text) if text in TLP else "pap"
    return Markup('<bdi dir="ltr" class="tlp {}" translate="no">{}</bdi>').format(colour, text)
