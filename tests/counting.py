"""What an engine did to answer: the questions it was asked, and how much it looked at for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from diwan.registry.engines import postgres_sight, sqlite


class Work:
    """What was asked of reading connections, and what it took."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, list[Any]]] = []
        self.steps = 0
        """Steps of SQLite's machine."""
        self.rows = 0
        """Rows that PostgreSQL looked at, whether they went into the answer or not."""
        self.scans: list[dict[str, Any]] = []
        """The scans of PostgreSQL's plans."""

    @property
    def asked(self) -> list[str]:
        return [query for query, _ in self.questions]


@contextmanager
def counted(*, explain: bool = False) -> Iterator[Work]:
    """Count what every lent connection does meanwhile; with `explain` every question is asked of PostgreSQL twice."""
    work = Work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_sight.Sight, "execute", _sight(work, explain=explain))
        patch.setattr(sqlite.Pages, "execute", _pages(work), raising=False)
        yield work


def _sight(work: Work, *, explain: bool) -> Any:
    ask = postgres_sight.Sight.execute

    def execute(sight: postgres_sight.Sight, query: str, parameters: Sequence[Any] = (), /) -> Any:
        work.questions.append((query, list(parameters)))
        if explain:
            (told,) = ask(sight, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}", parameters).fetchone()
            scans = list(_scans((json.loads(told) if isinstance(told, str) else told)[0]["Plan"]))
            work.scans += scans
            work.rows += sum(map(_looked_at, scans))
        return ask(sight, query, parameters)

    return execute


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan:
        yield plan
    for part in plan.get("Plans", []):
        yield from _scans(part)


def _looked_at(scan: dict[str, Any]) -> int:
    """Return how many rows a scan read: those it gave on, and those it dropped again."""
    dropped = sum(scan.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return round((scan["Actual Rows"] + dropped) * scan["Actual Loops"])


def _pages(work: Work) -> Any:
    def execute(pages: sqlite.Pages, query: str, parameters: Any = ()) -> Any:
        def step() -> int:
            work.steps += 1
            return 0

        work.questions.append((query, list(parameters)))
        pages.set_progress_handler(step, 1)
        return super(sqlite.Pages, pages).execute(query, parameters)

    return execute
