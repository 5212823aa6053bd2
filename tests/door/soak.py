"""The leak matrix at length: every pair is another ground, another reader and other hidden writes.

    ./dev python tests/door/soak.py --pairs N [--seed S] [--steps K] [--engine postgres]

Prints how many answers were compared and how many differed, by oracle; every difference with the seed that gives it
again. Exit code 1 when there is one. A pair takes one to three minutes, and says so when it is done.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from leaks.ground import Ground, lay_ground
from leaks.pairs import compare, three_of

from diwan.registry.engines.lines import Merging
from diwan.registry.engines.postgres import Postgres
from diwan.registry.engines.sqlite import Sqlite
from postgres_server import Server, running

_SHOWN = 3


def main() -> int:
    """Run the soak and return its exit code."""
    parser = argparse.ArgumentParser(description="Compare what readers see before and after hidden writes and purges.")
    parser.add_argument("--pairs", type=int, default=16, help="how many readers, each with hidden writes and a purge")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=60, help="random steps of a ground, and of hidden writes")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    said = parser.parse_args()
    # As in the tests beside: so little lies on a ground that hardly a page would be merged gate by gate.
    Sqlite.merging = Postgres.merging = Merging(1, 1)  # type: ignore[misc]
    compared, differing, begun = Counter[str](), Counter[str](), time.monotonic()
    where = running(Path(gettempdir()) / f"diwan-soak-{os.getpid()}") if said.engine == "postgres" else nullcontext()
    with where as server:
        for pair in range(said.pairs):
            _one(said.seed + pair, pair, said.steps, compared, differing, server)
            took = time.monotonic() - begun
            print(
                f"{pair + 1} of {said.pairs} pairs, {compared.total():,} answers, {took:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    for oracle in ("hidden write", "purge"):
        print(f"{oracle:12}  {compared[oracle]:>9,} answers compared, {differing[oracle]:,} differed")
    print(f"{said.pairs} pairs in {time.monotonic() - begun:.0f} s")
    return 1 if differing else 0


def _one(
    seed: int, pair: int, steps: int, compared: Counter[str], differing: Counter[str], server: Server | None
) -> None:
    with TemporaryDirectory() as folder:
        ground = lay_ground(Path(folder) / "ground", seed, size=steps, server=server)
        name = list(ground.people)[pair % len(ground.people)]
        three = three_of(ground, name, seed, Path(folder) / "three", steps=steps, few=3)
        for oracle, difference in compare(three):
            compared[oracle] += 1
            if difference is not None:
                differing[oracle] += 1
                if differing[oracle] <= _SHOWN:
                    print(f"seed {seed}, {name}, {oracle}: {difference}", file=sys.stderr)
        if server is not None:
            _drop(server, ground, three.before, three.written, three.purged)


def _drop(server: Server, *grounds: Ground) -> None:
    for ground in grounds:
        server.drop(ground.database)


if __name__ == "__main__":
    sys.exit(main())
