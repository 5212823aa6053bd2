"""STIX objects through the house: the bytes of real files come back, versions are told as a plain list tells them."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from diwan.desks.cyber.acts import open_file
from diwan.desks.cyber.kinds.stix import Brief, instant_of, kind_of, sortable, written, written_ms
from diwan.desks.cyber.parse.stix import VALUES, parse, refs_in, version_of
from diwan.house import House
from diwan.intake.take import Taken
from diwan.reading import Arrival, Query, ReadingRoom, Selection
from diwan.registry.chance import Chance
from diwan.release.ceiling import Height
from diwan.settings import Settings
from diwan.terms.errors import Conflict, Duplicate, Malformed
from diwan.terms.finding import Finding, Reject
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Link, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
HISTORY = "attack-history-versions.ndjson.gz"
SAMPLE = 3_000
"""Objects of ATT&CK Enterprise that are taken of its 24,771."""
OFFICER = Hand(Reader("officer of KWT", "KWT"), frozenset({Role.RELEASING_OFFICER}))
LABEL = Label(
    "TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("QAT",)),), Handling(tlp="TLP:AMBER")
)
NAME = "5f0d0040-7a11-4c3e-9b1d-000000000040"
OTHER = "5f0d0041-7a11-4c3e-9b1d-000000000041"
T1 = "2017-01-20T08:00:00.000Z"
Make = Callable[[], House]


@pytest.fixture(scope="module")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("real STIX files lie in ../shared/data/stix, which is not here")
    return SHARED


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Begin a node in a folder of its own."""
    opened: list[House] = []

    def make() -> House:
        settings = Settings(keeper="NATO", hosted=("KWT", "QAT"), heights=(Height("TLP", "UNCLASSIFIED"),))
        folder = tmp_path_factory.mktemp("stix") / "node"
        opened.append(House(folder, settings, chance=Chance(1), synchronous="OFF"))
        return opened[-1]

    yield make
    for house in opened:
        house.close()


