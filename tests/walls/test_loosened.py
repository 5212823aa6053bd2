"""One line of the source is loosened at a time; the drill, run on that source, must name the promise that broke."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRILL = Path(__file__).parent / "drill.py"

# What is loosened, in which file, the line as it is, the line as it then is, the check that must notice.
LOOSENED = [
    ("a counter is read from the base table", "registry/shelf.py", 'FROM open_counter", []', 'FROM counter", []',
     "count"),
    ("a list is read from the base table", "registry/shelf.py", '            "by_gate",', '            "stand",',
     "list"),
    ("an item is read from the base table", "registry/shelf.py", "FROM named n JOIN by_item s",
     "FROM item n JOIN by_item s", "point"),
    ("bytes are read from the base table", "registry/shelf.py", "FROM bytes WHERE", "FROM part WHERE", "parts"),
    ("search reads the base table", "registry/search.py", "{joined} filed t", "{joined} main.revision t", "search"),
    ("search reads the postings past the wall", "registry/search.py", "else 'words_by_time'",
     "else 'words.posting_by_time'", "search"),
    ("a view forgets its gates", "registry/engines/sqlite_wall.py",
     'INDEXED BY stand_open"\n    f" WHERE until IS NULL AND gate {_ALLOWED}"',
     'INDEXED BY stand_open"\n    f" WHERE until IS NULL"', "list"),
    ("the text behind other gates is shown",
     "registry/engines/sqlite_wall.py", '    f" WHERE r.gate {_ALLOWED}",\n    "filed"',
     '    "",\n    "filed"', "history"),
    ("the wall lets everything through", "registry/engines/sqlite_wall.py",
     "return sqlite3.SQLITE_OK if through else sqlite3.SQLITE_DENY", "return sqlite3.SQLITE_OK", "base tables"),
    ("gates that were open once stay open", "registry/engines/sqlite_wall.py", "(SELECT gate FROM temp.allowed)",
     "(SELECT gate FROM temp.ever)", "lost"),
    ("a withdrawn item still stands", "registry/engines/sqlite_wall.py",
     'INDEXED BY stand_item"\n    f" WHERE until IS NULL AND gate', 'INDEXED BY stand_item"\n    f" WHERE gate',
     "told"),
    ("the house's own pages show items", "registry/engines/sqlite_wall.py",
     "own = action in _FREE or", "own = True or", "own pages"),
    ("no audience is needed", "release/decide.py",
     "        return all(not held[c.tag].isdisjoint(c.values) for c in label.categories if c.tag in held)",
     "        return True", "list"),
    ("no clearance is needed", "release/decide.py", "return not cleared or holding.clearance(label)", "return True",
     "clearance"),
    ("the first label of a gate is enough", "release/decide.py", "for stand in gate.stands:",
     "for stand in gate.stands[:1]:", "point"),
    ("a succession never comes", "release/decide.py", "label.succession is not None and label.succession.at <= now",
     "False", "a date"),
    ("a seat is never looked at again", "registry/stacks.py", "if seat.holds(facts, pages.life, self._clock()):",
     "if True:", "lost"),
    ("a seat outlives its date", "registry/grants.py", " and (self.turns is None or now < self.turns)\n", "\n",
     "a date"),
    ("a seat is kept by the reader's name alone", "registry/stacks.py", "if known and known[0] == reader else",
     "if known else", "clearance"),
    ("a connection is lent on with more than is open", "registry/engines/sqlite.py",
     "elif (pages.allowed, pages.once) != (allowed, once):", "elif False:", "lost"),
    ("a wall that is moved lets through what it did", "registry/engines/sqlite_wall.py",
     "for gates in (stood - wanted, wanted - stood))", "for gates in (set(), wanted - stood))", "lost"),
    ("worlds mix", "registry/stacks.py", "allowed = seat.open[world]",
     "allowed = frozenset().union(*seat.open.values())",
     "worlds"),
    ("losses are not recorded", "registry/grants.py", "lost=was_open - is_open", "lost=frozenset()", "told"),
    ("history moves without its own label", "registry/ink.py",
     "behind = Gate(current.world, (*current.stands, Stand(originator, unpack(label))))", "behind = current",
     "history"),
    ("aliases collide across gates", "registry/found.py", "AND a.gate=? AND a.originator=?",
     "AND ? AND a.originator=?", "a hidden twin"),
    ("a cursor fits any list", "reading/cursor.py", "[about.encode()]", "[b'']", "cursor"),
    ("a cursor fits any reader", "reading/room.py", 'f"{what}|{self.reader.id}|', 'f"{what}|', "cursor"),
    ("anyone may ask whom an item reaches", "reading/room.py", "if item.ref.originator != self.reader.party:",
     "if False:",
     "reach"),
    ("an item needs no seal", "reading/released.py",
     "if self.seal != Seal(self.ref, self.revision_position, self.to):", "if False:", "forged"),
    ("a child leaves its parent's gate", "intake/office.py", "*(parent.stands if parent else ())", "", "point"),
    ("children stay when their parent narrows", "registry/ink.py",
     "under = self._under(before.item)\n", "under = list[Standing]()\n",
     "relabelled"),
    ("anyone enters in any name", "intake/office.py", "if hand.reader.party != originator:", "if False:",
     "in another's name"),
    ("a label at fault is taken", "intake/office.py", "if faults := policy.faults(label):", "if faults := ():",
     "an empty label"),
    ("the node has no ceiling", "intake/office.py", "if above := reasons(label, [office.node_ceiling], rules):",
     "if above := ():", "above a ceiling"),
    ("a role has no ceiling", "intake/office.py",
     "if not any(not reasons(label, [ceiling], rules) for ceiling in ceilings):", "if False:", "above a ceiling"),
    ("one may enter what one may not read", "intake/office.py",
     "if not admits(hand.reader, Stand(hand.reader.party, label), rules, office.book.clock()):", "if False:",
     "above one's clearance"),
    ("one may enter under what one may not read", "intake/take.py",
     "if not open_gates(self._hand.reader, {0: above}, self._rules, self._ink.now()):", "if False:",
     "under what one may not read"),
    ("one may change what one may not read", "intake/change.py",
     "if not open_gates(hand.reader, {0: ink.gate(standing.gate)}, rules, ink.now()):", "if False:",
     "what one may not read"),
    ("intake tells of items its hand may not read", "intake/neighbours.py",
     "self._gates[number] = gate if reads else None", "self._gates[number] = gate", "what is named beyond"),
    ("versions behind other gates are found by name", "registry/engines/sqlite_wall.py",
     "FROM main.alias a WHERE a.version <> '' AND a.gate {_ALLOWED}", "FROM main.alias a WHERE a.version <> ''",
     "arrivals by name"),
    ("a hidden version supersedes", "registry/engines/sqlite_wall.py",
     'written, content FROM main.alias"\n    f" WHERE gate {_ALLOWED}"', 'written, content FROM main.alias"',
     "arrivals"),
    ("what is mentioned behind other gates is seen", "registry/engines/sqlite_wall.py",
     "FROM main.mention NOT INDEXED WHERE gate {_ALLOWED}", "FROM main.mention NOT INDEXED", "related"),
    ("arrivals are read from the base table", "registry/versions.py", "FROM {view} a WHERE", "FROM alias a WHERE",
     "arrivals"),
    ("arrivals need no seal", "reading/released.py",
     'if self.seal != Seal(Ref("", "arrivals"), len(self.found), self.to):', "if False:", "forged"),
    ("anyone's word makes a member", "registry/law.py",
     " if keeper_of(policies, said.framework) == originator", "", "a claim"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "firm", "loose", "noticed"), [one[1:] for one in LOOSENED], ids=[one[0] for one in LOOSENED]
)
def test_a_loosened_line_is_noticed_by_the_drill(tree: Path, file: str, firm: str, loose: str, noticed: str) -> None:
    source = tree / "src" / "diwan" / file
    text = source.read_text("utf-8")
    assert firm in text, f"{file} no longer says {firm!r}: say what is loosened now"
    source.write_text(text.replace(firm, loose), "utf-8")

    assert noticed in [line.partition(":")[0] for line in drill(tree)]


def test_the_drill_finds_nothing_in_the_source_as_it_is(tree: Path) -> None:
    assert drill(tree) == []


def drill(tree: Path) -> list[str]:
    """Run the drill on the source in `tree`; every failed check with what was found instead."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, DRILL, tree / "node"], env=environment, capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()
