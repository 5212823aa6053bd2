"""The main job, on real input: alerts of others go in under labels, and each officer sees exactly their share.

What everyone should see is worked out here from files and markings alone, with nothing of ours but the demo's own
content: ElementTree reads the alerts, and a few lines below know the frameworks of the article.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.demo import content
from diwan.demo.content import alerts as demo_alerts
from diwan.demo.content import statements
from diwan.desks.cyber.kinds.stix import BACKGROUND

Browser = TestClient[Litestar]

PARTY = {"kuwait": "KWT", "qatar": "QAT", "jordan": "JOR", "outsider": "OUT.EXAMPLE"}
CLEARED = {"kuwait": "RESTRICTED", "qatar": "RESTRICTED", "jordan": "UNCLASSIFIED", "outsider": ""}
MEMBERS = {"ICI": {"KWT", "QAT", "BHR", "ARE"}, "MD": {"JOR", "ISR"}, "NATO": {"NATO"}}
FAULTY = {
    ("canada_errors.cap", 1): {"references.form"},
    ("xee.cap", 1): {"xml.doctype"},
    ("xee.atom", 1): {"xml.doctype"},
    ("invalid.cap", 1): {"xsd.required"},
    ("weather_invalid.atom", 1): {"identifier.chars"},
    ("noaa_errors.cap", 1): {"xsd.enum"},
    ("no_entries.atom", 1): {"xsd.order", "xsd.unknown"},
    ("no_title.atom", 1): {"empty"},
    ("bushfire_invalid.edxlde", 2): {"xsd.required"},
    ("bushfire_invalid.edxlde", 3): {"xsd.enum"},
}
"""The alerts, by their number in a file, that keep out; each of them breaks these rules of CAP 1.2 and no other."""
TEXTS = ("headline", "event", "description", "instruction", "senderName", "areaDesc")
WORLDS = {"Actual": "", "Exercise": "/exercise", "System": "/test", "Test": "/test", "Draft": "/test"}

officers = pytest.mark.parametrize("officer", PARTY)


class Alert(msgspec.Struct, frozen=True):
    """What ElementTree reads of one alert, and how it came in."""

    by: str
    marking: str
    sender: str
    identifier: str
    sent: str
    status: str
    text: str
    file: str = ""
    whole: bytes = b""
    """The file, where the alert is all of it."""
    canonical: str = ""
    version: str = "1.2"

    @property
    def name(self) -> tuple[str, str, str]:
        """Return what tells alerts apart: the party that brought it, and CAP's own name of it."""
        return self.by, self.sender, self.identifier


def read(by: str, marking: str, data: bytes, file: str) -> Iterator[Alert]:
    """Yield the alerts of a file that do not keep out."""
    root = ElementTree.fromstring(data)
    found = [node for node in root.iter() if re.fullmatch(r"\{[^}]*[:/]cap[:/]1\.\d\}alert", node.tag)]
    for number, node in enumerate(found, 1):
        if (file, number) in FAULTY:
            continue
        said = {child.tag.split("}")[1]: (child.text or "").strip() for child in node}
        node.tail = None
        yield Alert(
            by, marking, said["sender"], said["identifier"], said["sent"], said["status"],
            " ".join(child.text or "" for child in node.iter() if child.tag.split("}")[-1] in TEXTS),
            file, data if node is root else b"",
            canonical(node),
            node.tag.split("}")[0][-3:],
        )  # fmt: skip


@pytest.fixture(scope="module")
def alerts(real: Path, shares: tuple[Any, ...]) -> list[Alert]:
    """Every alert that should be at the node: the demo's, and the real ones, each once under one marking."""
    found = [one for said in demo_alerts() for one in read(said.by, said.label, said.data, said.file)]
    for share in shares:
        brought: dict[tuple[str, str, str], Alert] = {}
        for file in share.files:
            if (file, 1) not in FAULTY:
                for one in read(share.by, share.marking, (real / file).read_bytes(), file):
                    brought.setdefault(one.name, one)
        found += brought.values()
    return found


def may_read(officer: str, by: str, marking: str) -> bool:
    """Work out from the words of a marking whether an officer of the demo may read what stands under it."""
    said = re.search(r"Releasable to ([A-Z, ]+)$|([A-Z]+) ONLY$", marking)
    named = {by, *(said[1] or said[2]).split(", ")} if said else {PARTY[officer]}
    reached = set().union(*(MEMBERS.get(name, {name}) for name in named))
    return PARTY[officer] in reached and ("NATO RESTRICTED" not in marking or CLEARED[officer] == "RESTRICTED")


