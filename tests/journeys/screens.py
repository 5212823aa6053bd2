"""Pictures of the demo with real alerts: every page as each of four officers sees it.

./dev python tests/journeys/screens.py --out DIR
"""

from __future__ import annotations

import argparse
import gzip
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from chromium import Chromium, Page, chromium, missing

from diwan.demo import begin_demo, demo_clock, lay_out
from diwan.house import House

ROOT = Path(__file__).parents[2]
REAL = ROOT / ".." / "shared" / "data" / "cap" / "real"
ATTACK = ROOT / ".." / "shared" / "data" / "stix" / "attack-ics-18.1.json.gz"
SPECIMEN = ROOT / "tests" / "specimens" / "crisis" / "cap+xml" / "three-languages.xml"
DIWAN = Path(sys.executable).with_name("diwan")
SHARES = (
    ("KWT", "TLP:AMBER // Releasable to KWT, QAT", ("bushfire.edxlde", "canada.cap")),
    ("NATO", "NATO UNCLASSIFIED // Releasable to ICI", ("thunderstorm.cap", "earthquake-iso8859-1.cap")),
    ("NATO", "TLP:CLEAR", ("australia.cap", "earthquake.cap", "weather.cap")),
    ("JOR", "TLP:GREEN // Releasable to MD", ("wcatwc-warning.cap",)),
)
OFFICERS = ("kuwait", "qatar", "jordan", "outsider")
PAGES = {"watch": "/", "network": "/network", "crisis": "/crisis", "exercise": "/exercise"}
DESKS = {
    "cyber": "/cyber",
    "cyber-malware": "/cyber?kind=cyber.malware",
    "cyber-matrix": "/cyber/matrix",
    "cyber-collections": "/cyber/collections",
}
"""Pages of the cyber desk that have an address of their own."""
ITEMS = {
    "indicator": "/cyber?kind=cyber.indicator&originator=KWT",
    "loader": "/cyber?kind=cyber.malware&originator=KWT",
    "report": "/cyber?kind=cyber.report",
    "collection": "/cyber?kind=cyber.collection",
    "technique": "/cyber?kind=cyber.attack-pattern&originator=NATO&q=T0866",
}
"""Lists whose first item is opened."""
PASTED = """hxxps://port-login[.]example/berth/plan and 203[.]0[.]113[.]77
port-login.example
T0866
198.51.100.9 and never-seen.example"""
WIDE, NARROW = (1280, 900), (430, 900)


class Album:
    """Where pictures go, and what was found wrong while they were taken."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.faults: list[str] = []
        self.taken = 0

    def take(self, page: Page, name: str, *, whole: bool = False) -> None:
        """Take a picture, and note what the page complains of or what does not fit into its width."""
        page.picture(self._folder / f"{name}.png", whole=whole)
        self.taken += 1
        self.faults += [f"{name}: wider than the window: {', '.join(out)}" for out in [page.overflows()] if out]
        self.faults += [f"{name}: {said}" for said in dict.fromkeys(page.complaints)]
        page.complaints.clear()


def main() -> int:
    """Take all pictures; 1 when anything was found wrong."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, required=True, help="the folder that the PNG files go to")
    out = asked.parse_args().out
    if why := missing():
        print(f"Skipped: {why}.")
        return 0
    album = Album(out)
    with tempfile.TemporaryDirectory() as scratch:
        node = Path(scratch) / "node"
        passwords = filled(node)
        with served(node) as address, chromium() as browser:
            for officer in OFFICERS:
                page = signed_in(browser, address, officer, passwords[officer])
                ordinary(album, page, address, officer)
                if officer in ("kuwait", "jordan"):
                    cyber(album, page, address, officer)
                if officer == "kuwait":
                    composing(album, page, address, officer)
                    otherwise(album, page, address, officer)
    print(f"{album.taken} pictures in {out}")
    for fault in album.faults:
        print(fault)
    return 1 if album.faults else 0


def ordinary(album: Album, page: Page, address: str, officer: str) -> None:
    """Take the pages that everyone has."""
    for name, path in PAGES.items():
        page.go(address + path)
        album.take(page, f"{officer}-{name}", whole=name in ("network", "crisis"))
    page.go(f"{address}/?kind=crisis.alert")
    page.press("#rows li a[href*='/items/']")
    album.take(page, f"{officer}-item", whole=True)


