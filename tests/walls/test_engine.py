"""The wall in SQLite: what a reading connection answers, and everything else, which it refuses."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files

import pytest

from diwan.intake import change
from diwan.intake.office import Office
from diwan.intake.take import take, take_all
from diwan.registry import segments
from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.registry.engines import sqlite_wall
from diwan.registry.engines.sqlite import Sqlite
from diwan.registry.engines.sqlite_file import REGISTER, WORDS
from diwan.registry.engines.sqlite_wall import Pages, reading_connection
from diwan.registry.grants import Grant
from diwan.registry.search import find
from diwan.registry.shelf import Shelf
from diwan.registry.versions import Pick, held
from diwan.release.ceiling import Ceiling, Height
from diwan.sealing.keys import Signer
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Link, Part, Ref, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

AUDIENCES = (("KWT",), ("KWT", "QAT"), ("KWT", "QAT", "JOR"), ("KWT", "JOR"))

BASE = """
state policy membership label gate item revision part batch signing_key stand head counter alias link mention tail
reader_class seat gate_grant note leaf node account ticket shape gate_label
""".split()  # noqa: SIM905 -- a list of its own for each would be a page
"""Every table of the register but `mile`, which holds bare positions; `state` is offered, whole, as `fact`."""

FILTERED = [name for name, select in sqlite_wall.VIEWS.items() if "temp." in select]

ATTEMPTS = {
    "a list of titles": "SELECT title FROM revision LIMIT 1",
    "a list by the table's full name": "SELECT title FROM main.revision LIMIT 1",
    "a count": "SELECT count(*) FROM revision",
    "a count of one column": "SELECT count(title) FROM revision",
    "a bare row number": "SELECT rowid FROM stand LIMIT 1",
    "a row number by another name": "SELECT _rowid_ FROM revision LIMIT 1",
    "nothing but that rows are there": "SELECT 1 FROM stand LIMIT 1",
    "a maximum": "SELECT max(since) FROM stand",
    "whether something exists": "SELECT EXISTS(SELECT 1 FROM revision WHERE title LIKE '%note%')",
    "whether something exists, beside a view": "SELECT since FROM by_gate WHERE EXISTS(SELECT 1 FROM revision)",
    "a join from a view": "SELECT r.title FROM by_gate s JOIN revision r ON r.position > s.since",
    "a left join from a view": "SELECT s.since FROM by_gate s LEFT JOIN stand o ON o.item = s.item",
    "a natural join": "SELECT * FROM by_gate NATURAL JOIN stand",
    "a cross join that counts": "SELECT count(*) FROM fact CROSS JOIN revision",
    "a union": "SELECT since FROM by_gate UNION ALL SELECT since FROM stand",
    "a difference": "SELECT since FROM by_gate EXCEPT SELECT since FROM stand",
    "an intersection": "SELECT since FROM by_gate INTERSECT SELECT since FROM stand",
    "a value from elsewhere": "SELECT (SELECT title FROM revision r WHERE r.position = s.since + 1) FROM by_gate s",
    "an order from elsewhere": "SELECT since FROM by_gate ORDER BY (SELECT max(position) FROM revision)",
    "a limit from elsewhere": "SELECT 1 FROM fact LIMIT (SELECT number FROM item)",
    "a filter from elsewhere": "SELECT since FROM by_gate WHERE gate IN (SELECT gate FROM stand)",
    "a group from elsewhere": "SELECT count(*) FROM by_gate GROUP BY (SELECT gate FROM stand)",
    "a window over the table": "SELECT row_number() OVER (ORDER BY since) FROM stand",
    "a named query": "WITH x AS (SELECT title FROM revision) SELECT * FROM x",
    "a named query under a view's name": "WITH by_gate AS (SELECT since FROM stand) SELECT * FROM by_gate",
    "a kept query under a view's name": "WITH text AS MATERIALIZED (SELECT title FROM revision) SELECT * FROM text",
    "a table under a view's name": "SELECT text.title FROM main.revision AS text",
    "a sub-select under a view's name": "SELECT title FROM (SELECT title FROM revision) AS text",
    "a sub-select whose columns are not used": "SELECT 1 FROM (SELECT title FROM revision) AS text",
    "a recursion over the table": "WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT since FROM stand, r) SELECT * FROM r",
    "a sub-select in a value": "SELECT CASE WHEN (SELECT count(*) FROM stand) > 5 THEN 1 END",
    "a sub-select in a function": "SELECT coalesce((SELECT title FROM revision), 1)",
    "all titles in one": "SELECT group_concat(title) FROM revision",
    "an index by name": "SELECT since FROM stand INDEXED BY stand_open WHERE until IS NULL AND gate = 1",
    "the schema": "SELECT sql FROM sqlite_master",
    "the schema by its new name": "SELECT sql FROM sqlite_schema",
    "the schema of what is temporary": "SELECT sql FROM sqlite_temp_master",
    "the schema of the words": "SELECT sql FROM words.sqlite_master",
    "the statistics": "SELECT * FROM sqlite_stat1",
    "the pages": "SELECT * FROM dbstat",
    "the raw pages": "SELECT * FROM sqlite_dbpage",
    "the columns": "PRAGMA table_info(revision)",
    "the columns by function": "SELECT * FROM pragma_table_info('revision')",
    "the databases": "PRAGMA database_list",
    "the change counter": "PRAGMA data_version",
    "the size": "PRAGMA page_count",
    "the schema opened": "PRAGMA writable_schema=ON",
    "what is open": "SELECT gate FROM temp.allowed",
    "one gate more": "INSERT INTO temp.allowed VALUES(1)",
    "all gates": "INSERT OR IGNORE INTO allowed SELECT number FROM gate",
    "another gate": "UPDATE temp.allowed SET gate = 1",
    "gates forgotten": "DELETE FROM temp.ever",
    "the list of gates dropped": "DROP TABLE temp.allowed",
    "a view dropped": "DROP VIEW temp.by_gate",
    "a view of one's own": "CREATE TEMP VIEW mine AS SELECT * FROM main.revision",
    "a table of one's own": "CREATE TEMP TABLE mine AS SELECT * FROM main.revision",
    "a trigger": "CREATE TEMP TRIGGER mine AFTER INSERT ON allowed BEGIN SELECT 1; END",
    "a view renamed": "ALTER TABLE temp.allowed RENAME TO closed",
    "another file": "ATTACH DATABASE ':memory:' AS beside",
    "the same file again": "ATTACH DATABASE 'register.db' AS again",
    "the words let go": "DETACH DATABASE words",
    "a copy to a file": "VACUUM INTO '/tmp/never-written.db'",
    "an analysis": "ANALYZE",
    "an index anew": "REINDEX",
    "an extension": "SELECT load_extension('mod_any')",
    "a virtual table": "CREATE VIRTUAL TABLE temp.v USING fts5(a)",
    "a write": "UPDATE revision SET title = ''",
    "a new row": "INSERT INTO state VALUES('x', 1)",
    "a deletion": "DELETE FROM stand",
    "the plan of a list": "EXPLAIN QUERY PLAN SELECT title FROM revision",
    "the program of a list": "EXPLAIN SELECT title FROM revision",
    "postings by gate": "SELECT since FROM words.posting_by_gate",
    "postings by time": "SELECT since FROM posting_by_time",
    "a count of postings": "SELECT count(*) FROM words.posting_by_time",
    "postings joined to a view": "SELECT p.term FROM by_time s JOIN words.posting_by_gate p ON p.since = s.since",
    "the tail": "SELECT terms FROM tail",
    "versions from the table": "SELECT value, version FROM alias WHERE version <> ''",
    "a newer version anywhere": "SELECT since FROM version_by_time a WHERE EXISTS"
    " (SELECT 1 FROM alias n WHERE n.value = a.value AND n.version > a.version)",
    "versions in another order": "SELECT since FROM version_by_gate ORDER BY (SELECT max(version) FROM alias)",
    "bytes beside a version": "SELECT (SELECT data FROM part) FROM version_by_time",
    "bytes by the number of their row": "SELECT p.data FROM version_by_name a JOIN part p ON p.number = a.since",
    "the item beside a version": "SELECT (SELECT id FROM item) FROM version_by_gate",
    "versions under a view's name": "WITH version_by_gate AS (SELECT * FROM alias) SELECT * FROM version_by_gate",
    "how many come with an opening": "SELECT count(*) FROM stand s WHERE s.since < (SELECT max(since) FROM stood)",
    "what a desk noted": "SELECT s.since, n.value FROM by_gate s CROSS JOIN note n",
    "a date that tells": "SELECT since FROM by_gate WHERE since > (SELECT max(since) FROM stand) - 1",
    **{f"a row of {table}": f"SELECT * FROM main.{table}" for table in BASE if table != "state"},
    **{f"the rows of {table} counted": f"SELECT count(*) FROM main.{table}" for table in BASE if table != "state"},
}


class Time:
    """A clock that goes on by a millisecond whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 1_485_244_800_000_000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


