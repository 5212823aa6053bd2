"""Refusals and notices that pages say in the reader's language: sentence by sentence, as the house forms them.

What has the shape of no sentence here, or of two, is said as the house says it, in English and marked as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

from diwan.web.language import Say

SHAPES: Final = (
    "There is nothing here that is released to you under this reference.",
    "You are not signed in, or your session has ended.",
    "The name and the password do not fit together.",
    "Too many try to sign in just now.",
    "You are not signed in; try again in a few seconds.",
    "This form is not from a page of your present session.",
    "Load the page anew.",
    "This cursor was not given out for this list.",
    "Start again without a cursor.",
    "This request cannot be understood.",
    "This cannot be done at this address.",
    "What was sent came too slowly.",
    "This is more than this node takes at once.",
    "Something failed at this node, and was written to its log.",
    "The register cannot be reached just now.",
    "Nothing was entered; ask again in a few seconds.",
    "None of your roles enters items at this node.",
    "Nothing was checked.",
    "Your clearance does not reach this label: one enters what one may read.",
    "No label is chosen, so nobody could read it.",
    "No document was given.",
    "The standard's rules find errors; see below.",
    "This is not what a check gave.",
    "Check it again.",
    "This answer needs a reason in its note.",
    "The box that says you mean it is not ticked.",
    "Nothing was recalled.",
    "Nothing was entered.",
    "Nothing was changed.",
    "Nothing was added.",
    "Nothing was done.",
    "Nothing was labelled.",
    "Nothing is shown.",
    "Nothing was shown or done.",
    "Nobody could read it, so nothing was entered.",
    "You are not signed in.",
    "You enter in the name of %(own)s, not of %(other)s: an originator answers for its own items only.",
    "%(party)s is not hosted at this node: its key is not here.",
    "No desk at this node reads %(type)s.",
    "No policy %(policy)s is installed at this node.",
    "No policy %(policy)s is installed.",
    "Policy %(policy)s is not %(other)s.",
    "%(policy)s has no classification “%(level)s”.",
    "A tag stands twice.",
    "%(policy)s asks for the tag %(tag)s.",
    "No audience is named, so nobody could read it.",
    "The review date is out of range.",
    "The succession date is out of range.",
    "A successor's own succession must come later.",
    "Successor: %(sentence)s",
    "%(policy)s has no tag %(tag)s.",
    "%(tag)s is %(sort)s in %(policy)s, not %(other)s.",
    "%(tag)s names no value; an empty set is held by nobody.",
    "%(tag)s must say %(value)s.",
    "%(tag)s says %(value)s exactly when %(others)s stands.",
    "%(tag)s has no value “%(value)s”.",
    "%(tag)s: “%(value)s” is not a party id.",
    "%(tag)s takes parties; %(value)s is a framework.",
    "%(tag)s is not legal at %(level)s.",
    "The policy asks for a %(protocol)s token.",
    "“%(token)s” is not a %(protocol)s token.",
    "The policy does not allow %(token)s.",
    "No ceiling is set, so nothing is allowed.",
    "The ceiling of %(whose)s does not allow labels of %(policy)s.",
    "%(level)s is above %(other)s, the ceiling of %(whose)s.",
    "The ceiling of %(whose)s does not allow the caveat %(value)s.",
    "%(token)s is wider than %(other)s, the ceiling of %(whose)s.",
    "%(token)s is stricter than %(other)s, the ceiling of %(whose)s.",
    "A label is never freer than what the item says of itself.",
    "A label is never freer than what the item says of itself that allows no more than %(marking)s.",
    "It refers to %(count)s item(s) that %(parties)s may not know.",
    "A part of it is marked %(marking)s, more strictly than its label.",
    "Its label was narrowed to those who know them.",
    "Its label was narrowed to that.",
    "They get an edition of their own.",
    "The rest is an edition of its own, under the label.",
    "This desk makes no editions of it.",
    "The text names %(parties)s, outside its audience.",
    "The label and those of the items it refers to have no common audience, so nobody could read it.",
    "What ends an item is never narrower than what it ends: some of its readers would go on seeing it in force.",
    "Relabel what ends it first, as wide or wider.",
    "It is a claim: only the keeper that the policies name lets a membership open anything.",
    "%(name)s stands twice in what was handed in; the first was entered, this one was not.",
    "%(name)s is already registered under this label with other content: a standard's id names one thing.",
    "Nothing was entered; rectify the item that is there, or give this one its own id.",
    "%(name)s is here from elsewhere, as %(party)s's own word: no other version of it comes this way.",
    "Nothing was entered; what speaks for others needs a party of its own.",
    "%(name)s is already registered under this label, saying the same.",
    "%(name)s is already registered under this label, byte for byte.",
    "%(name)s is here in this version already, from elsewhere.",
    "A revision stays of the same kind and in the same world.",
    "You already have another item named %(name)s under that label: a standard's id names one thing.",
    "An answer is of the world of what it stands under.",
    "What stands under another item does so at most %(count)s deep.",
    "Nothing was entered; let it stand under one further up.",
    "Who gets this answer follows from what it is: it takes no other label.",
    "The document speaks of the world %(world)s, this page of %(other)s: worlds never mix.",
    "Compose it there.",
    "A search has at most %(most)s words and filters; this one has %(count)s.",
    "Ask for fewer.",
    "The network is shown as of a day, which is written YYYY-MM-DD.",
    "Too many wrong attempts.",
    "The next one is looked at in %(count)s s.",
    "A field of the form is not text in UTF-8.",
    "The form has more than %(count)s fields.",
    "This was sent by a page of another site.",
    "This address does not declare what it reads, so nobody may use it.",
    "The disk that holds the register is full.",
    "Nothing was entered; what is registered can be read, and entries are taken again as soon as there is room.",
    "The connection to the register was lost while this was being made durable.",
    "It is written whole or not at all, and which of the two is not known here: look before you ask again.",
    "A text in it holds NUL or half of a surrogate pair, which is no character.",
    "“%(code)s” is not a party id: 2 to 32 of A-Z, 0-9, dot and hyphen; a nation's alpha-3 code.",
    "Marking “%(text)s”: it means different things under different policies.",
    "Marking “%(text)s”: “%(part)s” is not understood.",
    "Marking “%(text)s”: “%(part)s” means more than one thing in %(policy)s.",
    "Marking “%(text)s”: “%(part)s” and another part say the same thing twice.",
    "Marking “%(text)s”: no classification of %(policy)s is named.",
    "This node's register was set back, as to a backup, and is shut since %(when)s, until what was"
    " recalled and relabelled meanwhile is replayed from its journal: `diwan reopen --journal PATH`.",
    "This was done and is true for everyone.",
    "But it could not be written into the node's journal (%(why)s), so a backup that is restored now"
    " would not know of it.",
    "Tell whoever runs the node: `diwan doctor` says what to mend, and what is missing is then written by itself.",
)
"""Sentences, with places that hold a name, a number or a marking."""

_LONGEST: Final = 1000
"""Characters of a line that is looked at; what is longer quotes more than a name."""
_END: Final = re.compile(r"(?<=\.) +(?=[A-Z“])")
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_HELD: Final = r"(?:(?![.:] )[^\n“”])"
"""What a place holds: nothing that ends a sentence or begins or ends what is quoted."""
_WITHIN: Final = "sentence"
"""A place that holds a sentence of the same sort."""
_OURS: Final = frozenset({"whose", "world", "other", "tag"})
"""Places that may hold a word of this node's own, which has words in other languages."""