def content(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def list_of(data: bytes) -> int:
    """Return where the objects of a bundle begin."""
    found = re.search(rb'"objects"\s*:\s*\[', data)
    assert found
    return found.end()


def enter(house: House, drafts: list[Draft]) -> Counter[str]:
    found: Counter[str] = Counter()
    for at in range(0, len(drafts), 1000):
        labelled = [(draft, LABEL) for draft in drafts[at : at + 1000]]
        found.update(type(one).__name__ for one in house.take_all(OFFICER, labelled, originator="KWT"))
    return found


def arrived(room: ReadingRoom, **said: Any) -> list[Arrival]:
    selection, cursor = Selection(scheme="stix", **said), None
    found: list[Arrival] = []
    while True:
        answer = room.arrivals(selection, cursor=cursor, limit=4_999)
        found += answer.found
        cursor = answer.cursor
        if cursor is None:
            return found


def reading(house: House) -> ReadingRoom:
    return house.room(Reader("a Qatari", "QAT"))


def test_bytes_of_every_object_of_every_real_file_come_back_as_they_stand_in_it(begin: Make, shared: Path) -> None:
    house, entered = begin(), []
    for file in sorted(file for file in shared.iterdir() if file.suffix in (".json", ".gz") and file.name != HISTORY):
        data = content(file)
        drafts = [draft for draft in open_file(data, file.name, {}) if isinstance(draft, Draft)]
        assert len(drafts) == len(json.loads(data)["objects"])
        end = list_of(data)
        for draft in drafts:
            # Nothing but a comma lies between two objects, so each is whole and none is left out.
            start = data.index(draft.parts[0].data, end)
            assert data[end:start].strip() in (b"", b",")
            end = start + len(draft.parts[0].data)
        assert data[end:].lstrip().startswith(b"]")
        entered += random.Random(1).sample(drafts, SAMPLE) if len(drafts) > SAMPLE else drafts

    outcomes = enter(house, entered)

    # Files share identities and definitions, some of them in other words: one of each version is kept, the first.
    kept: dict[tuple[str, object], Draft] = {}
    for draft in entered:
        said = json.loads(draft.parts[0].data)
        at = said.get("modified") or said.get("created")
        kept.setdefault((said["id"], moment(at) if at else draft.parts[0].data), draft)
    assert outcomes["Taken"] == len(kept) > 10_000
    assert outcomes.keys() <= {"Taken", "Duplicate", "Conflict"}
    found = arrived(reading(house), which=("all",))
    assert Counter(one.data for one in found) == Counter(draft.parts[0].data for draft in kept.values())


@pytest.fixture(scope="module")
def history(begin: Make, shared: Path) -> tuple[ReadingRoom, list[dict[str, Any]], list[Reject]]:
    """A room with all good versions of ATT&CK's objects, these as a plain list, and the rejects."""
    house, data = begin(), content(shared / HISTORY)
    read = list(open_file(data, HISTORY, {}))
    drafts = [draft for draft in read if isinstance(draft, Draft)]
    assert enter(house, drafts) == {"Taken": len(drafts)}
    said = [json.loads(line) for line in data.splitlines()]
    assert len(said) == len(read) == 16_208
    kept = [one for one, draft in zip(said, read, strict=True) if isinstance(draft, Draft)]
    return reading(house), kept, [one for one in read if isinstance(one, Reject)]


def key(one: dict[str, Any]) -> tuple[str, str]:
    return one["id"], one.get("modified") or one["created"]


def keys(found: list[Arrival]) -> list[tuple[str, str]]:
    return sorted((one.name, one.version) for one in found)


def moment(text: str) -> tuple[str, str]:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return whole, fraction.rstrip("0")


def test_every_version_is_kept_and_all_are_told_in_the_order_of_their_entering(
    history: tuple[ReadingRoom, list[dict[str, Any]], list[Reject]], shared: Path
) -> None:
    room, kept, _ = history
    lines = set(content(shared / HISTORY).splitlines())

    found = arrived(room, which=("all",))

    # Items of one transaction stand in the order in which they were handed in, for there is one gate.
    assert [(one.name, one.version) for one in found] == [key(one) for one in kept]
    assert {one.data for one in found} <= lines
    assert all(first.at < second.at for first, second in pairwise(found))


def test_first_last_and_named_versions_are_those_of_a_plain_list(
    history: tuple[ReadingRoom, list[dict[str, Any]], list[Reject]],
) -> None:
    room, kept, _ = history
    by_name: dict[str, list[tuple[str, str]]] = {}
    for one in kept:
        by_name.setdefault(one["id"], []).append(key(one))
    first = {name: min(each, key=lambda pair: moment(pair[1])) for name, each in by_name.items()}
    last = {name: max(each, key=lambda pair: moment(pair[1])) for name, each in by_name.items()}
    commonest = Counter(version for _, version in map(key, kept)).most_common(1)[0][0]
    of_it = {pair for pair in map(key, kept) if moment(pair[1]) == moment(commonest)}
    sorts = (sortable(commonest) or "",)
    some = tuple(random.Random(1).sample(sorted(by_name), 700))

    assert keys(arrived(room, which=("first",))) == sorted(first.values())
    assert keys(arrived(room, which=("last",))) == sorted(last.values())
    assert keys(arrived(room, which=("first", "last"))) == sorted({*first.values(), *last.values()})
    assert keys(arrived(room, which=(), versions=sorts)) == sorted(of_it)
    assert keys(arrived(room, which=("last",), versions=sorts)) == sorted({*last.values(), *of_it})
    assert keys(arrived(room, which=("all",), versions=sorts)) == sorted(map(key, kept))
    assert keys(arrived(room, which=("last",), names=some)) == sorted(last[name] for name in some)
    assert keys(arrived(room, names=(*some, "tool--none"), which=("all",))) == sorted(
        pair for name in some for pair in by_name[name]
    )
    assert len(of_it) > 400
    assert max(map(len, by_name.values())) > 20


def test_a_filter_by_type_word_or_originator_finds_what_a_plain_list_has(
    history: tuple[ReadingRoom, list[dict[str, Any]], list[Reject]],
) -> None:
    room, kept, _ = history
    tools = sorted(key(one) for one in kept if one["type"] in ("tool", "campaign"))
    two = ((("type", "tool"), ("type", "campaign")), (("originator", "KWT"),))

    assert keys(arrived(room, which=("all",), alternatives=two)) == tools
    assert keys(arrived(room, which=("all",), alternatives=(*two[:1], (("originator", "QAT"),)))) == []
    groups = [one for one in kept if one["type"] == "intrusion-set" and re.search(r"\bteam\b", one["name"].lower())]
    found = arrived(room, which=("all",), query=Query(words="team"), alternatives=((("type", "intrusion-set"),),))
    assert set(keys(found)) >= {key(one) for one in groups} > set()
    assert {one.name.partition("--")[0] for one in found} == {"intrusion-set"}


def test_invalid_versions_are_refused_with_every_reason_and_where_it_stands(
    history: tuple[ReadingRoom, list[dict[str, Any]], list[Reject]], shared: Path
) -> None:
    _, _, rejects = history
    lines = content(shared / HISTORY).splitlines()
    expected = []
    for number, line in enumerate(lines):
        said = json.loads(line)
        where = f"/objects/{number}"
        empty = [("schema.empty", f"{where}/{name}", number + 1) for name, value in said.items() if value == []]
        late = moment(said["created"][:23]) > moment(said.get("modified", "9")[:23])
        found = empty + ([("time.order", f"{where}/modified", number + 1)] if late else [])
        if found:
            expected.append((where, sorted(found)))

    told = [(one.where, sorted((f.rule, f.path, f.line) for f in one.findings)) for one in rejects]

    assert told == expected
    assert {one.file for one in rejects} == {HISTORY}
    assert len(rejects) == 535


# One object at a time ----------------------------------------------------------------------------------------------


def thing(kind: str = "threat-actor", **more: Any) -> dict[str, Any]:
    head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{NAME}", "created": T1, "modified": T1}
    return {**head, **({"name": "Limpet"} if kind == "threat-actor" else {}), **more}


def sco(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{NAME}", **more}


def drafted(said: dict[str, Any]) -> Draft:
    return parse(msgspec.json.encode(said), {})


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (thing(name="  Limpet\n of\tthe Gulf "), "Limpet of the Gulf"),
        (thing(name="x" * 300), "x" * 200),
        (thing(name="می\u200cشود"), "می\u200cشود"),
        (thing(name="bell\u0007"), "bell\ufffd"),
        (sco("file", name="invoice\u202efdp.exe"), "invoice\ufffdfdp.exe"),
        (sco("file", hashes={"MD5": "ab" * 16}), "ab" * 16),
        (sco("autonomous-system", number=64500), "AS64500"),
        (sco("domain-name", value="pilots.example"), "pilots.example"),
        (sco("process", pid=7), f"process--{NAME}"),
        (thing("note", content="words", object_refs=[f"tool--{OTHER}"]), f"note--{NAME}"),
        (thing("note", abstract="Short", content="words", object_refs=[f"tool--{OTHER}"]), "Short"),
        (
            thing("relationship", relationship_type="uses", source_ref=f"malware--{NAME}", target_ref=f"tool--{OTHER}"),
            "malware uses tool",
        ),
        (thing("sighting", sighting_of_ref=f"indicator--{OTHER}"), "sighting of indicator"),
        (
            thing("indicator", pattern="[url:value = 'http://a.example/']", pattern_type="stix", valid_from=T1),
            "[url:value = 'http://a.example/']",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else value["type"],
)
def test_title_is_what_people_know_an_object_by_in_one_line(said: dict[str, Any], title: str) -> None:
    draft = drafted(said)

    assert (draft.title, msgspec.json.decode(draft.brief, type=Brief).name) == (title, title)


def test_an_indicator_is_filed_by_all_that_lists_show_and_search_finds() -> None:
    said = thing(
        "indicator",
        name="Beacon",
        description="Seen in the Gulf",
        indicator_types=["malicious-activity", "c2"],
        labels=["urgent"],
        pattern="[domain-name:value = 'Pilots.example' AND ipv4-addr:value NOT = '192.0.2.1']",
        pattern_type="stix",
        valid_from="2017-01-20T08:00:00Z",
        valid_until="2017-03-01T08:00:00.5Z",
        confidence=85,
        revoked=True,
        created_by_ref=f"identity--{OTHER}",
        object_marking_refs=["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
        external_references=[{"source_name": "Example", "external_id": "EX-1"}],
    )

    data = msgspec.json.encode(said)
    draft = parse(data, {})

    assert draft == Draft(
        kind="cyber.indicator",
        title="Beacon",
        parts=draft.parts,
        text=("Beacon", "Seen in the Gulf", "urgent", "EX-1"),
        facets=(
            ("type", "indicator"),
            ("tlp", "TLP:AMBER"),
            ("revoked", "true"),
            ("indicator_types", "malicious-activity"),
            ("indicator_types", "c2"),
            ("labels", "urgent"),
            ("pattern_type", "stix"),
        ),
        values=("domain:pilots.example",),
        aliases=(Alias("stix", said["id"]),),
        version=Version("2017-01-20T08:00:00", T1, version_of(said).content),
        links=(
            Link("created_by", Alias("stix", f"identity--{OTHER}")),
            Link("object_marking", Alias("stix", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82")),
        ),
        author=f"identity--{OTHER}",
        handling=Handling(tlp="TLP:AMBER"),
        brief=draft.brief,
    )
    assert [(part.name, part.media_type, part.data) for part in draft.parts] == [
        ("object.json", "application/stix+json", data)
    ]
    assert msgspec.json.decode(draft.brief, type=Brief) == Brief(
        id=said["id"],
        type="indicator",
        name="Beacon",
        version=T1,
        revoked=True,
        confidence=85,
        tlp="TLP:AMBER",
        pattern=said["pattern"],
        valid_from=instant_of("2017-01-20T08:00:00Z"),
        valid_until=instant_of("2017-03-01T08:00:00.5Z"),
        values=("domain:pilots.example",),
    )


def test_a_technique_is_known_by_its_id_and_tactics() -> None:
    draft = drafted(
        thing(
            "attack-pattern",
            name="Example Technique",
            kill_chain_phases=[
                {"kill_chain_name": "mitre-attack", "phase_name": phase} for phase in ("execution", "impact", "impact")
            ],
            external_references=[{"source_name": "mitre-attack", "external_id": "T0000.001"}],
        )
    )

    brief = msgspec.json.decode(draft.brief, type=Brief)
    assert (brief.technique, brief.tactics) == ("T0000.001", ("execution", "impact"))
    assert draft.values == ("attack:T0000.001",)
    assert [value for name, value in draft.facets if name == "tactic"] == ["execution", "impact"]


@pytest.mark.parametrize(
    ("said", "links"),
    [
        (thing("sighting", sighting_of_ref=f"indicator--{OTHER}", where_sighted_refs=[f"identity--{NAME}"]),
         [("sighting_of", f"indicator--{OTHER}"), ("where_sighted", f"identity--{NAME}")]),
        (thing(x_seen={"inner": {"by_ref": f"identity--{OTHER}"}}), [("by", f"identity--{OTHER}")]),
        (thing(x_any_ref="no id", x_any_refs=["none", 1]), []),
        (thing("observed-data", first_observed=T1, last_observed=T1, number_observed=1,
               objects={"0": {"type": "file", "id": f"file--{NAME}", "name": "a"}}, x_of_refs=["0"]), []),
    ],
    ids=["sighting", "embedded", "no identifiers", "observables inside"],
)  # fmt: skip
def test_links_are_the_references_of_an_object_by_their_names(
    said: dict[str, Any], links: list[tuple[str, str]]
) -> None:
    assert [(link.relation, link.to.value) for link in drafted(said).links] == links


def test_a_report_of_very_many_objects_keeps_its_first_links_and_all_of_its_markings(
    begin: Make, amber: Callable[..., Label]
) -> None:
    house, ident = begin(), "marking-definition--5f0d0042-7a11-4c3e-9b1d-000000000042"
    pap: dict[str, Any] = {"type": "marking-definition", "spec_version": "2.1", "id": ident, "created": T1}
    pap |= {"definition_type": "statement", "definition": {"statement": "PAP:RED"}}
    refs = [f"tool--5f0d0043-7a11-4c3e-9b1d-{number:012}" for number in range(VALUES + 1)]
    said = thing("report", name="Many", published="2017-01-20T08:00:00Z", object_refs=refs, object_marking_refs=[ident])
    house.take(OFFICER, drafted(pap), LABEL, originator="KWT")

    draft = drafted(said)
    ref = house.take(OFFICER, draft, LABEL, originator="KWT").refs[0]

    assert [link.to.value for link in draft.links] == refs[:VALUES]
    assert reading(house).get(ref).label.handling == Handling(tlp="TLP:AMBER", pap="PAP:RED")
    assert len(list(refs_in(said))) == VALUES + 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2017-01-20T08:00:00Z", "2017-01-20T08:00:00.0Z"),
        ("2017-01-20T08:00:00.1Z", "2017-01-20T08:00:00.100Z"),
        ("2017-01-20T08:00:00.123456Z", "2017-01-20T08:00:00.123456000000Z"),
    ],
)
def test_one_instant_written_in_two_ways_sorts_as_one(one: str, other: str) -> None:
    assert sortable(one) == sortable(other)
    assert instant_of(one) == instant_of(other)


def test_times_sort_as_text_in_the_order_of_time() -> None:
    times = [
        "0001-01-01T00:00:00Z", "2016-12-31T23:59:59.999Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z",
        "2017-01-01T00:00:00.0000001Z", "2017-01-01T00:00:00.000001Z", "2017-01-01T00:00:00.09Z",
        "2017-01-01T00:00:00.1Z", "2017-01-01T00:00:00.11Z", "2017-01-01T00:00:01Z", "9999-12-31T23:59:59.9Z",
    ]  # fmt: skip
    sorts = [sortable(one) or "" for one in times]

    assert sorts == sorted(set(sorts))
    at = [instant_of(one) for one in times]
    assert at == sorted(one for one in at if one is not None)
    assert [written(one) for one in at[5:7] if one is not None] == [
        "2017-01-01T00:00:00.000001Z", "2017-01-01T00:00:00.090000Z"
    ]  # fmt: skip
    assert written_ms(at[6] or 0) == "2017-01-01T00:00:00.090Z"


@pytest.mark.parametrize(
    "text",
    ["", "2017-01-20", "2017-02-29T00:00:00Z", "2017-01-20T24:00:00Z", "2017-01-20T08:00:61Z", "2017-01-20T08:00:00",
     "2017-01-20T08:00:00+03:00", "2017-01-20t08:00:00z", "2017-01-20T08:00:00.Z", "0000-01-01T00:00:00Z",
     "٢٠١٧-01-20T08:00:00Z", "2017-01-20T08:00:00Z\n", f"2017-01-20T08:00:00.{'1' * 33}Z"],
)  # fmt: skip
def test_what_is_no_time_of_stix_is_none(text: str) -> None:
    assert (sortable(text), instant_of(text)) == (None, None)


def test_equal_instants_are_one_version_and_longer_fractions_are_others(begin: Make) -> None:
    house = begin()
    texts = ["2017-01-20T08:00:00.100Z", "2017-01-20T08:00:00.1000Z", "2017-01-20T08:00:00.1001Z"]
    drafts = [drafted(thing(modified=text)) for text in texts]

    outcomes = house.take_all(OFFICER, [(draft, LABEL) for draft in drafts], originator="KWT")
    again = house.take_all(OFFICER, [(draft, LABEL) for draft in drafts], originator="KWT")

    # The same instant written otherwise is another content under the same version: one of them is enough, and told so.
    assert [type(one) for one in outcomes] == [Taken, Conflict, Taken]
    assert [type(one) for one in again] == [Duplicate, Conflict, Duplicate]
    room = reading(house)
    assert [one.version for one in arrived(room, which=("all",))] == [texts[0], texts[2]]
    assert [one.version for one in arrived(room, which=("last",))] == [texts[2]]
    assert [one.version for one in arrived(room, which=(), versions=("2017-01-20T08:00:00.1",))] == [texts[0]]


def test_the_same_content_spelt_otherwise_is_no_second_item(begin: Make) -> None:
    house, said = begin(), thing(goals=["harm ports"], x_height=1.5)
    spaced = json.dumps(dict(reversed(said.items())), indent=1).encode()
    house.take(OFFICER, drafted(said), LABEL, originator="KWT")

    with pytest.raises(Duplicate, match="saying the same"):
        house.take(OFFICER, parse(spaced, {}), LABEL, originator="KWT")

    assert [one.data for one in arrived(reading(house))] == [msgspec.json.encode(said)]


def test_observables_without_times_stand_side_by_side_and_each_arrival_is_a_version(begin: Make) -> None:
    house = begin()
    first = drafted(sco("domain-name", value="pilots.example"))
    second = drafted(sco("domain-name", value="pilots.example", resolves_to_refs=[f"ipv4-addr--{OTHER}"]))

    outcomes = house.take_all(OFFICER, [(one, LABEL) for one in (first, second, first)], originator="KWT")

    assert [type(one) for one in outcomes] == [Taken, Taken, Duplicate]
    assert first.version == Version("", "", version_of(json.loads(first.parts[0].data)).content)
    room = reading(house)
    both = arrived(room, which=("all",))
    assert [(one.version, one.data) for one in both] == [("", first.parts[0].data), ("", second.parts[0].data)]
    assert arrived(room, which=("first",)) == both[:1]
    assert arrived(room) == both[1:]


def test_types_of_ones_own_and_extensions_are_kept_whole(begin: Make) -> None:
    house = begin()
    extension = {f"extension-definition--{OTHER}": {"extension_type": "new-sdo"}}
    tide = thing("x-tide-table", x_height=1.5, x_count=2**70, x_when={"spring": ["a", None]}, extensions=extension)

    ref = house.take(OFFICER, drafted(tide), LABEL, originator="KWT").refs[0]

    room = reading(house)
    assert room.get(ref).kind == kind_of("x-tide-table") == "cyber.custom"
    assert [one.data for one in arrived(room, alternatives=((("type", "x-tide-table"),),))] == [
        msgspec.json.encode(tide)
    ]


def test_a_bundle_of_stix_2_0_comes_out_as_2_1_beside_its_original_bytes(begin: Make) -> None:
    old = {"type": "tool", "id": f"tool--{NAME}", "created": T1, "modified": T1, "name": "Example", "labels": ["vnc"]}
    # A version of its own that looks like that of the standard says nothing of the standard's.
    versioned = {**old, "id": f"tool--{OTHER}", "x_mitre_version": "2.1"}
    raw = [json.dumps(one, indent=2) for one in (old, versioned)]
    bundle = f'{{"type": "bundle", "id": "bundle--{NAME}", "spec_version": "2.0", "objects": [{", ".join(raw)}]}}'
    house = begin()

    drafts = [draft for draft in open_file(bundle.encode(), "old.json", {}) if isinstance(draft, Draft)]
    outcomes = enter(house, drafts)

    assert outcomes == {"Taken": 2}
    assert [[part.name for part in draft.parts] for draft in drafts] == [["object.json", "original.json"]] * 2
    assert [draft.parts[1].data for draft in drafts] == [one.encode() for one in raw]
    new = {key: value for key, value in old.items() if key != "labels"} | {"spec_version": "2.1", "tool_types": ["vnc"]}
    room = reading(house)
    found = [json.loads(one.data) for one in arrived(room)]
    assert found == [new, {**new, "id": f"tool--{OTHER}", "x_mitre_version": "2.1"}]
    (item,) = room.known_as(Alias("stix", f"tool--{NAME}"))
    assert (room.parts(item), msgspec.json.decode(item.brief, type=Brief).original) == (drafts[0].parts, True)


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (b'[{"type":"tool","spec_version":"2.1"}]', ["schema.required"] * 4),
        (b"{", ["json.read"]),
        (b'{"type":"bundle","id":"bundle--1","objects":[1]}', ["json.read"]),
        (msgspec.json.encode(thing()).replace(b'"name"', b'"type":"tool","name"'), ["json.read"]),
    ],
)
def test_what_is_no_object_is_a_reject_with_its_rules(data: bytes, rules: list[str]) -> None:
    (reject,) = open_file(data, "wrong.json", {})

    assert isinstance(reject, Reject)
    assert [one.rule for one in reject.findings] == rules


@pytest.mark.parametrize("name", ["Event", "distribution"])
def test_an_object_that_names_what_misp_has_is_no_event(name: str) -> None:
    said = {"type": "bundle", "id": f"bundle--{NAME}", "objects": [thing(name=name, x_note={name: [1]})]}

    (draft,) = open_file(msgspec.json.encode(said), "bundle.json", {})

    assert isinstance(draft, Draft)
    assert draft.kind == "cyber.threat-actor"


def test_a_bundle_is_not_one_object_and_an_object_has_a_size() -> None:
    with pytest.raises(Malformed, match="a bundle holds many objects"):
        parse(b'{"type":"bundle","id":"bundle--1"}', {})
    with pytest.raises(Malformed, match="more than 1048576 bytes"):
        parse(msgspec.json.encode(thing(description="x" * 1024 * 1024)), {})


def test_findings_of_a_refused_object_are_told_in_the_refusal() -> None:
    with pytest.raises(Malformed) as refusal:
        drafted(thing(name=7, goals=[]))

    assert str(refusal.value).startswith("STIX: schema.")
    assert str(refusal.value).endswith("Not registered.")
    assert all(isinstance(one, Finding) for one in refusal.value.findings)  # type: ignore[attr-defined] # of Nonconforming
