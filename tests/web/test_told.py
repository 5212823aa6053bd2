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
from diwan.web.told import SHAPES, shapes_of, told

SOURCE = Path(tongues.__file__).parents[1]
WEB = SOURCE / "web" / "locale"
REFUSING = (
    "intake/office.py", "intake/beyond.py", "intake/take.py", "intake/change.py", "intake/ending.py",
    "release/ceiling.py", "release/policy.py", "house/node.py", "house/bounds.py", "people/throttle.py",
    "web/compose.py", "web/item.py", "web/form.py", "web/labels.py", "web/guard.py", "web/threads.py",
    "web/pace.py", "web/problems.py", "web/session.py", "people/doors.py", "reading/query.py", "terms/errors.py",
    "release/codes.py", "release/marking.py", "release/decide.py",
)  # fmt: skip
"""Where what pages tell is formed."""
UNTOLD = (
    # Read by whoever installs a policy, sets a node up or writes a label down, at the command line.
    "Policy file", "Policy KWT: ", "Ceiling under", "KWT: the register lost", "Two policies share an id",
    "The label is not legal and has no marking", "A KWT's name has", "A KWT needs an open account",
    "This certificate is noted already", "That a session or token was used",
    # Of these the endings are words that are chosen, or what another module says; they are said below.
    "KWT is already registered under this label, KWT.", "A label is never freer than what the item says of itselfKWT.",
    "Marking “KWT”: KWT.",
)  # fmt: skip
CHOSEN = (
    "KWT is already registered under this label, saying the same. Nothing was added.",
    "KWT is already registered under this label, byte for byte. Nothing was added.",
    "A label is never freer than what the item says of itself. Nothing was changed.",
    "A label is never freer than what the item says of itself that allows no more than TLP:RED. Nothing was changed.",
    "Marking “KWT”: “KWT” is not understood. Nothing was labelled.",
    "Marking “KWT”: “KWT” means more than one thing in KWT. Nothing was labelled.",
    "Marking “KWT”: “KWT” and another part say the same thing twice. Nothing was labelled.",
    "Marking “KWT”: no classification of KWT is named. Nothing was labelled.",
    "The network is shown as of a day, which is written YYYY-MM-DD. Nothing is shown.",
    "You are not signed in. Nothing was shown or done. Nothing was done.",
    "Successor: A tag stands twice.",
    "What ends an item is never narrower than what it ends: some of its readers would go on seeing it in force."
    " Relabel what ends it first, as wide or wider. Nothing was changed.",
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


def formed() -> list[str]:
    found = [*CHOSEN, *(one for name in REFUSING for one in lines(SOURCE / name))]
    return [one for one in found if not re.fullmatch(r"(KWT ?)+\.?", one) and not one.startswith(UNTOLD)]


def test_every_line_that_is_formed_where_pages_are_refused_can_be_said(say: Say) -> None:
    assert len(formed()) > 70
    assert [one for one in formed() if 'lang="en"' in told(one, say)] == []


def test_every_sentence_is_formed_somewhere_and_taken_for_no_other() -> None:
    sentences = {one for line in formed() for one in re.split(r"(?<=\.) +(?=[A-Z“])", line)}
    shapes = [[shape for shape, _ in shapes_of(sentence)] for sentence in sentences]

    assert [one for one in shapes if len(one) > 1] == []
    assert set(SHAPES) - {shape for one in shapes for shape in one} == set()


def test_what_is_named_is_set_apart_and_escaped() -> None:
    line = "You enter in the name of <b>KWT</b>, not of QAT: an originator answers for its own items only."

    assert told(line, speaking("fr")) == (
        "Vous inscrivez au nom de <bdi>&lt;b&gt;KWT&lt;/b&gt;</bdi>, non de <bdi>QAT</bdi>\u00a0: un émetteur ne répond"
        " que de ses propres éléments."
    )


def test_sentences_are_said_one_by_one_and_what_has_no_words_stays_as_it_is() -> None:
    said = told("The moon is full. Nothing was entered.", speaking("fr"))

    assert said == '<bdi lang="en">The moon is full.</bdi> Rien n’a été inscrit.'


def test_a_sentence_within_a_sentence_is_said_too() -> None:
    said = told("Successor: TLP has no tag Eyes.", speaking("fr"))

    assert (
        said
        == "Successeur\u00a0: La politique <bdi>TLP</bdi> ne connaît pas la catégorie «\u00a0<bdi>Eyes</bdi>\u00a0»."
    )


def test_in_english_a_line_is_as_the_house_says_it() -> None:
    line = "TLP has no tag <Eyes>. Nothing was entered."

    assert told(line, speaking("en")) == f'<bdi lang="en">{escape(line)}</bdi>'


def test_what_is_quoted_changes_no_sentence(say: Say) -> None:
    forged = "x is y in z, not w"
    quoted = told(f"Releasable To: “{forged}” is not a party id. Nothing was entered.", say)
    hidden = "TLP has no classification “X. Nothing was entered.”."

    assert forged not in told(f"Releasable To has no value “{forged}”.", say).replace(f"<bdi>{forged}</bdi>", "")
    assert f"<bdi>{forged}</bdi>" in quoted
    assert told(hidden, say) == f'<bdi lang="en">{hidden}</bdi>'


def test_what_is_named_may_hold_dots() -> None:
    said = told("The ceiling of duty officer does not allow labels of EX.AMPLE.", speaking("fr"))

    assert "<bdi>EX.AMPLE</bdi>." in said


def test_words_of_this_node_are_said_in_the_language_of_the_page() -> None:
    say = speaking("fr")

    assert "<bdi>ce nœud</bdi>" in told("The ceiling of this node does not allow labels of TLP.", say)
    assert "<bdi>Exercice</bdi>" in told(
        "The document speaks of the world Exercise, this page of Actual: worlds never mix.", say
    )


def test_no_line_takes_long_whatever_it_quotes(say: Say) -> None:
    literals = {piece for shape in SHAPES for piece in re.split(r"%\(\w+\)s", shape) if piece}
    wholes = {re.sub(r"%\(\w+\)s", "x", shape).rstrip(".") for shape in SHAPES}
    slowest = 0.0
    for word in literals | wholes:
        for end in (".", "\n.", "”."):
            line = (f"x{word}" * 999)[: 999 - len(end)] + end
            began = time.process_time()
            told(line, say)
            slowest = max(slowest, time.process_time() - began)

    assert slowest < 0.1