def share_of(officer: str, alerts: list[Alert], base: str = "") -> list[Alert]:
    return [one for one in alerts if WORLDS[one.status] == base and may_read(officer, one.by, one.marking)]


def canonical(node: ElementTree.Element) -> str:
    return ElementTree.canonicalize(ElementTree.tostring(node), strip_text=True)


def names(alerts: list[Alert]) -> Counter[tuple[str, str, str]]:
    return Counter(one.name for one in alerts)


def named_by(client: Browser, addresses: list[str]) -> Counter[tuple[str, str, str]]:
    """Return the names of alerts whose CAP documents lie at addresses such as `/crisis/KWT/….cap`."""
    found: Counter[tuple[str, str, str]] = Counter()
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        root = ElementTree.fromstring(answer.content)
        said = {child.tag.split("}")[1]: (child.text or "").strip() for child in root}
        found[address.split("/")[-2], said["sender"], said["identifier"]] += 1
    return found


def listed(client: Browser, address: str) -> list[str]:
    """Return the references on a page of the watch and on all older pages, in the order in which they stand there."""
    found: list[str] = []
    where: str | None = address
    while where is not None:
        page = client.get(where)
        assert page.status_code == 200
        rows = page.text.split('id="rows"')[1].split("</ol>")[0] if 'id="rows"' in page.text else ""
        found += re.findall(r'<a[^>]+href="(?:/\w+)?/items/([A-Z.]+/[0-9a-f]{32})"', rows)
        older = re.search(r'class="older"><a href="([^"]+)"', rows)
        where = unescape(older[1]) if older else None
    return found


def from_api(client: Browser, base: str, **asked: str) -> list[dict[str, Any]]:
    """Return what the API lists in one world, page after page."""
    found: list[dict[str, Any]] = []
    said = client.get(f"{base}/api/items", params={**asked, "limit": "20"}).json()
    while True:
        found += said["items"]
        if said["cursor"] is None:
            return found
        said = client.get(f"{base}/api/items", params={**asked, "limit": "20", "cursor": said["cursor"]}).json()


def test_the_share_of_each_officer_differs_from_every_other(alerts: list[Alert]) -> None:
    sizes = {officer: len(share_of(officer, alerts)) for officer in PARTY}

    assert len(set(sizes.values())) == 4
    assert sizes["kuwait"] > sizes["qatar"] > sizes["jordan"] > sizes["outsider"] > 3


def test_what_was_brought_in_is_counted_as_entered_already_there_or_rejected(
    filled: Any, alerts: list[Alert], shares: tuple[Any, ...]
) -> None:
    entered = [sum(one.marking == s.marking and one.file in s.files for one in alerts) for s in shares]

    assert [came["entered"] for came in filled.brought] == entered
    assert [came["already"] for came in filled.brought] == [7, 0, 0, 0, 0]
    assert [came["rejected"] for came in filled.brought] == [3, 2, 2, 1, 2]


def test_faulty_files_are_listed_with_the_rules_they_break(filled: Any) -> None:
    told: dict[tuple[str, int], set[str]] = {}
    for row in filled.rejects:
        number = re.search(r"alert\[(\d+)\]", row["where"])
        told.setdefault((Path(row["file"]).name, int(number[1]) if number else 1), set()).add(row["rule"])

    assert told == FAULTY


@officers
def test_the_watch_shows_each_officer_exactly_their_alerts(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str
) -> None:
    client = browser(officer)
    refs = listed(client, "/?kind=crisis.alert")

    assert named_by(client, [f"/crisis/{ref}.cap" for ref in refs]) == names(share_of(officer, alerts))


@officers
def test_the_watch_holds_their_alerts_and_all_else_that_is_told_them_and_leaves_out_background_alone(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str
) -> None:
    client = browser(officer)
    said = sum(len(one.statements) for one in statements() if may_read(officer, one.by, one.label))
    told = sum(may_read(officer, one.by, one.label) for one in content.told())

    refs, items = listed(client, "/?background=shown"), from_api(client, "")

    assert len(refs) == len(set(refs)) == said + told + len(share_of(officer, alerts))
    assert refs == [f"{item['originator']}/{item['id']}" for item in items]
    foremost = [f"{item['originator']}/{item['id']}" for item in items if item["kind"] not in BACKGROUND]
    assert listed(client, "/") == foremost
    assert officer == "outsider" or foremost != refs, "something was left out"