def _pattern(shape: str) -> re.Pattern[str]:
    """Return what finds a shape; each place but the last ends where what follows first comes, once and for all."""
    start, *pieces = _PLACE.split(shape)
    found = re.escape(start)
    for at, name in enumerate(pieces[::2]):
        held, after = r"[^\n]" if name == _WITHIN else _HELD, re.escape(pieces[2 * at + 1])
        last = 2 * at + 2 == len(pieces)
        found += f"(?P<{name}>{held}+){after}" if last else f"(?>(?P<{name}>{held}+?){after})"
    return re.compile(found)


_PATTERNS: Final = tuple((shape, _pattern(shape)) for shape in SHAPES)


def told(line: str, say: Say) -> Markup:
    """Return a line in the words of `say`, or as it is and marked as English as far as there are no others."""
    if len(line) > _LONGEST or say(SHAPES[0]) == SHAPES[0]:
        return _english(line)
    sentences = list(_sentences(line))
    said = [_sentence(sentence, say) for sentence in sentences]
    if not any(said):
        return _english(line)
    return Markup(" ").join(one or _english(sentence) for one, sentence in zip(said, sentences, strict=True))


def shapes_of(sentence: str) -> list[tuple[str, dict[str, str]]]:
    """Return every shape that a sentence has, and what stands in its places."""
    found = ((shape, pattern.fullmatch(sentence)) for shape, pattern in _PATTERNS)
    return [(shape, match.groupdict()) for shape, match in found if match is not None]


def _sentences(line: str) -> Iterator[str]:
    """Yield the sentences of a line; what is quoted is not taken apart."""
    whole = ""
    for piece in _END.split(line):
        whole = f"{whole} {piece}" if whole else piece
        if whole.count("“") == whole.count("”"):
            yield whole
            whole = ""
    if whole:
        yield whole


def _sentence(sentence: str, say: Say) -> Markup | None:
    """Return a sentence in the words of `say`, what it names set apart; None where it is not plain which it is."""
    shapes = shapes_of(sentence)
    if len(shapes) != 1:
        return None
    ((shape, places),) = shapes
    return escape(say(shape)) % {name: _value(name, value, say) for name, value in places.items()}


def _value(name: str, value: str, say: Say) -> Markup:
    if name == _WITHIN:
        return told(value, say)
    said = value
    if name in _OURS:
        said = say(value) if say(value) != value else say(value.capitalize())
        said = value if said == value.capitalize() else said
    return Markup("<bdi>{}</bdi>").format(said)


def _english(line: str) -> Markup:
    return Markup('<bdi lang="en">{}</bdi>').format(line)
