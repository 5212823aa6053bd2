"""What every desk must do, whoever wrote it: give back the bytes it got, and refuse what is not its own, cheaply.

A desk of another package is tested by the same suite once it is installed; its specimens then lie in
`tests/specimens/<desk>/<subtype>/` (conforming) and `tests/specimens/<desk>/hostile/<subtype>/` (a bidi override in
an id, and another in a name or address).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.desk import Checks, Desk
from diwan.house import House
from diwan.reading import Released
from diwan.terms.errors import Malformed
from diwan.terms.finding import Weight
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

Browser = TestClient[Litestar]
Bounded = Callable[..., AbstractContextManager[None]]

SPECIMENS = Path(__file__).parents[1] / "specimens"
BASES = {World.ACTUAL: "", World.EXERCISE: "/exercise", World.TEST: "/test"}
LABEL = Label(
    "TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("QAT",)),), Handling(tlp="TLP:AMBER")
)
MARKING = "TLP:AMBER // Releasable to QAT"

DESKS: dict[str, Desk] = {
    point.name: point.load() for point in sorted(entry_points(group="diwan.desks"), key=lambda point: point.name)
}


def filed(folder: Path) -> list[tuple[str, Path]]:
    """Return (media type, file) of the specimens in a folder; the folder's subfolders are named by subtype."""
    return [(f"application/{file.parent.name}", file) for file in sorted(folder.glob("*/*")) if file.is_file()]


def told(cases: list[tuple[str, str, Path]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}-{case[2].stem}") for case in cases]


CONFORMING = [(name, kind, file) for name in DESKS for kind, file in filed(SPECIMENS / name)]
TURNED = [(name, kind, file) for name in DESKS for kind, file in filed(SPECIMENS / name / "hostile")]

DEEP = 100_000
MUCH = 10_000_000
LAUGHS = "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))

HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "spaces": lambda: b" \r\n\t" * 100,
    "a NUL": lambda: b"\0",
    "a NUL in XML": lambda: b"<alert>\0</alert>",
    "a NUL in JSON": lambda: b'{"kind":"\0"}',
    "invalid UTF-8": lambda: b"<alert>\xff\xfe\xc3(</alert>",
    "invalid UTF-8 in JSON": lambda: b'{"kind":"\xc3("}',
    "half a surrogate pair": lambda: b'{"kind":"\\ud800"}',
    "a DOCTYPE": lambda: b'<!DOCTYPE alert SYSTEM "file:///etc/passwd"><alert/>',
    "a DOCTYPE in UTF-16": lambda: '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'.encode(
        "utf-16"
    ),
    "a billion laughs": lambda: f"<!DOCTYPE j [<!ENTITY a 'ha'>{LAUGHS}]><j>&j;</j>".encode(),
    "XML nested deep": lambda: b"<a>" * DEEP + b"</a>" * DEEP,
    "XML nested deep and not closed": lambda: b"<a>" * DEEP,
    "JSON arrays nested deep": lambda: b"[" * DEEP + b"]" * DEEP,
    "JSON objects nested deep": lambda: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "as many elements as fit": lambda: b"<a>" + b"<b/>" * 900_000 + b"</a>",
    "one element of as many attributes as fit": lambda: (
        b"<a " + b" ".join(b'a%d=""' % n for n in range(300_000)) + b"/>"
    ),
    "as many fields as fit": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(300_000)) + b"}",
    "a number of as many digits as fit": lambda: b'{"kind":' + b"9" * 3_900_000 + b"}",
    "more than is taken": lambda: b"<alert>" + b"A" * (4 * 1024 * 1024) + b"</alert>",
    **{f"ten megabytes of {char!r}": lambda char=char: char.encode() * MUCH for char in " A<[&\0"},  # type: ignore[misc]
    **{f"as many {char!r} as fit": lambda char=char: char.encode() * 3_900_000 for char in " <[&"},  # type: ignore[misc]
}

every_specimen = pytest.mark.parametrize(("desk", "media_type", "file"), told(CONFORMING))
every_turned = pytest.mark.parametrize(("desk", "media_type", "file"), told(TURNED))
every_hostile = pytest.mark.parametrize("hostile", HOSTILE)
every_media_type = pytest.mark.parametrize(
    ("desk", "media_type"), [(name, media_type) for name, desk in DESKS.items() for media_type in desk.parses]
)

every_checked = pytest.mark.parametrize(
    "checks", [pytest.param(desk.checks, id=name) for name, desk in DESKS.items() if desk.checks]
)


def test_every_desk_has_conforming_and_hostile_specimens_of_every_media_type_it_reads() -> None:
    read = {(name, media_type) for name, desk in DESKS.items() for media_type in desk.parses}

    assert len(DESKS) > 1
    assert {(name, media_type) for name, media_type, _ in CONFORMING} == read
    assert {(name, media_type) for name, media_type, _ in TURNED} == read


