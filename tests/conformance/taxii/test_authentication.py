"""TAXII 2.1, sections 1.6.9 and 8.2.2, RFC 9110 section 11, RFC 7617 and RFC 6750: who comes in, and how."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from taxii_node import MEDIA, PASSWORD, Caller, Maker, Node, bare, refused, told

NOBODY = "Basic " + b64encode(b"nobody.here:not the password of anybody").decode()
DAYS = f"Basic {b64encode(b'x' * 9000).decode()}"
WRONG = [
    None,
    "",
    "Basic",
    "Basic not*base64",
    "Basic " + b64encode(b"no colon").decode(),
    "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
    "Basic " + b64encode(b":").decode(),
    NOBODY,
    DAYS,
    "Bearer",
    "Bearer wrong",
    "Bearer " + "a" * 9000,
    "Digest username=kuwait",
    "Negotiate abc",
    "kuwait",
]


def basic(name: str, password: str = PASSWORD, scheme: str = "Basic") -> str:
    return f"{scheme} {b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.fixture
def endpoints(kuwait: Caller, make: Maker) -> list[tuple[str, str]]:
    """Every endpoint, with its method."""
    one = make.indicator()
    status = kuwait.push("shared", [one])
    objects, object_ = kuwait.at("shared", "objects"), kuwait.at("shared", "objects", one["id"])
    reads = [
        "/taxii2/",
        kuwait.root,
        f"{kuwait.root}collections/",
        kuwait.at("shared"),
        kuwait.at("shared", "manifest"),
        objects,
        object_,
        f"{object_}versions/",
        f"{kuwait.root}status/{status['id']}/",
    ]
    return [*(("GET", path) for path in reads), ("POST", objects), ("DELETE", object_)]


@pytest.fixture
def anybody(taxii: Node) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=taxii.addresses[0], headers={"Accept": MEDIA}, timeout=30) as client:
        yield client


@pytest.mark.parametrize("said", WRONG, ids=lambda said: repr(said)[:30])
def test_no_endpoint_lets_anybody_in(
    anybody: httpx.Client, kuwait: Caller, endpoints: list[tuple[str, str]], said: str | None
) -> None:
    """1.6.9 and 5.1 to 5.8: 401 with a challenge that names Basic (8.2.2), as every client needs it."""
    # Attempts with a password are counted and cost work, so only one endpoint is asked that way.
    asked = endpoints[5:6] if (said or "").startswith("Basic") else endpoints
    for method, path in asked:
        headers = {"Content-Type": MEDIA, **({} if said is None else {"Authorization": said})}
        answer = anybody.request(
            method, path, headers=headers, content=b'{"objects": []}' if method == "POST" else None
        )

        refused(answer, 401)
        assert "basic" in answer.headers["www-authenticate"].lower()
    assert told(kuwait.ask(endpoints[6][1]))["objects"]


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_password_lets_its_account_in_whatever_the_case_of_the_scheme(
    anybody: httpx.Client, kuwait: Caller, scheme: str
) -> None:
    """RFC 9110, section 11.1: schemes are compared without regard to case; MISP writes `basic`. RFC 7617: the password
    may hold a colon."""
    asked = {"Authorization": basic("kuwait", scheme=scheme)}

    assert told(anybody.get(f"{kuwait.root}collections/", headers=asked))["collections"] == kuwait.collections()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_token_lets_its_account_in(anybody: httpx.Client, taxii: Node, kuwait: Caller, scheme: str) -> None:
    """RFC 6750, section 2.1."""
    asked = {"Authorization": f"{scheme} {taxii.tokens['kuwait']}"}

    assert told(anybody.get(f"{kuwait.root}collections/", headers=asked))["collections"] == kuwait.collections()


def test_reader_is_who_the_password_is_of(anybody: httpx.Client, kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """8.2.2: what a caller gets is theirs; one connection may carry several callers."""
    one = make.indicator()
    kuwait.enter("ours", one)
    path = kuwait.at("ours", "objects", one["id"])

    answers = [anybody.get(path, headers={"Authorization": basic(name)}) for name in ("kuwait", "qatar", "kuwait")]

    assert [answer.status_code for answer in answers] == [200, 404, 200]


def test_name_that_nobody_has_and_a_wrong_password_are_the_same_answer(anybody: httpx.Client) -> None:
    """1.6.9: who asks learns no names."""
    wrong, nobody = (
        anybody.get("/taxii2/", headers={"Authorization": basic(name, "not the password")})
        for name in ("jordan.reads", "nobody.there")
    )

    refused(nobody, 401)
    assert bare(wrong) == bare(nobody)


def test_who_tries_too_often_is_told_when_to_come_back(anybody: httpx.Client, qatar: Caller) -> None:
    """RFC 6585, section 4: 429 and Retry-After, not that it is not allowed; whoever is known already goes on."""
    known, guess = {"Authorization": basic("qatar.reads")}, {"Authorization": basic("qatar.reads", "a wrong guess")}
    told(anybody.get("/taxii2/", headers=known))

    answers = [anybody.get("/taxii2/", headers=guess) for _ in range(8)]

    assert {answer.status_code for answer in answers} == {401, 429}
    refused(answers[-1], 429)
    assert int(answers[-1].headers["retry-after"]) >= 1
    told(anybody.get("/taxii2/", headers=known))
    told(qatar.ask("/taxii2/"))


def test_several_requests_with_one_password_are_cheap(anybody: httpx.Client, kuwait: Caller) -> None:
    """8.2.2: clients send Basic with each request; it is not hashed anew each time."""
    asked = {"Authorization": basic("qatar")}
    told(anybody.get("/taxii2/", headers=asked))

    taken = [anybody.get("/taxii2/", headers=asked).elapsed.total_seconds() for _ in range(20)]

    assert sorted(taken)[10] < 0.05


def test_account_that_is_closed_is_out_with_its_next_request(taxii: Node, anybody: httpx.Client) -> None:
    """1.6.9: by password, though it was verified a moment ago, and by token."""
    program, node = str(Path(sys.executable).with_name("diwan")), ["--node", str(taxii.folder)]
    opened = [program, "user", "add", "leaving", "--party", "QAT", *node]
    password = subprocess.run(opened, capture_output=True, check=True, text=True).stdout.split()[-1]
    made = subprocess.run([program, "token", "add", "leaving", "t", *node], capture_output=True, check=True, text=True)
    ways = [{"Authorization": basic("leaving", password)}, {"Authorization": f"Bearer {made.stdout.split()[-1]}"}]
    before = [anybody.get("/taxii2/", headers=way).status_code for way in ways]

    subprocess.run([program, "user", "close", "leaving", *node], capture_output=True, check=True)

    assert before == [200, 200]
    for way in ways:
        refused(anybody.get("/taxii2/", headers=way), 401)


def test_refused_caller_enters_and_deletes_nothing(anybody: httpx.Client, kuwait: Caller, make: Maker) -> None:
    """5.5 and 5.7: 401 comes before anything else."""
    one, other = make.envelope(2)
    kuwait.enter("shared", one)
    body = f'{{"objects": [{json.dumps(other)}]}}'.encode()

    refused(anybody.post(kuwait.at("shared", "objects"), content=body, headers={"Content-Type": MEDIA}), 401)
    refused(anybody.delete(kuwait.at("shared", "objects", one["id"])), 401)

    assert told(kuwait.object("shared", one["id"]))["objects"] == [one]
    refused(kuwait.object("shared", other["id"]), 404)


def test_unknown_and_known_paths_are_the_same_answer_to_who_is_not_let_in(
    anybody: httpx.Client, kuwait: Caller, make: Maker
) -> None:
    """5.1 to 5.8: who is not let in does not learn which collections and objects there are."""
    one = make.indicator()
    kuwait.enter("shared", one)

    known, unknown = (
        anybody.get(kuwait.at("shared", "objects", id)) for id in (one["id"], f"indicator--{make.uuid()}")
    )
    shelf, nowhere = anybody.get(kuwait.at("shared")), anybody.get(kuwait.at(make.uuid()))

    refused(unknown, 401)
    assert bare(known) == bare(unknown) == bare(shelf) == bare(nowhere)
