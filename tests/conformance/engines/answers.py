"""Every question a shelf can be asked, and what it answers, as values that compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from filled import HARD, note

from diwan.registry.search import find
from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.versions import Pick, held, held_at
from diwan.registry.words import terms_of
from diwan.terms.errors import NotFound
from diwan.terms.item import Ref

DENSITIES: Final = (1e-6, 1.0)
ITEMS: Final = range(1, 130)
GATES: Final = range(1, 60)
WORDS: Final = ("common", "word3", "kind=crisis.alert", "severity=minor", "nothing", "?", "''", "$1")


class Asked:
    """One shelf, with what its questions are about."""

    def __init__(self, shelf: Shelf, refs: Iterable[Ref]) -> None:
        self.shelf = shelf
        self.refs = list(refs)
        self.places = shelf.newest(None, 500, 1.0)
        self.entries = shelf.entries(self.places)
        self.names = sorted({name for names in shelf.aliases(self.places).values() for name in names})


def _tried(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (NotFound, TypeError) as refusal:  # a row that is not there is no tuple
        return type(refusal).__name__


def _positions(a: Asked) -> list[int]:
    return [0, *a.places[::9], NEVER]


def _terms(a: Asked) -> list[list[str]]:
    hard = [sorted(terms_of(note(n), "KWT").split())[:3] for n in range(len(HARD))]
    return [[], *([word] for word in WORDS), ["common", "word3"], *hard]


QUESTIONS: Final[dict[str, Callable[[Asked], Any]]] = {
    "facts": lambda a: a.shelf.facts(),
    "density": lambda a: a.shelf.density(),
    "newest": lambda a: [
        a.shelf.newest(at, n, d, low)
        for at in (None, *a.places[::11])
        for n in (1, 7, 500)
        for d in DENSITIES
        for low in (0, a.places[-3] if len(a.places) > 3 else 0)
    ],
    "oldest": lambda a: [
        a.shelf.oldest(at, n, d, end)
        for at in _positions(a)
        for n in (1, 7, 500)
        for d in DENSITIES
        for end in (None, *a.places[:3])
    ],
    "reads_in_time": lambda a: [len(a.shelf.gates)],  # the engine's own measure of a plan, and no answer
    "edge": lambda a: [
        a.shelf.edge(at, n, down=down) for at in _positions(a) for n in (1, 900) for down in (True, False)
    ],
    "newest_change": lambda a: a.shelf.newest_change(),
    "anything_after": lambda a: [a.shelf.anything_after(at) for at in _positions(a)],
    "entries": lambda a: (a.entries, a.shelf.entries([5, *a.places[::-3], 7])),
    "get": lambda a: [a.shelf.get(ref) for ref in a.refs],
    "item": lambda a: [a.shelf.item(ref) for ref in a.refs],
    "parent": lambda a: [a.shelf.parent(ref) for ref in a.refs],
    "children": lambda a: [a.shelf.children(item, n) for item in ITEMS for n in (1, 50)],
    "history": lambda a: [a.shelf.history(item) for item in ITEMS],
    "filed": lambda a: a.shelf.filed(a.places),
    "count": lambda a: [a.shelf.count(kind) for kind in (None, "crisis.alert", "network.party", "no.kind")],
    "kinds": lambda a: list(a.shelf.kinds().items()),
    "known_as": lambda a: [
        a.shelf.known_as(name) for name in (*a.names, "cap:none", "other:20", "other:27", "cap:' OR 1=1")
    ],
    "aliases": lambda a: a.shelf.aliases([*a.places, 3]),
    "links_from": lambda a: [a.shelf.links_from(at) for at in a.places],
    "links_to": lambda a: [a.shelf.links_to(f"other:{n}", m) for n in range(95) for m in (1, 3, 50)],
    "mentions": lambda a: [a.shelf.mentions(at) for at in a.places],
    "mentioning": lambda a: [
        a.shelf.mentioning(value, n, d)
        for value in (*(f"incident={n}" for n in range(6)), *(hard[:200] for hard in HARD))
        for n in (1, 500)
        for d in DENSITIES
    ],
    "parts": lambda a: [_parts(a.shelf, item) for item in ITEMS],
    "promise": lambda a: [
        _tried(lambda at=at: a.shelf.promise(at)) for at in (7, *(e.revision_position for e in a.entries))
    ],
    "sealed": lambda a: [
        _tried(lambda at=at: a.shelf.sealed(at)) for at in (7, *(e.revision_position for e in a.entries))
    ],
    "used_gates": lambda a: a.shelf.used_gates(),
    "gate": lambda a: [_tried(lambda gate=gate: a.shelf.gate(gate)) for gate in GATES],
    "items_at": lambda a: a.shelf.items_at([*a.places, 9]),
    "between": lambda a: [
        a.shelf.between(low, high, n, only=only, but=but)
        for low in (0, *a.places[-1:])
        for high in (NEVER, *a.places[:1])
        for n in (1, 8, 500)
        for only, but in ((None, ()), ((1, 2, 3), ()), (None, (1, 4)), (tuple(GATES), (2,)), ((), ()))
    ],
    "ended_after": lambda a: [a.shelf.ended_after(at, n) for at in (0, *a.places[::9]) for n in (1, 5, 500)],
    "stood_behind": lambda a: [
        a.shelf.stood_behind(gate, at, after, n)
        for gate in GATES
        for at, after in ((NEVER, 0), *((place, a.places[-1]) for place in a.places[:2]))
        for n in (2, 500)
    ],
    "gather": lambda a: a.shelf.gather(ITEMS),
    "stood": lambda a: [a.shelf.stood(item) for item in ITEMS],
    "standing": lambda a: a.shelf.standing(ITEMS),
    "once_named": lambda a: [_tried(lambda item=item: a.shelf.once_named(item)) for item in ITEMS],
    "fresh_hits": lambda a: [
        a.shelf.fresh_hits([f" {term} " for term in terms], low, high, n, newest=newest)
        for terms in _terms(a)
        if terms
        for low, high in ((0, NEVER), *((place, NEVER) for place in a.places[3:4]))
        for n in (2, 500)
        for newest in (True, False)
    ],
    "placed": lambda a: [
        a.shelf.placed(gates, opening, skip, 500)
        for gates in ([1, 2, 3], [4], list(GATES))
        for opening in (NEVER, *a.places[::13])
        for skip in (0, 2)
    ],
    "rank": lambda a: [
        a.shelf.rank(gates, opening, since)
        for gates in ([1, 2, 3], [4], list(GATES))
        for opening in (NEVER, *a.places[::13])
        for since in a.places[::7]
    ],
    "ask": lambda a: [
        a.shelf.ask(f"SELECT {column} FROM {view} ORDER BY {column}", [])
        for view, column in (("by_gate", "since"), ("text", "position"), ("also_known", "since"))
    ],
    "search.find": lambda a: [
        find(a.shelf, terms, start, n, d, end, newest=newest)
        for terms in _terms(a)
        if terms
        for start, end in ((None, None), *((place, None) for place in a.places[4:5]))
        for n in (1, 6, 500)
        for d in DENSITIES
        for newest in (True, False)
    ],
    "versions.held": lambda a: [
        held(a.shelf, pick, after, NEVER, n, d, but)
        for pick in _picks(a)
        for after in (0, *a.places[8:9])
        for n in (1, 6, 500)
        for d in DENSITIES
        for but in ((), (2,))
    ],
    "versions.held_at": lambda a: [sorted(held_at(a.shelf, pick, a.places).items()) for pick in _picks(a)],
}


def _picks(a: Asked) -> list[Pick]:
    names = tuple(name.partition(":")[2] for name in a.names if name.startswith("cap:"))
    return [
        Pick(scheme="cap", ids=True),
        Pick(scheme="cap", which=("all",)),
        Pick(scheme="other", which=("first",), data=False, ids=True),
        Pick(scheme="cap", names=names, which=("first", "last")),
        Pick(scheme="cap", names=(*names[:2], "nothing"), versions=("2017-0003", "?")),
        Pick(scheme="cap", terms=("common",), groups=(("severity=minor", "word3"),)),
    ]


def _parts(shelf: Shelf, item: int) -> object:
    digests = sorted(bytes(row[0]) for row in shelf.ask("SELECT digest, data FROM bytes WHERE item=?", [item]))
    return shelf.parts(item, digests)


def answers(shelf: Shelf, refs: Iterable[Ref]) -> dict[str, Any]:
    """Return what each question is answered with."""
    asked = Asked(shelf, refs)
    return {name: ask(asked) for name, ask in QUESTIONS.items()}
