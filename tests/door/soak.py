"""The leak matrix at length: every pair is another ground, another reader and other hidden writes.

    ./dev python tests/door/soak.py --pairs N [--seed S] [--steps K]

Prints how many answers were compared and how many differed, by oracle; every difference with the seed that gives it
again. Exit code 1 when there is one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from leaks.ground import lay_ground
from leaks.pairs import compare, three_of

_SHOWN = 3


def main() -> int:
    """Run the soak and return its exit code."""
    parser = argparse.ArgumentParser(description="Compare what readers see before and after hidden writes and purges.")
    parser.add_argument("--pairs", type=int, default=16, help="how many readers, each with hidden writes and a purge")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=60, help="random steps of a ground, and of hidden writes")
    said = parser.parse_args()
    compared, differing, begun = Counter[str](), Counter[str](), time.monotonic()
    for pair in range(said.pairs):
        _one(said.seed + pair, pair, said.steps, compared, differing)
    for oracle in ("hidden write", "purge"):
        print(f"{oracle:12}  {compared[oracle]:>9,} answers compared, {differing[oracle]:,} differed")
    print(f"{said.pairs} pairs in {time.monotonic() - begun:.0f} s")
    return 1 if differing else 0


def _one(seed: int, pair: int, steps: int, compared: Counter[str], differing: Counter[str]) -> None:
    with TemporaryDirectory() as folder:
        ground = lay_ground(Path(folder) / "ground", seed, size=steps)
        name = list(ground.people)[pair % len(ground.people)]
        three = three_of(ground, name, seed, Path(folder) / "three", steps=steps, few=3)
        for oracle, difference in compare(three):
            compared[oracle] += 1
            if difference is not None:
                differing[oracle] += 1
                if differing[oracle] <= _SHOWN:
                    print(f"seed {seed}, {name}, {oracle}: {difference}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
