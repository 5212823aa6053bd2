"""A copy of the source tree to walk around in: what is written into it stays there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAN = (".importlinter", "pyproject.toml")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The whole source with the tools' settings; times are kept, so that what is cached still holds."""
    no_code = shutil.ignore_patterns("__pycache__", "assets", "static", "locale", "templates", "layout")
    shutil.copytree(ROOT / "src" / "diwan", tmp_path / "src" / "diwan", ignore=no_code)
    for name in PLAN:
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def write(tree: Path) -> Callable[[str, str], Path]:
    """Write code into the tree: a new file, packages above it included, or the end of one that is there."""

    def into(name: str, code: str) -> Path:
        file = tree / "src" / "diwan" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not (file.parent / "__init__.py").exists():
            (file.parent / "__init__.py").write_text('"""A package."""\n')
        said = file.read_text("utf-8") if file.exists() else '"""A way around."""\n'
        file.write_text(f"{said}\n{code}\n", "utf-8")
        return file

    return into


@pytest.fixture
def run(tree: Path) -> Callable[..., tuple[int, str]]:
    """Run a tool of this environment in the tree, on the tree's own source, and return its code and what it said."""

    def tool(name: str, *arguments: object) -> tuple[int, str]:
        command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "NO_COLOR": "1", "COLUMNS": "400"}
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return tool
