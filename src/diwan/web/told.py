"""Refusals that pages say in the reader's language: sentences that are always the same, word for word.

What holds a name, a number or a marking is said as the house says it, in English and marked as such.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup, escape

from diwan.web.language import Say

SENTENCES: Final = (
    "There is nothing here that is released to you under this reference.",
    "You are not signed in, or your session has ended. Nothing was shown or done.",
    "The name and the password do not fit together. You are not signed in.",
    "Too many try to sign in just now. You are not signed in; try again in a few seconds.",
    "This form is not from a page of your present session. Load the page anew. Nothing was done.",
    "This cursor was not given out for this list. Start again without a cursor.",
    "This request cannot be understood. Nothing was done.",
    "This cannot be done at this address. Nothing was done.",
    "What was sent came too slowly. Nothing was entered.",
    "This is more than this node takes at once. Nothing was entered.",
    "Something failed at this node, and was written to its log. Nothing was entered.",
    "The register cannot be reached just now. Nothing was entered; ask again in a few seconds.",
    "None of your roles enters items at this node. Nothing was checked.",
    "None of your roles enters items at this node. Nothing was entered.",
    "Your clearance does not reach this label: one enters what one may read. Nothing was entered.",
    "No label is chosen, so nobody could read it. Nothing was entered.",
    "No document was given.",
    "The standard's rules find errors; see below.",
    "This is not what a check gave. Check it again. Nothing was entered.",
    "This answer needs a reason in its note. Nothing was entered.",
    "The box that says you mean it is not ticked. Nothing was recalled.",
)


def told(line: str, say: Say) -> Markup:
    """Return a sentence in the words of `say`, or as it is and marked as English where there are no others."""
    words = say(line) if line in SENTENCES else line
    return Markup('<bdi lang="en">{}</bdi>').format(line) if words == line else escape(words)
