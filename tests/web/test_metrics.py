"""The node's numbers: in Prometheus's format, on this machine's loopback alone, and at no address of the shell."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.terms.errors import NotAllowed, Refused
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Ref
from diwan.web.access import with_notes
from diwan.web.health import ROOM, Readiness
from diwan.web.metrics import MEDIA_TYPE, Metrics, listening
from diwan.web.tally import BOUNDS, Tally

Browser = TestClient[Litestar]
SECRET = "sandstorm"
# Prometheus, exposition formats, text-based format: comments, then name, labels and number on a line.
COMMENT = re.compile(r"# (?:HELP [a-z_]+ [^\n]+|TYPE [a-z_]+ (?:counter|gauge|histogram))")
SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-z]))?)+\})? ([-+0-9.e]+|NaN|inf)')


def numbers(text: bytes) -> dict[str, float]:
    """Return each number by its name and labels; a line that is not of the format fails."""
    said = text.decode()
    assert said.endswith("\n")
    found: dict[str, float] = {}
    for line in said.splitlines():
        if line.startswith("#"):
            assert COMMENT.fullmatch(line), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = f"{match[1]}{match[2] or ''}"
        assert name not in found
        found[name] = float(match[3])
    return found


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def metrics(house: House, tally: Tally) -> Metrics:
    return Metrics(house, tally, Readiness(house, kept=0.0))


def test_the_numbers_are_those_of_the_whole_node(
    house: House, tally: Tally, metrics: Metrics, alert: Callable[..., Ref], hand: Callable[..., Hand]
) -> None:
    refs = [alert(f"KW-{number}", "TLP:RED // KWT ONLY") for number in range(3)]
    house.recall(hand("KWT"), refs[0])
    tally.add("GET", "/", 200, 0.02)
    tally.add("GET", "/", 200, 0.3)
    tally.add("GET", "/", 404, 60.0)
    for _ in range(2):
        with pytest.raises(NotAllowed):
            house.doors.sign_in("nobody", "wrong wrong wrong", "192.0.2.7")

    told = numbers(metrics.text())

    answered = {name: number for name, number in told.items() if name.startswith("diwan_http")}
    reached = {"0.005": 0, "0.01": 0, "0.025": 1, "0.05": 1, "0.1": 1, "0.25": 1, "0.5": 2}
    buckets = {**reached, **dict.fromkeys(("1.0", "2.5", "5.0", "10.0"), 2), "+Inf": 3}
    assert answered == {
        'diwan_http_requests_total{method="GET",route="/",status="200"}': 2,
        'diwan_http_requests_total{method="GET",route="/",status="404"}': 1,
        **{
            f'diwan_http_request_duration_seconds_bucket{{route="/",le="{bound}"}}': count
            for bound, count in buckets.items()
        },
        'diwan_http_request_duration_seconds_sum{route="/"}': 60.32,
        'diwan_http_request_duration_seconds_count{route="/"}': 3,
    }
    assert len(buckets) == len(BOUNDS) + 1
    assert told["diwan_entries_standing"] == 2
    assert told["diwan_words_waiting"] == house.book.facts()["waiting"]
    assert told["diwan_sign_ins_refused_total"] == 2
    assert told["diwan_ready"] == 1
    assert told["diwan_disk_free_bytes"] > 0
    assert house.clock() / 1e6 - 3600 < told["diwan_last_position_timestamp_seconds"] <= house.clock() / 1e6
    assert 1e6 < told["process_resident_memory_bytes"] < told["process_virtual_memory_bytes"]
    assert 3 <= told["process_open_fds"] <= told["process_max_fds"]
    assert told["process_cpu_seconds_total"] > 0
    assert abs(told["process_start_time_seconds"] - psutil.Process().create_time()) < 1
    assert numbers(metrics.text())["process_start_time_seconds"] == told["process_start_time_seconds"]


def test_a_label_that_breaks_a_line_is_escaped(tally: Tally, metrics: Metrics) -> None:
    tally.add("GET", 'a"b\\c\nd', 200, 0.1)

    told = numbers(metrics.text())

    assert told['diwan_http_requests_total{method="GET",route="a\\"b\\\\c\\nd",status="200"}'] == 1


def test_a_node_that_is_not_ready_still_tells_what_it_can(house: House, tally: Tally) -> None:
    told = numbers(Metrics(house, tally, Readiness(house, free=lambda: ROOM - 1)).text())

    assert told["diwan_ready"] == 0
    assert "diwan_disk_free_bytes" in told
    assert "diwan_words_waiting" not in told


def test_no_number_and_no_label_holds_what_a_request_or_an_item_held(
    app: Litestar, tally: Tally, metrics: Metrics, browser: Callable[..., Browser], alert: Callable[..., Ref]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT", headline=SECRET)
    cookie = {"cookie": f"__Host-diwan={browser('KWT').cookies['__Host-diwan']}"}
    with TestClient(with_notes(app, tally), base_url="https://node.example") as client:  # type: ignore[arg-type]
        seen = client.get("/", params={"q": SECRET}, headers=cookie)
        client.get(f"/items/{ref}", headers=cookie)
        client.get(f"/items/{SECRET}/{SECRET}", headers=cookie)
        client.get(f"/{SECRET}", headers={SECRET: SECRET, "user-agent": SECRET, "authorization": f"Bearer {SECRET}"})
        client.post("/sign-in", data={"name": SECRET, "password": SECRET})
        client.request(SECRET.upper(), "/", params={SECRET: SECRET})

    text = metrics.text().decode()

    assert SECRET in seen.text
    routes = set(re.findall(r'requests_total\{method="(\w+)",route="([^"]+)"', text))
    assert routes == {("GET", "/"), ("GET", "/items/{originator}/{ident}"), ("GET", "none"), ("POST", "/sign-in"),
                      ("other", "none")}  # fmt: skip
    for word in (SECRET, ref.id, ref.originator, "TLP", "RED", "Oil"):
        assert word.lower() not in text.lower(), word


def test_no_address_of_the_shell_tells_a_number_be_it_to_an_administrator(browser: Callable[..., Browser]) -> None:
    administrator = browser("NATO", roles=(Role.ADMINISTRATOR,))

    for base in ("", "/exercise", "/test", "/api"):
        asked, nowhere = (administrator.get(f"{base}/{name}") for name in ("metrics", "nowhere"))
        assert (asked.status_code, asked.content) == (404, nowhere.content)
        assert dict(asked.headers) == dict(nowhere.headers)


@contextmanager
def asking(port: int) -> Iterator[http.client.HTTPConnection]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        yield line
    finally:
        line.close()


def test_the_listener_tells_the_numbers_to_this_machine_and_nothing_at_any_other_address(metrics: Metrics) -> None:
    with listening(0, metrics.text) as port:
        answers = []
        for path, host in (
            ("/metrics", f"127.0.0.1:{port}"),
            ("/metrics", f"localhost:{port}"),
            ("/metrics", f"rebound.example:{port}"),
            ("/metrics", ""),
            ("/metrics?q=1", f"127.0.0.1:{port}"),
            ("/", f"127.0.0.1:{port}"),
        ):
            with asking(port) as line:
                line.request("GET", path, headers={"Host": host})
                said = line.getresponse()
                answers.append((said.status, said.headers["content-type"], said.headers["server"], said.read()))
        with asking(port) as line:
            line.request("POST", "/metrics", b"x", {"Host": f"127.0.0.1:{port}"})
            posted = line.getresponse().status
        others = [
            address[4][0]
            for address in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET, socket.SOCK_STREAM)
            if not address[4][0].startswith("127.")
        ]
        for address in others:
            with socket.socket() as probe:
                assert probe.connect_ex((str(address), port)) != 0

    assert [status for status, *_ in answers] == [200, 200, 404, 404, 404, 404]
    assert answers[0][1:3] == (MEDIA_TYPE, None)
    assert numbers(answers[0][3])["diwan_ready"] == 1
    assert len({body for *_, body in answers[2:]}) == 1
    assert posted == 501


def test_what_fails_beneath_the_listener_is_told_to_nobody(metrics: Metrics, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> bytes:
        raise LookupError(SECRET)

    with listening(0, fail) as port, asking(port) as line:
        line.request("GET", f"/{SECRET}", headers={"Host": f"127.0.0.1:{port}"})
        line.getresponse().read()
        with asking(port) as another:
            another.request("GET", "/metrics", headers={"Host": f"127.0.0.1:{port}"})
            with pytest.raises(http.client.RemoteDisconnected):
                another.getresponse()
        with socket.create_connection(("127.0.0.1", port)) as broken:
            broken.sendall(f"{SECRET}\r\n\r\n".encode())
            said = broken.recv(1000)

    assert SECRET.encode() not in said
    assert f"/{SECRET}" not in capfd.readouterr().err


def test_a_port_that_is_taken_is_named(metrics: Metrics) -> None:
    with listening(0, metrics.text) as port:
        said = rf"127\.0\.0\.1:{port} .* metrics_port"
        with pytest.raises(Refused, match=said), listening(port, metrics.text):
            pass
