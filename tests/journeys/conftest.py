"""The demo's node with the real alerts of others, brought in by the command line under five labels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.demo import begin_demo, demo_clock, lay_out
from diwan.house import House
from diwan.web.app import create_app

Browser = TestClient[Litestar]
REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "cap" / "real"
HTTPS = "https://node.example"


class Share(msgspec.Struct, frozen=True):
    """Files that one party brings in under one marking."""

    by: str
    marking: str
    files: tuple[str, ...]


SHARES = (
    Share(
        "KWT",
        "TLP:AMBER // Releasable to KWT, QAT",
        ("bushfire.edxlde", "bushfire_valid.edxlde", "canada.cap", "canada_errors.cap", "xee.cap", "xee.atom"),
    ),
    Share(
        "NATO",
        "NATO UNCLASSIFIED // Releasable to ICI",
        ("canada_signed.cap", "earthquake-iso8859-1.cap", "invalid.cap", "thunderstorm.cap", "weather_invalid.atom"),
    ),
    Share(
        "NATO",
        "TLP:CLEAR",
        ("43b080713727.cap", "australia.cap", "noaa_errors.cap", "earthquake.cap", "weather.cap", "no_title.atom"),
    ),
    Share("JOR", "TLP:GREEN // Releasable to MD", ("canada_signed.atom", "wcatwc-warning.cap", "no_entries.atom")),
    Share(
        "KWT",
        "TLP:RED // KWT ONLY",
        ("KAR0-0306112239-SW.cap", "amber.atom", "bushfire_invalid.edxlde", "earthquake_signed.cap"),
    ),
)


class Node(msgspec.Struct, frozen=True):
    """The node, and what was told while it was begun and filled."""

    folder: Path
    passwords: dict[str, str]
    brought: list[dict[str, int]]
    rejects: list[dict[str, str]]


@pytest.fixture(scope="module")
def real() -> Path:
    if not REAL.is_dir():
        pytest.skip("the real alerts lie in ../shared/data, which is not here")
    return REAL


@pytest.fixture(scope="module")
def shares() -> tuple[Share, ...]:
    return SHARES


@pytest.fixture(scope="module")
def filled(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Node:
    folder = tmp_path_factory.mktemp("journey") / "node"
    lay_out(folder)
    house = House(folder, clock=demo_clock(folder), synchronous="OFF")
    passwords = {account.name: account.password for account in begin_demo(house).accounts}
    house.close()
    brought, rejects = [], []
    for number, share in enumerate(SHARES):
        listed = folder.parent / f"rejects-{number}.jsonl"
        files = [str(real / name) for name in share.files]
        options = ["--label", share.marking, "--originator", share.by, "--rejects", str(listed), "--json"]
        program = [str(Path(sys.executable).with_name("diwan")), "import", "cap", *files, "--node", str(folder)]
        done = subprocess.run([*program, *options], capture_output=True, check=True)
        brought.append(msgspec.json.decode(done.stdout, type=dict[str, int]))
        if listed.exists():
            rejects += [msgspec.json.decode(line) for line in listed.read_bytes().splitlines()]
    return Node(folder, passwords, brought, rejects)


@pytest.fixture(scope="module")
def browser(filled: Node) -> Iterator[Callable[[str], Browser]]:
    """Sign in as one of the demo's officers, as a browser does; the same one each time."""
    house = House(filled.folder, clock=demo_clock(filled.folder), synchronous="OFF")
    app = create_app(house)
    known: dict[str, Browser] = {}

    def signed_in(name: str) -> Browser:
        if name not in known:
            client = opened.enter_context(TestClient(app, base_url=HTTPS))
            form = {"name": name, "password": filled.passwords[name], "next": "/"}
            assert client.post("/sign-in", data=form, follow_redirects=False).headers["location"] == "/"
            known[name] = client
        return known[name]

    with ExitStack() as opened:
        yield signed_in
    house.close()
