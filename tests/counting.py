"""What an engine did to answer: the questions it was asked, and how much it looked at for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from diwan.registry.engines import postgres, sqlite


class Work:
    """What was asked of reading connections, and what it took."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, list[Any]]] = []
        self.steps = 0
        """Steps of SQLite's machine."""
        self.rows = 0
        """Rows that PostgreSQL looked at, whether they went into the answer or not."""

    @property
    def asked(self) -> list[str]:
        return [query for query, _ in self.questions]


@contextmanager
def counted(*, explain: bool = False) -> Iterator[Work]:
    """Count what every lent connection does meanwhile; with `explain` every question is asked of PostgreSQL twice."""
    work = Work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres.Sight, "execute", _sight(work, explain=explain))
        patch.setattr(sqlite.Pages, "execute", _pages(work), raising=False)
        yield work


def _sight(work: Work, *, explain: bool) -> Any:
    ask = postgres.Sight.execute

    def execute(sight: postgres.Sight, query: str, parameters: Sequence[Any] = (), /) -> Any:
        work.questions.append((query, list(parameters)))
        if explain:
            (told,) = ask(sight, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}", parameters).fetchone()
            work.rows += _looked_at((json.loads(told) if isinstance(told, str) else told)[0]["Plan"])
        return ask(sight, query, parameters)

    return execute


def _looked_at(plan: dict[str, Any]) -> int:
    """Return how many rows the scans of a plan read: those they gave on, and those they dropped again."""
    below = sum(_looked_at(part) for part in plan.get("Plans", []))
    if "Relation Name" not in plan:
        return below
    dropped = sum(plan.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return below + round((plan["Actual Rows"] + dropped) * plan["Actual Loops"])


def _pages(work: Work) -> Any:
    def execute(pages: sqlite.Pages, query: str, parameters: Any = ()) -> Any:
        def step() -> int:
            work.steps += 1
            return 0

        work.questions.append((query, list(parameters)))
        pages.set_progress_handler(step, 1)
        return super(sqlite.Pages, pages).execute(query, parameters)

    return execute