def test_no_two_desks_read_one_media_type_or_know_one_kind() -> None:
    media_types = [media_type for desk in DESKS.values() for media_type in desk.parses]
    kinds = [kind for desk in DESKS.values() for kind in desk.kinds]

    assert sorted(media_types) == sorted(set(media_types))
    assert sorted(kinds) == sorted(set(kinds))
    assert [name for name, desk in DESKS.items() if name != desk.name] == []


@every_specimen
def test_parsing_keeps_the_bytes_as_the_first_part_and_gives_the_same_draft_each_time(
    desk: str, media_type: str, file: Path
) -> None:
    data, names = file.read_bytes(), {"Kuwait": "KWT", "قطر": "QAT"}
    draft = DESKS[desk].parses[media_type](data, names)

    assert (draft.parts[0].media_type, draft.parts[0].data) == (media_type, data)
    assert draft.kind in DESKS[desk].kinds
    assert draft.title.strip()
    msgspec.json.decode(draft.brief, type=dict)
    assert DESKS[desk].parses[media_type](bytes(bytearray(data)), dict(names)) == draft


@every_specimen
def test_what_conforms_breaks_no_rule(desk: str, media_type: str, file: Path) -> None:
    checks = DESKS[desk].checks
    found = checks(file.read_bytes()) if checks else ()

    assert [one for one in found if one.severity is Weight.ERROR] == []


@every_specimen
def test_bytes_come_back_from_the_room_the_desk_and_the_page_as_they_went_in(
    node: House, browser: Callable[[str], Browser], desk: str, media_type: str, file: Path
) -> None:
    data = file.read_bytes()
    draft = node.draft(media_type, data)
    ref = node.take(officer("KWT"), draft, LABEL, originator="KWT").refs[0]

    item = node.room(Reader("a Qatari", "QAT"), draft.world).get(ref)

    assert node.room(Reader("a Qatari", "QAT"), draft.world).parts(item) == draft.parts
    assert (
        DESKS[desk].parses[media_type](node.room(Reader("a Qatari", "QAT"), draft.world).parts(item)[0].data, {})
        == draft
    )
    assert from_the_web(browser("QAT"), desk, item) == [data, *bytes_routes(desk, data)]


def from_the_web(client: Browser, desk: str, item: Released) -> list[bytes]:
    base, answers = BASES[item.world], []
    page = client.get(f"{base}/items/{item.ref}")
    assert page.status_code == 200
    name = re.findall(rf'href="{base}/items/{item.ref}/parts/([^"]+)"', page.text)[0]
    answers.append(client.get(f"{base}/items/{item.ref}/parts/{name}"))
    for route in DESKS[desk].routes:
        if route.reads == "bytes":
            path = route.path.replace("{originator}", item.ref.originator).replace("{id}", item.ref.id)
            answers.append(client.get(f"{base}{path}"))
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    return [answer.content for answer in answers]


def bytes_routes(desk: str, data: bytes) -> list[bytes]:
    return [data for route in DESKS[desk].routes if route.reads == "bytes"]


@every_specimen
def test_bytes_handed_to_the_api_come_back_as_they_were_sent(
    node: House, browser: Callable[[str], Browser], form_token: Callable[[str], str],
    desk: str, media_type: str, file: Path,
) -> None:  # fmt: skip
    data = file.read_bytes()
    world = node.draft(media_type, data).world
    body = {"media_type": media_type, "label": msgspec.to_builtins(LABEL), "data": b64encode(data).decode()}

    answer = browser("BHR").post(f"{BASES[world]}/api/items", json=body, headers={"x-diwan-token": form_token("BHR")})

    assert answer.status_code == 201, answer.text
    ref = Ref(**answer.json()["items"][0])
    room = node.room(Reader("a Qatari", "QAT"), world)
    assert room.parts(room.get(ref))[0].data == data


@every_specimen
def test_bytes_released_by_the_form_come_back_as_they_were_chosen(
    node: House, browser: Callable[[str], Browser], form_token: Callable[[str], str],
    desk: str, media_type: str, file: Path,
) -> None:  # fmt: skip
    data = file.read_bytes()
    world = node.draft(media_type, data).world
    fields = {"token": form_token("QAT"), "media_type": media_type, "typed": MARKING, "beyond": "warn"}

    checked = browser("QAT").post(f"{BASES[world]}/compose/check", data=fields, files={"file": data})

    assert checked.status_code == 200, checked.text
    hidden = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', checked.text.split('id="result"')[1])
    )
    assert b64decode(hidden["document"]) == data
    hidden["label"] = hidden["label"].replace("&#34;", '"')
    released = browser("QAT").post(f"{BASES[world]}/compose/release", data=hidden)
    assert released.status_code == 201, released.text
    ref = re.findall(rf'href="{BASES[world]}/items/QAT/([0-9a-f]{{32}})"', released.text)[0]
    room = node.room(Reader("a Qatari", "QAT"), world)
    assert room.parts(room.get(Ref("QAT", ref)))[0].data == data


