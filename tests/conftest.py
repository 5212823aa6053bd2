"""A small register to test on: a clock that ticks, seeded chance, the shipped policies, a few parties."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import settings as drawing

from diwan.house import House
from diwan.registry.chance import Chance
from diwan.release.ceiling import Height
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant, instant
from postgres_server import Server, running
from tampering import Tamper, bare_database, bare_files

ENGINES = ("sqlite", "postgres")
BOTH = {"registry", "reading", "intake", "people", "engines"}
"""Folders whose tests run whole on every engine."""
PARTIES = ("NATO", "KWT", "QAT", "BHR", "ARE", "JOR")
DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


# How long an example takes says how busy the machine is: no test of ours is timed.
drawing.register_profile("diwan", deadline=None)
drawing.load_profile("diwan")


class Ticking:
    """A clock that goes on by a thousandth of a second whenever it is looked at, and by as much as it is told."""

    def __init__(self, start: Instant) -> None:
        self.now = start

    def __call__(self) -> Instant:
        self.now += 1000
        return self.now

    def pass_days(self, days: int) -> None:
        self.now += days * 86_400_000_000


def engines_for(file: Path) -> tuple[str, ...]:
    """Return on which engines the tests of a file run: the one it is named for, else as its folder does."""
    named = tuple(engine for engine in ENGINES if file.name.startswith(f"test_{engine}_"))
    return named or (ENGINES if file.parent.name in BOTH else ENGINES[:1])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "register" in metafunc.fixturenames:
        engines = engines_for(metafunc.definition.path)
        metafunc.parametrize("register", engines, indirect=True, ids=[""] if engines == ENGINES[:1] else engines)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that all test processes of one run share."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    # Not below pytest's own folder: that is closed to the account under which the server runs.
    with running(Path(tempfile.gettempdir()) / f"diwan-postgres-{run}") as server:
        yield server


@pytest.fixture
def register(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the register is kept: files in the node's folder (empty), or a database of its own."""
    if request.param == "sqlite":
        yield ""
        return
    server: Server = request.getfixturevalue("postgres")
    with server.lend() as database:
        yield database


@pytest.fixture
def tamper(request: pytest.FixtureRequest, register: str, tmp_path: Path) -> Tamper:
    """The register of the node in `node`, bare, on either engine."""
    if not register:
        return lambda: bare_files(tmp_path / "node")
    server: Server = request.getfixturevalue("postgres")
    return lambda: bare_database(server.superuser_of(register))


@pytest.fixture
def clock() -> Ticking:
    return Ticking(instant(datetime(2017, 1, 24, 8, tzinfo=UTC)))


@pytest.fixture
def house(tmp_path: Path, clock: Ticking, register: str) -> Iterator[House]:
    heights = (
        Height("TLP", "UNCLASSIFIED"),
        Height("NATO-EXAMPLE", "SECRET", (("Additional Sensitivity", "CRYPTO"),)),
    )
    settings = Settings(keeper="NATO", hosted=PARTIES[1:], heights=heights, postgres=register)
    opened = House(tmp_path / "node", settings, clock=clock, chance=Chance(1), synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def reader() -> Callable[..., Reader]:
    def make(party: str, *clearances: Clearance, id: str | None = None) -> Reader:
        return Reader(id or f"reader of {party}", party, clearances)

    return make


@pytest.fixture
def hand() -> Callable[..., Hand]:
    def make(party: str, *clearances: Clearance, roles: frozenset[Role] = frozenset({Role.RELEASING_OFFICER})) -> Hand:
        return Hand(Reader(f"releasing officer of {party}", party, clearances), roles)

    return make


@pytest.fixture
def amber() -> Callable[..., Label]:
    def make(*releasable_to: str, tlp: str = "TLP:AMBER") -> Label:
        audience = (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, releasable_to),) if releasable_to else ()
        return Label("TLP", "UNCLASSIFIED", audience, Handling(tlp=tlp))

    return make


@pytest.fixture
def note() -> Callable[..., Draft]:
    """A draft of the crisis desk's kind whose bytes are plain text: what it says matters not to the register."""

    def make(title: str, **more: object) -> Draft:
        text = str(more.pop("text", title))
        name = more.pop("name", None)
        aliases = (Alias("cap", str(name)),) if name else ()
        parts = (Part("note.txt", "text/plain", f"{title}\n{text}".encode()),)
        return Draft(kind="crisis.alert", title=title, parts=parts, text=(text,), aliases=aliases, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def belong(house: House, hand: Callable[..., Hand], amber: Callable[..., Label]) -> Callable[..., None]:
    """State as NATO, the keeper, that a party stands in a framework."""

    def make(framework: str, party: str, standing: Standing = Standing.MEMBER, since: date | None = None) -> None:
        said = Membership(framework, party, standing, since)
        draft = Draft(
            kind="network.membership",
            title=f"{party} in {framework}",
            parts=(Part("membership.json", "application/json", f"{party} {framework} {standing} {since}".encode()),),
            membership=said,
        )
        house.take(hand("NATO"), draft, amber("NATO"), originator="NATO")

    return make


@pytest.fixture
def data() -> Path:
    if not DATA.exists():
        pytest.skip("real files and vectors lie in ../shared/data, which is not here")
    return DATA