def label(*parties: str) -> Label:
    audience = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties)
    return Label("TLP", "UNCLASSIFIED", (audience,), Handling(tlp="TLP:AMBER"))


def note(number: int, parent: Ref | None = None) -> Draft:
    return Draft(
        kind=("crisis.alert", "network.party")[number % 2],
        title=f"note {number}",
        parts=(Part("note.txt", "text/plain", b"note %d" % number),),
        text=("common", f"word{number % 7}"),
        facets=(("severity", ("Minor", "Severe")[number % 2]),),
        values=(f"incident={number % 5}",),
        aliases=(Alias("cap", f"note-{number}"),),
        version=Version("2017"),
        links=(Link("updates", Alias("cap", f"note-{number - 1}")),),
        parent=parent,
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Entries of KWT for four audiences; some under others, some moved, some withdrawn, the older half indexed."""
    clock = Time()
    opened = Book(tmp_path_factory.mktemp("node"), clock=clock, chance=Chance(3), synchronous="OFF")
    signer = Signer(b"k" * 32)
    ceiling = Ceiling("this node", (Height("TLP", "UNCLASSIFIED"),))
    office = Office(opened, {"KWT": signer}, ceiling, {Role.DUTY_OFFICER: ceiling})
    hand = Hand(Reader("officer", "KWT"), frozenset({Role.DUTY_OFFICER}))
    policy = (files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8")
    opened.write(lambda ink: ink.install_policy("TLP", policy))
    opened.write(lambda ink: ink.publish_key("KWT", signer.kid, signer.public))
    refs = []
    for start in (0, 40):
        drafts = [(note(n), label(*AUDIENCES[n % 4])) for n in range(start, start + 40)]
        refs += [ref for one in take_all(office, hand, drafts, originator="KWT") for ref in one.refs]  # type: ignore[union-attr]
        if start == 0:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(segments, "_COMMON", 8)  # so that lists by gate are kept of these few entries too
                opened.words.catch_up(everything=True)
    for n in range(80, 88):
        take(office, hand, note(n, parent=refs[n % 4]), label(*AUDIENCES[n // 2 % 4]), originator="KWT")
    for n in range(8, 16):
        change.relabel(office, hand, refs[n], label(*AUDIENCES[(n + 1) % 4]))
        change.rectify(office, hand, note(n), refs[n])
    for n in range(16, 20):
        change.recall(office, hand, refs[n])
    yield opened
    opened.close()


@pytest.fixture
def open_to_qatar(book: Book) -> tuple[frozenset[int], frozenset[int]]:
    """The gates that are open to QAT, and one that was."""
    with book.shelf(Reader("q", "QAT"), World.ACTUAL) as opened:
        gates = opened.shelf.gates
    every = {number for (number,) in _plain(book).execute("SELECT number FROM gate")}
    return gates, frozenset({min(every - gates)})


@pytest.fixture
def pages(book: Book, open_to_qatar: tuple[frozenset[int], frozenset[int]]) -> Iterator[Pages]:
    connection = reading_connection(book.folder, *open_to_qatar)
    yield connection
    connection.close()


def _plain(book: Book) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{book.folder / REGISTER}?mode=ro", uri=True)
    connection.execute("ATTACH DATABASE ? AS words", [f"file:{book.folder / WORDS}?mode=ro"])
    return connection


def answers(shelf: Shelf) -> dict[str, object]:
    """Every question that a shelf can be asked, of every item, alias, value and word there is, and what it answers."""
    everything = range(1, 120)
    positions = shelf.newest(None, 500, 1.0)
    said: dict[str, object] = {
        "facts": shelf.facts(),
        "newest": (positions, shelf.newest(None, 7, 0.0), shelf.newest(positions[10], 7, 1.0)),
        "oldest": (shelf.oldest(0, 500, 0.0), shelf.oldest(0, 9, 1.0), shelf.oldest(positions[30], 9, 1.0)),
        "newest change": shelf.newest_change(),
        "density": shelf.density(),
        "count": (shelf.count(None), shelf.count("crisis.alert"), shelf.kinds()),
        "entries": shelf.entries(positions),
        "filed": shelf.filed(positions),
        "items at": shelf.items_at(positions),
        "links": [(shelf.links_from(position), shelf.mentions(position)) for position in positions],
        "aliases": shelf.aliases(positions),
        "between": (shelf.between(0, 1 << 62, 500), shelf.between(0, 1 << 62, 500, only=sorted(shelf.gates)[:2])),
        "ended": shelf.ended_after(0, 500),
        "stood behind": [shelf.stood_behind(gate, positions[0], 0, 500) for gate in everything],
        "stood": [shelf.stood(item) for item in everything],
        "standing": shelf.standing(everything),
        "children": [shelf.children(item, 50) for item in everything],
        "history": [shelf.history(item) for item in everything],
        "known as": [shelf.known_as(f"cap:note-{n}") for n in everything],
        "linked": [shelf.links_to(f"cap:note-{n}", 50) for n in everything],
        "mentioning": [shelf.mentioning(f"incident={n}", 500, 1.0) for n in range(5)],
        "fresh hits": shelf.fresh_hits([" common "], 0, 1 << 62, 500, newest=False),
        "search": [find(shelf, [word], None, 500, density, newest=True)
                   for word in ("common", "word3", "kind=crisis.alert") for density in (0.001, 1.0)],
    }  # fmt: skip
    said["versions"] = [
        held(shelf, Pick(scheme="cap", which=which, names=names, ids=True), 0, 1 << 62, 500, density)
        for which in (("last",), ("all",))
        for names in (None, tuple(f"note-{n}" for n in everything))
        for density in (0.001, 1.0)
    ]
    said["ranks"] = [
        (shelf.placed([gate], positions[0], 0, 500), shelf.rank([gate], positions[0], positions[5]))
        for gate in everything
    ]
    said["gates"] = [shelf.gate(entry.gate) for entry in shelf.entries(positions)]
    said["points"] = [(shelf.get(e.ref), shelf.item(e.ref), shelf.parent(e.ref)) for e in shelf.entries(positions)]
    said["sealed"] = [shelf.sealed(entry.revision_position) for entry in shelf.entries(positions)]
    said["parts"] = [sorted(_parts(shelf, item)) for item in everything]
    said["names"] = [shelf.once_named(item) for _, item in shelf.ended_after(0, 500)]
    return said


def _parts(shelf: Shelf, item: int) -> list[bytes]:
    return [bytes(data) for (data,) in shelf.ask("SELECT data FROM bytes WHERE item=?", [item])]  # type: ignore[arg-type]


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_reading_connection_refuses(pages: Pages, attempt: str) -> None:
    with pytest.raises(sqlite3.DatabaseError):
        pages.execute(attempt).fetchall()


def test_the_attempts_are_refused_by_the_wall_and_not_for_being_wrong(book: Book) -> None:
    """On a plain connection all of them are answered, but what no reading connection of any kind could do."""
    plain = _plain(book)
    plain.execute("CREATE TEMP TABLE allowed(gate INTEGER PRIMARY KEY)")
    plain.execute("CREATE TEMP TABLE ever(gate INTEGER PRIMARY KEY)")
    for name, select in sqlite_wall.VIEWS.items():
        plain.execute(f"CREATE TEMP VIEW {name} AS {select}")

    unanswered = {
        name
        for name, attempt in ATTEMPTS.items()
        if attempt.startswith(("SELECT", "WITH")) and not _answers(plain, attempt)
    }

    assert unanswered <= {"the statistics", "the pages", "the raw pages", "an extension"}


def _answers(connection: sqlite3.Connection, query: str) -> bool:
    try:
        connection.execute(query).fetchall()
    except sqlite3.DatabaseError:
        return False
    return True


def test_every_table_there_is_was_tried_or_holds_nothing_of_an_item(book: Book) -> None:
    tables = {name for (name,) in _plain(book).execute("SELECT name FROM sqlite_master WHERE type='table'")}

    assert tables - set(BASE) == {"mile"}


def test_the_secret_names_of_the_inner_views_are_refused_even_to_one_who_knows_them(pages: Pages) -> None:
    pages._moves = True
    names = [name for (name,) in pages.execute("SELECT name FROM sqlite_temp_master WHERE type='view'")]
    pages._moves = False
    secret = [name for name in names if re.fullmatch(r"\w+_[0-9a-f]{16}", name)]

    assert len(secret) == len(sqlite_wall.VIEWS)
    for name in secret:
        with pytest.raises(sqlite3.DatabaseError):
            pages.execute(f"SELECT * FROM {name}").fetchall()


def test_two_connections_share_no_secret_name(book: Book) -> None:
    first, second = (reading_connection(book.folder, {1}, ()) for _ in range(2))
    names = []
    for connection in (first, second):
        connection.set_authorizer(None)
        names.append(
            {name for (name,) in connection.execute("SELECT name FROM sqlite_temp_master")} - sqlite_wall.VIEWS.keys()
        )
        connection.close()

    assert names[0] & names[1] == {"allowed", "ever"}


def test_a_reading_connection_cannot_write_even_with_its_guard_taken_off(pages: Pages) -> None:
    pages.set_authorizer(None)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        pages.execute("UPDATE revision SET title=''")


def test_ordinary_questions_are_answered_as_on_an_unguarded_connection(
    pages: Pages, book: Book, open_to_qatar: tuple[frozenset[int], frozenset[int]]
) -> None:
    unguarded = reading_connection(book.folder, *open_to_qatar)
    unguarded.set_authorizer(None)
    gates = open_to_qatar[0]

    guarded = answers(Shelf(pages, gates, (), Sqlite.merging))

    assert guarded == answers(Shelf(unguarded, gates, (), Sqlite.merging))
    assert all(guarded.values())
    unguarded.close()


@pytest.mark.parametrize("closed", [frozenset[int](), frozenset({10**6})], ids=["none", "unknown"])
def test_a_connection_with_no_gate_open_answers_every_question_with_nothing(book: Book, closed: frozenset[int]) -> None:
    pages = reading_connection(book.folder, closed, ())
    shelf = Shelf(pages, closed, (), Sqlite.merging)
    last = 1 << 62

    assert (shelf.newest(None, 500, 1.0), shelf.oldest(0, 500, 1.0), shelf.count(None), shelf.kinds()) == (
        [],
        [],
        0,
        {},
    )
    assert (shelf.between(0, last, 500), shelf.ended_after(0, 500), shelf.density()) == ([], [], 0.0)
    assert find(shelf, ["common"], None, 500, 1.0, newest=True) == []
    assert shelf.newest_change() == 0
    for name in FILTERED:
        assert pages.execute(f"SELECT * FROM {name}").fetchall() == []
    pages.close()


def test_without_the_applications_filter_the_wall_alone_keeps_the_answers_the_same(
    pages: Pages, open_to_qatar: tuple[frozenset[int], frozenset[int]]
) -> None:
    """A shelf that believes every gate to be open, and every grant to have opened, shows nothing more."""
    gates, once = open_to_qatar
    believing = Shelf(
        pages, frozenset(range(1, 200)), tuple(Grant(gate, 1, None) for gate in range(1, 200)), Sqlite.merging
    )
    knowing = Shelf(pages, gates, (), Sqlite.merging)

    believed, known = answers(believing), answers(knowing)

    # Which two of the gates are the first is what the question says, not what is behind them.
    assert believed.pop("between")[0] == known.pop("between")[0]  # type: ignore[index]
    assert believed == known
    assert believing.between(0, 1 << 62, 500, only=sorted(once)) == []


@pytest.mark.parametrize("view", sorted(FILTERED))
def test_every_views_filter_holds_something_back(
    monkeypatch: pytest.MonkeyPatch,
    book: Book,
    pages: Pages,
    open_to_qatar: tuple[frozenset[int], frozenset[int]],
    view: str,
) -> None:
    """Were a view to lose its filter, it would show more: none of them is there in vain, and none is untested."""
    loose = re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite_wall.VIEWS[view])
    monkeypatch.setitem(sqlite_wall.VIEWS, view, loose)

    leaking = reading_connection(book.folder, *open_to_qatar)

    assert set(leaking.execute(f"SELECT * FROM {view}")) > set(pages.execute(f"SELECT * FROM {view}"))
    leaking.close()


def test_views_without_a_filter_hold_nothing_of_any_item() -> None:
    assert sorted(set(sqlite_wall.VIEWS) - set(FILTERED)) == ["common", "fact", "milestone", "segments"]


def test_gates_that_were_open_once_show_what_stood_there_and_nothing_it_says(
    book: Book, open_to_qatar: tuple[frozenset[int], frozenset[int]]
) -> None:
    pages = reading_connection(book.folder, (), open_to_qatar[1])
    past = {"ended", "stood", "once_named"}

    shown = {name for name in FILTERED if pages.execute(f"SELECT * FROM {name}").fetchall()}

    assert shown == past
    pages.close()


def test_admitting_a_gate_shows_what_is_behind_it_and_leaves_the_wall_standing(
    pages: Pages, open_to_qatar: tuple[frozenset[int], frozenset[int]]
) -> None:
    before = pages.execute("SELECT count(*) FROM by_gate").fetchone()[0]

    pages.admit(open_to_qatar[0] | open_to_qatar[1], ())

    assert pages.execute("SELECT count(*) FROM by_gate").fetchone()[0] > before
    with pytest.raises(sqlite3.DatabaseError):
        pages.execute("SELECT count(*) FROM stand")


def test_a_wall_that_was_moved_shows_what_one_built_there_shows(
    book: Book, pages: Pages, open_to_qatar: tuple[frozenset[int], frozenset[int]]
) -> None:
    """A connection is lent to another reader class by moving its wall: of the first, nothing may stay."""
    allowed, once = open_to_qatar
    elsewhere = max(allowed | once) + 1
    for gates in ((once, frozenset()), (frozenset({elsewhere}), once), (frozenset(), frozenset()), (allowed, once)):
        pages.admit(*gates)
        built = reading_connection(book.folder, *gates)

        for view in sqlite_wall.VIEWS:
            assert sorted(map(str, pages.execute(f"SELECT * FROM {view}"))) == sorted(
                map(str, built.execute(f"SELECT * FROM {view}"))
            ), view
        built.close()


@pytest.mark.parametrize("table", ["allowed", "ever"])
def test_what_moved_the_wall_cannot_be_said_again(
    pages: Pages, open_to_qatar: tuple[frozenset[int], frozenset[int]], table: str
) -> None:
    """What was prepared while the wall moved is kept by its text, and asked again without leave."""
    pages.admit(frozenset(), frozenset())
    pages.admit(*open_to_qatar)

    for text in (move.format(table) for move in sqlite_wall.MOVES):
        for said in (text, f"{text} -- ", f"{text} -- 0"):
            with pytest.raises(sqlite3.DatabaseError):
                pages.execute(said, ["[1]"])


def test_a_wall_is_moved_by_as_many_statements_however_many_gates_there_are(pages: Pages) -> None:
    """With each the interpreter is given away and waited for: a statement a gate, and a busy node stood still."""
    said: list[str] = []
    pages.set_trace_callback(said.append)
    counts = []

    for gates in (range(1, 3), range(3, 1003), range(1, 1003)):
        pages.admit(frozenset(gates), frozenset())
        counts.append(len(said))
        said.clear()

    assert counts == [counts[0]] * 3


@pytest.mark.parametrize("table", ["item", "revision", "part", "stand", "alias", "link", "mention", "tail", "label",
                                   "gate", "head", "counter", "mile", "seat", "sqlite_master"])  # fmt: skip
def test_the_houses_own_pages_refuse_what_holds_anything_of_an_item(book: Book, table: str) -> None:
    with book.own_pages() as own:
        for query in (f"SELECT * FROM {table}", f"SELECT count(*) FROM {table}"):
            with pytest.raises(sqlite3.DatabaseError):
                own.execute(query)