def cyber(album: Album, page: Page, address: str, name: str) -> None:
    """Take the pages of the cyber desk: its boards, the look-up with an answer, and one item of each sort."""
    for one, path in DESKS.items():
        page.go(address + path)
        album.take(page, f"{name}-{one}", whole=True)
    page.go(f"{address}/cyber/look-up")
    page.run(f"document.querySelector('main [name=values]').value = `{PASTED}`")
    page.press("main form button.primary")
    album.take(page, f"{name}-cyber-look-up", whole=True)
    for one, path in ITEMS.items():
        page.go(address + path)
        if page.run("!!document.querySelector('.rows .head a')"):
            page.press(".rows .head a")
            album.take(page, f"{name}-cyber-{one}", whole=True)


def composing(album: Album, page: Page, address: str, officer: str) -> None:
    """Take Compose, empty and with a checked alert and the preview of who would get it."""
    page.go(f"{address}/compose")
    album.take(page, f"{officer}-compose-empty", whole=True)
    check(page)
    album.take(page, f"{officer}-compose", whole=True)


def check(page: Page) -> None:
    """Fill in the form of Compose with an alert and a marking, and press Check."""
    text = SPECIMEN.read_text("utf-8").replace("\\", "\\\\").replace("`", "\\`")
    page.run(f"document.querySelector('#compose [name=text]').value = `{text}`")
    page.run("document.querySelector('#compose [name=typed]').value = 'TLP:AMBER // Releasable to ICI'")
    page.run("document.querySelector('#compose .primary, #compose button:not([type])').click()")
    page.wait("document.querySelector('#result .partners, #result .refusal')")
    page.settle()


def otherwise(album: Album, page: Page, address: str, officer: str) -> None:
    """Take the same pages in the dark, in a narrow window, in French and in Arabic."""
    page.look(*WIDE, dark=True)
    visit(album, page, address, f"{officer}-dark", ("watch", "item", "crisis", "network", "compose"))
    cyber(album, page, address, f"{officer}-dark")
    page.look(*NARROW)
    visit(album, page, address, f"{officer}-narrow", ("watch", "item", "crisis", "network", "compose"))
    cyber(album, page, address, f"{officer}-narrow")
    page.look(*WIDE)
    for language in ("fr", "ar"):
        page.go(address + "/")
        page.press(f".languages [value={language}]")
        visit(album, page, address, f"{officer}-{language}", ("watch", "item", "crisis", "network", "compose"))
        cyber(album, page, address, f"{officer}-{language}")
    page.look(*NARROW)
    visit(album, page, address, f"{officer}-ar-narrow", ("watch", "item"))


def visit(album: Album, page: Page, address: str, name: str, pages: tuple[str, ...]) -> None:
    """Take the named pages as the window and the language are now."""
    for one in pages:
        if one == "item":
            page.go(f"{address}/?kind=crisis.alert&originator=ARE")
            page.press("#rows li a[href*='/items/']")
        elif one == "compose":
            page.go(f"{address}/compose")
            check(page)
        else:
            page.go(address + PAGES[one])
        album.take(page, f"{name}-{one}", whole=one != "watch")


def signed_in(browser: Chromium, address: str, officer: str, password: str) -> Page:
    """Return a page of a browser in which an officer has signed in by the form."""
    page = browser.page()
    page.go(f"{address}/sign-in")
    page.run(f"document.querySelector('[name=name]').value = '{officer}'")
    page.run(f"document.querySelector('[name=password]').value = '{password}'")
    page.press("main form button.primary")
    return page


def filled(node: Path) -> dict[str, str]:
    """Begin the demo, bring the real alerts in, and return the passwords by name."""
    lay_out(node)
    house = House(node, clock=demo_clock(node), synchronous="OFF")
    passwords = {account.name: account.password for account in begin_demo(house).accounts}
    house.close()
    for by, marking, files in SHARES if REAL.is_dir() else ():
        options = ["--label", marking, "--originator", by, "--node", str(node)]
        subprocess.run([DIWAN, "import", "cap", *(REAL / name for name in files), *options], check=True)
    if ATTACK.is_file():
        bundle = node.parent / "attack.json"
        bundle.write_bytes(gzip.decompress(ATTACK.read_bytes()))
        options = ["--label", "TLP:CLEAR", "--originator", "NATO", "--node", str(node)]
        subprocess.run([DIWAN, "import", "stix", bundle, *options], check=True)
    return passwords


@contextmanager
def served(node: Path) -> Iterator[str]:
    """Serve a node on a free port and return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = subprocess.Popen([DIWAN, "serve", "--node", node, "--port", str(port)])
    address = f"http://127.0.0.1:{port}"
    try:
        answers(address)
        yield address
    finally:
        running.terminate()
        running.wait(30)


def answers(address: str) -> None:
    """Wait until a node answers."""
    for _ in range(300):
        try:
            httpx.get(f"{address}/sign-in")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answers at {address}")


if __name__ == "__main__":
    sys.exit(main())
