"""Attempts to go around the one door, each stopped by the wall that claims to stop it.

All attempts that one wall claims are written into one copy of the source, and the wall is asked once.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Write = Callable[[str, str], Path]
Run = Callable[..., tuple[int, str]]

RIVER = "The river flows one way"
REGISTER = "Only the two doors, people and the house open the registry"
SEAL = "Only the reading room sets the seal"
ROOM = "The reading room is entered through its door"
APART = "Desks do not know each other"
ENGINES = "Engines live in the registry"
PURE = "Terms, release and sealing touch no world"
PARSE = "Parsers and renderers are pure"
SETTINGS = "Only the house and the command line read settings"
SHAPE = "Every desk has the same files"

# What is tried, where it is written, what the code says, the contract that forbids it, what the contract must name.
# `desks/spare` is a desk that exists only here.
IMPORTS = [
    ("a desk opens the book", "desks/spare/watch.py", "from diwan.registry.book import Book", REGISTER,
     "diwan.desks.spare.watch -> diwan.registry.book"),
    ("a desk opens a shelf", "desks/spare/pages.py", "from diwan.registry.shelf import Shelf", REGISTER,
     "diwan.desks.spare.pages -> diwan.registry.shelf"),
    ("a desk takes the engine from the registry", "desks/spare/acts.py", "from diwan.registry.engines import sqlite",
     REGISTER, "diwan.desks.spare.acts -> diwan.registry.engines.sqlite"),
    ("a desk opens the file itself", "desks/spare/routes.py", "import sqlite3", ENGINES,
     "diwan.desks.spare.routes -> sqlite3"),
    ("a desk opens the file with another engine", "desks/spare/routes.py", "import duckdb", ENGINES,
     "diwan.desks.spare.routes -> duckdb"),
    ("a desk imports another desk", "desks/spare/watch.py", "from diwan.desks.crisis import DESK", APART,
     "diwan.desks.spare.watch -> diwan.desks.crisis"),
    ("a desk imports the house", "desks/spare/pages.py", "from diwan.house import House", RIVER,
     "diwan.desks.spare.pages -> diwan.house"),
    ("a desk imports the web", "desks/spare/routes.py", "import diwan.web", RIVER,
     "diwan.desks.spare.routes -> diwan.web"),
    ("a desk looks accounts up", "desks/spare/acts.py", "import diwan.people", RIVER,
     "diwan.desks.spare.acts -> diwan.people"),
    ("a desk reads settings", "desks/spare/watch.py", "from diwan.settings import read_settings", SETTINGS,
     "diwan.desks.spare.watch -> diwan.settings"),
    ("a parser reads the room", "desks/spare/parse.py", "from diwan.reading import ReadingRoom", PARSE,
     "diwan.desks.spare.parse -> diwan.reading"),
    ("a parser enters what it parsed", "desks/spare/parse.py", "from diwan.intake.take import take", PARSE,
     "diwan.desks.spare.parse -> diwan.intake.take"),
    ("a renderer fetches more than it was given", "desks/spare/render.py", "from diwan.reading import ReadingRoom",
     PARSE, "diwan.desks.spare.render -> diwan.reading"),
    ("what a desk knows depends on its pages", "desks/spare/kinds.py", "from diwan.desks.spare import pages", SHAPE,
     "diwan.desks.spare.kinds -> diwan.desks.spare.pages"),
    ("a parser calls an act", "desks/spare/parse.py", "from diwan.desks.spare import acts", SHAPE,
     "diwan.desks.spare.parse -> diwan.desks.spare.acts"),
    ("a stray file in a desk", "desks/spare/tools.py", "ANY = 1", SHAPE, "- diwan.desks.spare.tools"),
    ("a new package outside the map", "reports/__init__.py", "ANY = 1", RIVER, "- diwan.reports"),
    ("web opens the book", "web/report.py", "from diwan.registry.book import Book", REGISTER,
     "diwan.web.report -> diwan.registry.book"),
    ("web opens the book in a function", "web/later.py",
     "def later() -> object:\n    from diwan.registry.search import find\n    return find", REGISTER,
     "diwan.web.later -> diwan.registry.search"),
    ("web names the book in a type", "web/typed.py",
     "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from diwan.registry.ink import Ink", REGISTER,
     "diwan.web.typed -> diwan.registry.ink"),
    ("web opens the book by a star", "web/star.py", "from diwan.registry.stacks import *", REGISTER,
     "diwan.web.star -> diwan.registry.stacks"),
    ("web forges the seal", "web/report.py", "from diwan.reading._seal import Seal", SEAL,
     "diwan.web.report -> diwan.reading._seal"),
    ("web takes the room's own seal", "web/report.py", "from diwan.reading.room import _SEAL", ROOM,
     "diwan.web.report -> diwan.reading.room"),
    ("web walks the feed past the room", "web/report.py", "from diwan.reading.feed import steps", ROOM,
     "diwan.web.report -> diwan.reading.feed"),
    ("web asks with SQL", "web/report.py", "import sqlalchemy", ENGINES, "diwan.web.report -> sqlalchemy"),
    ("the house asks with SQL", "house/node.py", "import sqlite3", ENGINES, "diwan.house.node -> sqlite3"),
    ("a partner's courier opens the book", "exchange/fast.py", "from diwan.registry.book import Book", REGISTER,
     "diwan.exchange.fast -> diwan.registry.book"),
    ("a partner's courier knows a desk", "exchange/fast.py", "from diwan.desks.crisis import DESK", RIVER,
     "diwan.exchange.fast -> diwan.desks.crisis"),
    ("the command line opens the book", "cli/quick.py", "from diwan.registry.book import Book", REGISTER,
     "diwan.cli.quick -> diwan.registry.book"),
    ("accounts set the seal", "people/forge.py", "from diwan.reading._seal import Seal", SEAL,
     "diwan.people.forge -> diwan.reading._seal"),
    ("accounts reach into a desk", "people/forge.py", "from diwan.desks.crisis import DESK", RIVER,
     "diwan.people.forge -> diwan.desks.crisis"),
    ("intake reads", "intake/peek.py", "from diwan.reading import ReadingRoom", RIVER,
     "diwan.intake.peek -> diwan.reading"),
    ("intake sets the seal", "intake/peek.py", "from diwan.reading._seal import Seal", SEAL,
     "diwan.intake.peek -> diwan.reading._seal"),
    ("the reading room writes", "reading/pen.py", "from diwan.intake.take import take", RIVER,
     "diwan.reading.pen -> diwan.intake.take"),
    ("the registry asks the reading room", "registry/upward.py", "from diwan.reading import Released", RIVER,
     "diwan.registry.upward -> diwan.reading"),
    ("terms import upward", "terms/upward.py", "from diwan.release.decide import admits", RIVER,
     "diwan.terms.upward -> diwan.release.decide"),
    ("release looks into the register", "release/upward.py", "from diwan.registry.grants import Grant", RIVER,
     "diwan.release.upward -> diwan.registry.grants"),
    ("release asks the clock", "release/hour.py", "import time", PURE, "diwan.release.hour -> time"),
    ("release reads files", "release/hour.py", "from pathlib import Path", PURE, "diwan.release.hour -> pathlib"),
    ("sealing throws dice", "sealing/dice.py", "import secrets", PURE, "diwan.sealing.dice -> secrets"),
    ("terms open a socket", "terms/upward.py", "import socket", PURE, "diwan.terms.upward -> socket"),
]  # fmt: skip

# What is tried, where it is written, what the code says, what mypy must say about that file.
TYPES = [
    ("an entry is handed to a page", "web/shown.py",
     "from diwan.desk import Show\nfrom diwan.reading import ReadingRoom\nfrom diwan.terms.item import Entry\n\n\n"
     "def view(show: Show, room: ReadingRoom, entry: Entry) -> object:\n    return show.view(room, entry)",
     'has incompatible type "Entry"; expected "Released"'),
    ("a draft is handed to a page", "web/drafted.py",
     "from diwan.reading import ReadingRoom\nfrom diwan.terms.item import Draft\n\n\n"
     "def view(room: ReadingRoom, draft: Draft) -> object:\n    return room.parts(draft)",
     'has incompatible type "Draft"; expected "Released"'),
    ("a page is made of entries", "web/listed.py",
     "from diwan.reading import Page\nfrom diwan.terms.item import Entry\n\n\n"
     "def page(entries: tuple[Entry, ...]) -> Page:\n    return Page(entries, None)",
     'expected "tuple[Released, ...]"'),
    ("web makes a Released without a seal", "web/unsealed.py",
     "from diwan.reading import Released\nfrom diwan.terms.item import Entry\nfrom diwan.terms.gate import World\n"
     "from diwan.terms.reader import Reader\n\n\n"
     "def forge(e: Entry, r: Reader) -> Released:\n"
     "    return Released(ref=e.ref, kind=e.kind, world=World.ACTUAL, title=e.title, label=e.label, author=e.author,\n"
     "        entered=e.entered, at=e.position, revision=e.revision, revision_position=e.revision_position,\n"
     "        brief=e.brief, to=r)",
     'Missing named argument "seal"'),
    ("web puts nothing where the seal belongs", "web/noseal.py",
     "from diwan.reading import Released\nfrom diwan.terms.item import Entry\nfrom diwan.terms.gate import World\n"
     "from diwan.terms.reader import Reader\n\n\n"
     "def forge(e: Entry, r: Reader) -> Released:\n"
     "    return Released(ref=e.ref, kind=e.kind, world=World.ACTUAL, title=e.title, label=e.label, author=e.author,\n"
     "        entered=e.entered, at=e.position, revision=e.revision, revision_position=e.revision_position,\n"
     "        brief=e.brief, to=r, seal=None)",
     'Argument "seal" to "Released" has incompatible type "None"'),
    ("web makes a Released of its own", "web/own.py",
     "from diwan.reading import Released\n\n\nclass Mine(Released):\n    \"\"\"Looks released.\"\"\"",
     'Cannot inherit from final class "Released"'),
    ("a Released is given to another reader", "web/passed.py",
     "from diwan.reading import Released\nfrom diwan.terms.reader import Reader\n\n\n"
     "def pass_on(item: Released, to: Reader) -> None:\n    item.to = to",
     'Property "to" defined in "Released" is read-only'),
    ("an item is made without a label", "intake/bare.py",
     "from diwan.terms.item import Draft, Item, Ref\n\n\n"
     "def bare(draft: Draft, ref: Ref) -> Item:\n    return Item(draft, ref)",
     'Missing positional argument "label"'),
    ("a label is left open", "intake/open.py",
     "from diwan.terms.item import Draft, Item, Ref\n\n\n"
     "def bare(draft: Draft, ref: Ref) -> Item:\n    return Item(draft, ref, None)",
     'Argument 3 to "Item" has incompatible type "None"; expected "Label"'),
    ("a draft is written into the register", "intake/quick.py",
     "from diwan.registry.ink import Ink\nfrom diwan.terms.item import Draft\n\n\n"
     "def quick(ink: Ink, draft: Draft) -> object:\n    return ink.enter([draft], [1])",
     'has incompatible type "Draft"; expected "Written"'),
    ("a draft is sealed", "intake/sealed.py",
     "from diwan.sealing.envelope import Unsealed\nfrom diwan.terms.item import Draft\n\n\n"
     "def quick(draft: Draft) -> Unsealed:\n    return Unsealed(draft, 1, ())",
     'has incompatible type "Draft"; expected "Item"'),
    ("a draft is taken without a label", "web/taken.py",
     "from diwan.house import House\nfrom diwan.terms.hand import Hand\nfrom diwan.terms.item import Draft\n\n\n"
     "def take(house: House, hand: Hand, draft: Draft) -> object:\n"
     "    return house.take(hand, draft, originator=\"KWT\")",
     'Missing positional argument "label"'),
    ("a draft is taken in nobody's name", "web/nameless.py",
     "from diwan.house import House\nfrom diwan.terms.hand import Hand\nfrom diwan.terms.item import Draft\n"
     "from diwan.terms.label import Label\n\n\n"
     "def take(house: House, hand: Hand, draft: Draft, label: Label) -> object:\n"
     "    return house.take(hand, draft, label)",
     'Missing named argument "originator"'),
    ("a room is opened for nobody", "web/nobody.py",
     "from diwan.house import House\n\n\ndef room(house: House) -> object:\n    return house.room()",
     'Missing positional argument "reader"'),
    ("a room is opened for a party's name", "web/named.py",
     "from diwan.house import House\n\n\ndef room(house: House) -> object:\n    return house.room(\"KWT\")",
     'has incompatible type "str"; expected "Reader"'),
    ("a shelf is asked for without a reader", "reading/unread.py",
     "from diwan.registry.book import Book\nfrom diwan.terms.gate import World\n\n\n"
     "def all_of_it(book: Book) -> object:\n    return book.shelf(world=World.ACTUAL)",
     'Missing positional argument "reader"'),
    ("a shelf is laid on a plain connection", "reading/plain.py",
     "from typing import Any\n\nfrom diwan.registry.shelf import Shelf\n\n\n"
     "def plain(connection: list[Any]) -> Shelf:\n    return Shelf(connection, frozenset(), (), ...)",
     'expected "Pages"'),
    ("a role lets someone read", "people/role.py",
     "from diwan.terms.hand import Role\nfrom diwan.terms.reader import Reader\n\n\n"
     "def opened() -> Reader:\n    return Reader(\"a\", \"KWT\", roles=(Role.ADMINISTRATOR,))",
     'Unexpected keyword argument "roles" for "Reader"'),
    ("a label is widened in place", "intake/widen.py",
     "from diwan.terms.label import Label\n\n\ndef widen(label: Label) -> None:\n    label.categories = ()",
     'Property "categories" defined in "Label" is read-only'),
]  # fmt: skip

# What is tried, where it is written, what the code says, the rule that forbids it.
LINT = [
    ("web reaches the intake office", "web/office.py",
     "from diwan.house import House\n\n\ndef office(house: House) -> object:\n    return house._office", "SLF001"),
    ("web reaches the room's book", "web/booked.py",
     "from diwan.reading import ReadingRoom\n\n\ndef book(room: ReadingRoom) -> object:\n    return room._book",
     "SLF001"),
    ("web seals a cursor with the room's key", "web/keyed.py",
     "from diwan.reading import ReadingRoom\n\n\ndef key(room: ReadingRoom) -> object:\n    return room._key",
     "SLF001"),
    ("web makes the room release", "web/made.py",
     "from diwan.reading import ReadingRoom\nfrom diwan.terms.item import Entry\n\n\n"
     "def made(room: ReadingRoom, entry: Entry) -> object:\n    return room._release(entry)", "SLF001"),
    ("web spells the name out", "web/spelt.py",
     "from diwan.house import House\n\n\ndef office(house: House) -> object:\n    return getattr(house, \"_office\")",
     "B009"),
    ("web has the name fetched", "web/fetched.py",
     "from operator import attrgetter\n\nOFFICE = attrgetter(\"_office\")", "TID251"),
    ("the registry's shelf gives up what it keeps for itself", "reading/raw.py",
     "from diwan.registry.shelf import Shelf\n\n\ndef raw(shelf: Shelf) -> object:\n    return shelf._stood", "SLF001"),
    ("a desk imports by string", "desks/spare/watch.py",
     "import importlib\n\nBOOK = importlib.import_module(\"diwan.registry.book\")", "TID251"),
    ("a desk imports by string under another name", "desks/spare/acts.py",
     "from importlib import import_module as fetch\n\nBOOK = fetch(\"diwan.registry.book\")", "TID251"),
    ("a desk takes what others imported", "desks/spare/pages.py",
     "import sys\n\nBOOK = sys.modules[\"diwan.registry.book\"]", "TID251"),
    ("a desk has a module run", "desks/spare/routes.py",
     "import runpy\n\nBOOK = runpy.run_module(\"diwan.registry.book\")", "TID251"),
    ("a desk resolves a name", "desks/spare/kinds.py",
     "import pkgutil\n\nBOOK = pkgutil.resolve_name(\"diwan.registry.book:Book\")", "TID251"),
    ("a desk loads a file as a module", "desks/spare/parse.py",
     "from importlib.util import spec_from_file_location\n\nSPEC = spec_from_file_location", "TID251"),
    ("a desk looks through memory", "desks/spare/render.py",
     "import gc\n\nALL = gc.get_objects()", "TID251"),
    ("web has code run from a string", "web/run.py", "exec(\"import diwan.registry.book\")", "S102"),
    ("web has a string worked out", "web/worked.py",
     "def worked(text: str) -> object:\n    \"\"\"Work it out.\"\"\"\n    return eval(text)", "S307"),
    ("a desk hides an import in a function", "desks/spare/acts.py",
     "def later() -> object:\n    \"\"\"Import later.\"\"\"\n    from diwan.reading import Query\n    return Query",
     "PLC0415"),
    ("a desk writes SQL", "desks/spare/watch.py",
     "def asked(name: str) -> str:\n    \"\"\"Ask.\"\"\"\n    return f\"SELECT title FROM revision WHERE id={name}\"",
     "S608"),
    ("release asks what time it is", "release/hour.py",
     "from datetime import datetime\n\nNOW = datetime.now()", "DTZ005"),
    ("intake hides a refusal", "intake/hush.py",
     "def hush() -> None:\n    \"\"\"Hush.\"\"\"\n    try:\n        print()\n    except Exception:\n        pass",
     "BLE001"),
]  # fmt: skip

# What is tried, where it is written, what the code says, the name that must be told.
NAMES = [
    ("the command line decides release", "cli/quick.py", "from diwan.release.decide import open_gates", "open_gates"),
    ("accounts decide release", "people/decide.py", "from diwan.release.decide import admits as fits", "admits"),
    ("a page decides release", "web/decide.py", "from diwan.release import decide", "decide"),
    ("a desk decides release", "desks/spare/watch.py", "import diwan.release.decide", "diwan.release.decide"),
    ("the house decides release", "house/node.py", "from diwan.release.decide import reaches", "reaches"),
    ("the reading room decides release", "reading/decide.py", "from diwan.release.decide import *", "*"),
    ("web opens the house's book", "web/booked.py", "def f(house):\n    return house.book.own_pages()", ".book"),
    ("web keeps the house's book", "web/kept.py", "def f(house):\n    book = house.book\n    return book", ".book"),
    ("a desk opens the house's book", "desks/spare/acts.py", "def f(h):\n    return h.book.write(print)", ".book"),
    ("web looks into an object", "web/inside.py", "def f(room):\n    return room.__dict__", ".__dict__"),
    ("web looks into an object by a word", "web/vars.py", "def f(room):\n    return vars(room)", "vars"),
    ("web looks past an object", "web/past.py",
     "def f(room):\n    return object.__getattribute__(room, '_book')", ".__getattribute__"),
    ("web looks into a function", "web/cells.py", "def f(handler):\n    return handler.__closure__", ".__closure__"),
    ("web looks into a function's module", "web/around.py", "def f(h):\n    return h.__globals__", ".__globals__"),
    ("a desk imports by the builtin", "desks/spare/pages.py", "BOOK = __import__('diwan.registry.book')", "__import__"),
]  # fmt: skip

DECIDERS = {"admits", "next_turn", "open_gates", "reaches", "decide", "diwan.release.decide", "*"}
MAY_DECIDE = ("release", "registry/grants.py", "registry/classes.py", "intake")
INSIDES = {"__dict__", "__getattribute__", "__closure__", "__globals__", "__subclasses__", "f_locals"}
WORDS = {"vars", "globals", "locals", "__import__"}
OPENS_NO_BOOK = ("web", "desks", "exchange", "desk.py")


def test_every_attempt_that_the_import_map_forbids_is_named_by_its_contract(write: Write, run: Run) -> None:
    write("desks/spare/kinds.py", "ANY = 1")
    for _, file, code, _, _ in IMPORTS:
        write(file, code)

    _, said = run("lint-imports", "--no-cache", "--no-logo")

    broken = sections(said)
    assert [what for what, _, _, contract, line in IMPORTS if line not in broken.get(contract, "")] == []


def test_every_attempt_that_the_types_forbid_is_an_error_in_its_file(write: Write, run: Run) -> None:
    for _, file, code, _ in TYPES:
        write(file, code)

    _, said = run("mypy", "--cache-dir", ROOT / ".mypy_cache" / "walls")

    errors = [line for line in said.splitlines() if ": error:" in line]
    assert [what for what, file, _, told in TYPES if not any(at(file, line) and told in line for line in errors)] == []


def test_every_attempt_that_the_linter_forbids_is_an_error_in_its_file(write: Write, run: Run) -> None:
    for _, file, code, _ in LINT:
        write(file, code)

    _, said = run("ruff", "check", "--no-cache", "--output-format", "concise", "src")

    assert [what for what, file, _, rule in LINT if not any(
        at(file, line) and f" {rule} " in line for line in said.splitlines())] == []  # fmt: skip


def test_every_attempt_to_decide_release_or_to_look_inside_is_told_by_its_name(tree: Path, write: Write) -> None:
    for _, file, code, _ in NAMES:
        write(file, code)

    found = set(told(tree / "src" / "diwan"))

    assert [what for what, file, _, name in NAMES if (file, name) not in found] == []


@pytest.mark.parametrize(
    "wall",
    [
        ("lint-imports", "--no-cache"),
        ("mypy", "--cache-dir", ROOT / ".mypy_cache" / "walls"),
        # Not even where a comment waives the rule: these rules have no exceptions.
        ("ruff", "check", "--no-cache", "--ignore-noqa", "--select", "SLF,TID,S102,S307,S608,B009,DTZ", "src"),
    ],
    ids=lambda wall: wall[0],
)
def test_the_tree_as_it_is_passes_every_wall(run: Run, wall: tuple[object, ...]) -> None:
    assert run(*wall)[0] == 0, run(*wall)[1]


def test_release_is_decided_in_one_package_and_nothing_looks_inside_what_it_is_lent() -> None:
    assert list(told(ROOT / "src" / "diwan")) == []


def test_the_import_map_makes_no_exceptions() -> None:
    assert "ignore_imports" not in (ROOT / ".importlinter").read_text("utf-8")


def test_every_waiver_in_the_source_says_which_rule_and_why() -> None:
    bare = re.compile(r"#\s*noqa\b(?!: [A-Z]+\d+(, [A-Z]+\d+)* -- \w)|#\s*type: ignore\b(?!\[[a-z-]+\])")

    waived = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / "src").rglob("*.py"))
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if bare.search(line)
    ]

    assert waived == []


def sections(said: str) -> dict[str, str]:
    """What the import map says of each broken contract, by the contract's name."""
    _, _, broken = said.partition("Broken contracts\n")
    parts = re.split(r"^(.+)\n-{5,}$", broken, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def at(file: str, line: str) -> bool:
    return line.startswith(f"src/diwan/{file}:")


def told(source: Path) -> Iterator[tuple[str, str]]:
    """Each (file, name) by which a file decides release, opens the book, or looks inside what it was lent."""
    for file in sorted(source.rglob("*.py")):
        name = file.relative_to(source).as_posix()
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        for node in nodes:
            if not name.startswith(MAY_DECIDE):
                yield from ((name, asked) for asked in _imported(node) if asked in DECIDERS)
            if isinstance(node, ast.Attribute) and node.attr in INSIDES:
                yield name, f".{node.attr}"
            if isinstance(node, ast.Name) and node.id in WORDS:
                yield name, node.id
        if name.startswith(OPENS_NO_BOOK):
            yield from ((name, ".book") for _ in range(_books(nodes)))


def _books(nodes: list[ast.AST]) -> int:
    """How often the book is opened or kept, and not just handed on to accounts, which may have it."""
    handed_on = {id(given) for node in nodes if isinstance(node, ast.Call) for given in node.args}
    books = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "book"]
    return sum(id(node) not in handed_on for node in books)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module in ("diwan.release", "diwan.release.decide"):
        yield from (alias.name for alias in node.names)
