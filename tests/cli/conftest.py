"""Commands typed as an administrator types them, and a node that was begun so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from diwan.cli import app

sys.path.insert(0, str(Path(__file__).parent))  # for served_node.py

SPECIMENS = Path(__file__).parents[1] / "specimens" / "crisis" / "cap+xml"
MARKING = "TLP:AMBER // Releasable to QAT"


class Answer(msgspec.Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> list[Any]:
        """Return what was said as one JSON object a line."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def typed() -> Callable[..., Answer]:
    """Run the installed program, as a shell does."""
    program = Path(sys.executable).with_name("diwan")

    def run(*words: object, cwd: Path | None = None) -> Answer:
        clean = {name: value for name, value in os.environ.items() if name not in ("DIWAN_NODE", "COLUMNS")}
        done = subprocess.run([program, *map(str, words)], capture_output=True, cwd=cwd, env=clean, check=False)
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def diwan(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Answer]:
    """Run the program in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIWAN_NODE", raising=False)

    def run(*words: object) -> Answer:
        capsysbinary.readouterr()
        monkeypatch.setattr(sys, "argv", ["diwan", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app()
        said = capsysbinary.readouterr()
        return Answer(int(ended.value.code or 0), said.out.decode(), said.err.decode())

    return run


@pytest.fixture(scope="session")
def begun(typed: Callable[..., Answer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node of Kuwait that also keeps Qatar's key, with four alerts and nobody who can sign in; never written to."""
    node = tmp_path_factory.mktemp("begun") / "node"
    assert typed("init", "--keeper", "KWT", "--host-party", "QAT", "--node", node).code == 0
    files = sorted(SPECIMENS.glob("*.xml"))
    brought = typed("import", "cap", *files, "--label", MARKING, "--originator", "KWT", "--node", node, cwd=node.parent)
    assert (brought.code, brought.out) == (0, ""), brought.err
    assert typed("verify", "--node", node).code == 0
    return node


@pytest.fixture
def node(begun: Path, tmp_path: Path) -> Path:
    """A copy of that node, to do with as one likes."""
    return Path(shutil.copytree(begun, tmp_path / "node"))


@pytest.fixture
def specimen() -> Callable[[str], Path]:
    return lambda name: SPECIMENS / name