@officers
@pytest.mark.parametrize("base", ["", "/exercise", "/test"])
def test_the_api_gives_each_officer_exactly_their_alerts_in_each_world(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str, base: str
) -> None:
    items = from_api(browser(officer), base, kind="crisis.alert")

    found = Counter((item["originator"], item["brief"]["sender"], item["brief"]["identifier"]) for item in items)
    assert found == names(share_of(officer, alerts, base))


@officers
@pytest.mark.parametrize("base", ["", "/exercise", "/test"])
def test_the_feed_gives_each_officer_exactly_their_alerts_in_each_world(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str, base: str
) -> None:
    client = browser(officer)
    answer = client.get(f"{base}/crisis/feed.atom")
    feed = ElementTree.fromstring(answer.content)

    atom = "{http://www.w3.org/2005/Atom}"
    hrefs = [link.attrib["href"] for entry in feed.iter(f"{atom}entry") for link in entry.iter(f"{atom}link")]
    assert named_by(client, [href.removeprefix("https://node.example") for href in hrefs]) == names(
        share_of(officer, alerts, base)
    )


@officers
def test_counts_are_those_of_the_officers_share(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str
) -> None:
    client, mine = browser(officer), share_of(officer, alerts)

    assert client.get("/api/count?kind=crisis.alert").json() == {"found": len(mine), "more": False}
    facets = client.get("/api/facets?kind=crisis.alert&of=originator,sender").json()
    assert facets["originator"] == dict(Counter(one.by.lower() for one in mine))
    assert sum(facets["sender"].values()) == len(mine)
    page = client.get("/?kind=crisis.alert").text
    assert f'<p class="muted">{len(mine)} item' in page


@officers
@pytest.mark.parametrize("word", ["fire", "earthquake", "warning", "THUNDERSTORM", "oil", "neveroccurs"])
def test_search_finds_each_officer_the_word_in_their_alerts_and_in_no_other(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str, word: str
) -> None:
    client = browser(officer)
    wanted = [one for one in share_of(officer, alerts) if word.lower() in re.findall(r"\w+", one.text.lower())]

    refs = listed(client, f"/?kind=crisis.alert&q={word}")

    assert named_by(client, [f"/crisis/{ref}.cap" for ref in refs]) == names(wanted)
    assert client.get(f"/api/count?kind=crisis.alert&q={word}").json()["found"] == len(wanted)


def test_every_word_that_was_searched_occurs_in_somebodys_alerts_and_is_hidden_from_another(
    alerts: list[Alert],
) -> None:
    for word in ("fire", "earthquake", "warning", "thunderstorm"):
        found = {
            officer: sum(word in re.findall(r"\w+", one.text.lower()) for one in share_of(officer, alerts))
            for officer in PARTY
        }
        assert found["kuwait"] > min(found.values()), word


@officers
@pytest.mark.parametrize("base", ["", "/exercise", "/test"])
def test_every_alert_comes_back_as_it_was_brought(
    browser: Callable[[str], Browser], alerts: list[Alert], officer: str, base: str
) -> None:
    client, mine = browser(officer), share_of(officer, alerts, base)
    files = {one.whole for one in mine}

    came = [
        original(client, f"{base}/items/{item['originator']}/{item['id']}/parts")
        for item in from_api(client, base, kind="crisis.alert")
    ]

    # What was cut out of a feed has no bytes of its own to compare: its elements, texts and attributes are.
    assert Counter(data if data in files else canonical(ElementTree.fromstring(data)) for data in came) == Counter(
        one.whole or one.canonical for one in mine
    )


def test_every_alert_was_somebodys_to_read(alerts: list[Alert]) -> None:
    read_by_someone = [one for one in alerts if any(may_read(officer, one.by, one.marking) for officer in PARTY)]

    assert read_by_someone == alerts
    assert sum(bool(one.whole) for one in alerts) > 15
    assert sum(not one.whole for one in alerts) > 10
    assert {one.version for one in alerts} == {"1.1", "1.2"}


def original(client: Browser, parts: str) -> bytes:
    """Return an alert in the version of CAP that it came in: beside an edition, the original is kept."""
    answer = client.get(f"{parts}/original.xml")
    if answer.status_code == 404:
        answer = client.get(f"{parts}/alert.xml")
    assert answer.status_code == 200
    return answer.content