@every_media_type
@every_hostile
def test_hostile_bytes_are_refused_by_the_parser_and_the_house(
    node: House, bounded: Bounded, desk: str, media_type: str, hostile: str
) -> None:
    data = HOSTILE[hostile]()

    with bounded(), pytest.raises(Malformed) as refusal:
        DESKS[desk].parses[media_type](data, {})
    with bounded(), pytest.raises(Malformed) as again:
        node.draft(media_type, data, {"Kuwait": "KWT"})

    assert str(again.value) == str(refusal.value)
    assert_clear(str(refusal.value))


@every_turned
def test_an_override_of_the_reading_direction_is_refused_where_people_compare(
    node: House, desk: str, media_type: str, file: Path
) -> None:
    with pytest.raises(Malformed) as refusal:
        node.draft(media_type, file.read_bytes())

    assert_clear(str(refusal.value))


@every_checked
@every_hostile
def test_hostile_bytes_break_a_named_rule(bounded: Bounded, checks: Checks, hostile: str) -> None:
    data = HOSTILE[hostile]()

    with bounded():
        found = checks(data)

    assert any(one.severity is Weight.ERROR for one in found)
    assert [one.rule for one in found if not re.fullmatch(r"[a-z0-9]+([._][a-z0-9_]+)*", one.rule)] == []
    assert len(found) <= 200
    for one in found:
        assert_clear(f"{one}. Not registered.")


@every_media_type
@every_hostile
def test_hostile_bytes_are_a_problem_of_the_api_and_the_node_goes_on(
    browser: Callable[[str], Browser], form_token: Callable[[str], str], bounded: Bounded,
    desk: str, media_type: str, hostile: str,
) -> None:  # fmt: skip
    data = HOSTILE[hostile]()
    client, headers = browser("BHR"), {"x-diwan-token": form_token("BHR")}
    handed = {"media_type": media_type, "label": msgspec.to_builtins(LABEL), "data": b64encode(data).decode()}
    wrapped = msgspec.json.encode(handed)

    with bounded():
        answers = [client.post("/api/items", content=body, headers=headers) for body in (wrapped, data)]

    for answer in answers:
        assert answer.status_code in (413, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail"}
        assert_clear(answer.json()["detail"])
    assert client.get("/api/me").status_code == 200


@every_media_type
@every_hostile
def test_hostile_bytes_are_refused_by_the_form_and_the_node_goes_on(
    browser: Callable[[str], Browser], form_token: Callable[[str], str], bounded: Bounded,
    desk: str, media_type: str, hostile: str,
) -> None:  # fmt: skip
    data = HOSTILE[hostile]()
    client = browser("QAT")
    said = {"token": form_token("QAT"), "media_type": media_type, "typed": MARKING, "beyond": "warn"}
    release = {**said, "document": b64encode(data).decode(), "label": msgspec.json.encode(LABEL).decode()}

    with bounded(sending=True):
        chosen = client.post("/compose/check", data=said, files={"file": ("hostile", data)})
    with bounded(sending=True):
        pasted = client.post("/compose/check", data=said, files={"text": (None, as_text(data))})
    with bounded(sending=True):
        released = client.post("/compose/release", data=release)

    assert released.status_code in (413, 422), released.text[:500]
    for answer in (chosen, pasted):
        # A check that finds fault has done its work; what is too large is refused before it is one.
        assert answer.status_code in (200, 413, 422), answer.text[:500]
        assert ('class="refusal"' in answer.text) == (answer.status_code != 413)
        assert 'action="/compose/release"' not in answer.text
    assert client.get("/compose").status_code == 200


@pytest.mark.parametrize("said", ["text/plain", "text/plain; charset=nonsense"])
def test_a_form_whose_fields_are_not_text_is_refused(
    browser: Callable[[str], Browser], form_token: Callable[[str], str], said: str
) -> None:
    fields = {"token": form_token("QAT"), "typed": MARKING}

    answer = browser("QAT").post("/compose/check", data=fields, files={"text": (None, b"\xff\xfe", said)})

    assert answer.status_code in (400, 422)


def as_text(data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode()


def officer(party: str) -> Hand:
    return Hand(Reader(f"officer of {party}", party), frozenset({Role.DUTY_OFFICER}))


def assert_clear(text: str) -> None:
    """A refusal is a sentence or a few lines that say what is now true, and nothing of what was sent can turn it."""
    assert re.search(r"[Nn]ot registered|[Nn]othing was (entered|parsed|read|done)", text), text
    assert len(text) < 60_000
    assert "Traceback" not in text
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)
