from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

ROOT = Path(__file__).parents[3]
SHARED = ROOT / ".." / "shared" / "data" / "cap"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The vectors, real files and schema, which belong to others and are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("shared CAP data is not beside the project")
    return SHARED


@pytest.fixture(scope="session")
def schema(shared: Path) -> etree.XMLSchema:
    """The OASIS schema, as an oracle that shares no code with ours."""
    return etree.XMLSchema(etree.parse(str(shared / "schema" / "cap12.xsd")))


@pytest.fixture(scope="session")
def oil() -> bytes:
    return (ROOT / "tests" / "specimens" / "cap" / "oil.xml").read_bytes()


@pytest.fixture(scope="session")
def specimen() -> Callable[[str], bytes]:
    return lambda name: (ROOT / "tests" / "specimens" / "cap" / name).read_bytes()
