"""What pages say of a refusal is said sentence by sentence in the reader's language, what it names set apart."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape

from diwan.web import language as tongues
from diwan.web.language import LANGUAGES, Say, catalogue
from diwan.web.told import SHAPES, told

SOURCE = Path(tongues.__file__).parents[1]
WEB = SOURCE / "web" / "locale"
REFUSING = (
    "intake/office.py", "intake/beyond.py", "intake/take.py", "intake/change.py", "intake/ending.py",
    "release/ceiling.py", "release/policy.py", "house/node.py", "house/bounds.py", "people/throttle.py",
    "web/compose.py", "web/item.py", "web/form.py", "web/labels.py", "web/guard.py", "web/threads.py",
    "reading/query.py",
)  # fmt: skip
"""Where what pages tell is formed."""
UNTOLD = (
    # Read by whoever installs a policy or sets a node up, at the command line.
    "Policy file", "Policy KWT: ", "Ceiling under", "KWT: the register lost",
    # Of these the endings are words that are chosen; they are said below.
    "KWT is already registered under this label, KWT.", "A label is never freer than what the item says of itselfKWT.",
)  # fmt: skip
CHOSEN = (
    "KWT is already registered under this label, saying the same. Nothing was added.",
    "KWT is already registered under this label, byte for byte. Nothing was added.",
    "A label is never freer than what the item says of itself. Nothing was changed.",
    "A label is never freer than what the item says of itself that allows no more than TLP:RED. Nothing was changed.",
)


def speaking(code: str) -> Say:
    return catalogue(LANGUAGES[code], [WEB]).gettext


@pytest.fixture(params=["fr", "ar"])
def say(request: pytest.FixtureRequest) -> Say:
    return speaking(request.param)


def lines(file: Path) -> Iterator[str]:
    """Yield the lines of whole sentences that a module forms, `KWT` in every place that is filled."""
    tree = ast.parse(file.read_text("utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "KWT" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | inside:
            text = node.value
        else:
            continue
        if re.search(r"\w .*\.$", text):
            # What is filled in before a whole sentence is one itself, and is looked at where it is formed.
            yield re.sub(r"^KWT (?=[A-Z][a-z])", "", text)


def test_every_line_that_the_house_forms_of_a_refusal_can_be_said(say: Say) -> None:
    formed = [*CHOSEN, *(one for name in REFUSING for one in lines(SOURCE / name))]
    formed = [one for one in formed if not re.fullmatch(r"(KWT ?)+\.?", one)]
    unsaid = {one for one in formed if 'lang="en"' in told(one, say) and not one.startswith(UNTOLD)}

    assert len(formed) > 60
    assert unsaid == set()


def test_what_is_named_is_set_apart_and_escaped() -> None:
    line = "You enter in the name of <b>KWT</b>, not of QAT: an originator answers for its own items only."

    assert told(line, speaking("fr")) == (
        "Vous inscrivez au nom de <bdi>&lt;b&gt;KWT&lt;/b&gt;</bdi>, non de <bdi>QAT</bdi> : un émetteur ne répond"
        " que de ses propres éléments."
    )


def test_sentences_are_said_one_by_one_and_what_has_no_words_stays_as_it_is() -> None:
    said = told("The moon is full. Nothing was entered.", speaking("fr"))

    assert said == '<bdi lang="en">The moon is full.</bdi> Rien n’a été inscrit.'


def test_a_sentence_within_a_sentence_is_said_too() -> None:
    said = told("Successor: TLP has no tag Eyes.", speaking("fr"))

    assert said == "Successeur : <bdi>TLP</bdi> ne connaît pas la catégorie <bdi>Eyes</bdi>."


def test_in_english_a_line_is_as_the_house_says_it() -> None:
    line = "TLP has no tag <Eyes>. Nothing was entered."

    assert told(line, speaking("en")) == f'<bdi lang="en">{escape(line)}</bdi>'


def test_no_line_takes_long_whatever_it_quotes(say: Say) -> None:
    words = [re.sub(r"%\(\w+\)s", "x", shape).rstrip(".") for shape in SHAPES]
    lines = [(word * 1000)[:length] + end for word in words for length in (390, 3000) for end in ("", ".")]

    began = time.process_time()
    for line in lines:
        told(line, say)
    assert (time.process_time() - began) / len(lines) < 0.05
