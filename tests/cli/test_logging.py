"""`diwan serve --log json`: a secret word in every place that a request has, and in no log line and no number."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from served_node import PASSWORD, alert, free_port, lay_node, served

SECRET = "sandstorm"
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade"


def raw(port: int, said: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(said)
        line.settimeout(2)
        try:
            return line.recv(1000)
        except TimeoutError:
            return b""


def test_no_log_line_and_no_number_holds_what_a_request_an_item_or_an_error_held(tmp_path: Path) -> None:
    node, port, numbers = tmp_path / "node", free_port(), free_port()
    token, account = lay_node(node, f'title = "{SECRET}"\nproxy = "127.0.0.1"\nmetrics_port = {numbers}\n')
    good = {"authorization": f"Bearer {token}"}
    said = {
        "authorization": f"Basic {b64encode(f'{SECRET}:{SECRET}'.encode()).decode()}",
        "cookie": f"diwan={SECRET}; {SECRET}=1",
        "user-agent": SECRET,
        "referer": f"http://{SECRET}/",
        "x-request-id": SECRET,
        "x-forwarded-for": SECRET,
        "x-forwarded-proto": SECRET,
        "client-cert": f":{b64encode(SECRET.encode()).decode()}:",
        "accept-language": SECRET,
        "host": SECRET,
    }
    with served(node, port, "--log", "json") as running, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        entered = client.post("/api/items", content=alert(SECRET), headers=good)
        ref = entered.json()["items"][0]
        codes = [
            entered.status_code,
            client.get(f"/items/{ref['originator']}/{ref['id']}", headers=good).status_code,
            client.get("/api/items", params={"q": SECRET}, headers=good).status_code,
            client.get(f"/items/{SECRET}/{SECRET}", headers=good).status_code,
            client.get(f"/{SECRET}/{SECRET}", params={SECRET: SECRET}).status_code,
            client.get("/", params={"q": SECRET}, headers=said).status_code,
            client.get("/taxii2/", params={"q": SECRET}, headers=said).status_code,
            client.post("/sign-in", data={"name": SECRET, "password": SECRET, "next": f"/{SECRET}"}).status_code,
            client.post("/api/items", content=SECRET.encode(), headers=good).status_code,
            client.post("/api/items", content=alert(f"<{SECRET}"), headers=good).status_code,
            client.post("/sign-in", data={"name": "watch", "password": PASSWORD}).status_code,
        ]
        broken = [
            raw(port, f"{SECRET} / {SECRET}\r\n{SECRET}\r\n\r\n".encode()),
            raw(port, f"GET /{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\nContent-Length: {SECRET}\r\n\r\n".encode()),
            raw(port, f"GET /{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n{UPGRADE}, {SECRET}\r\n\r\n".encode()),
            raw(port, f"GET /{SECRET}\x00\xff HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1")),
        ]
        told = httpx.get(f"http://127.0.0.1:{numbers}/metrics").text
        shell = client.get("/metrics", headers=good)
        with closing(sqlite3.connect(node / "register.db")) as register:
            register.execute("ALTER TABLE account RENAME TO lost")
            register.commit()
        failed = client.get("/api/items", params={"q": SECRET}, headers=good)
        running.send_signal(signal.SIGTERM)
        code = running.wait(30)

    assert code == 0
    assert codes == [201, 200, 200, 404, 404, 401, 401, 403, 422, 422, 303]
    assert [answer[9:12] for answer in broken] == [b"400", b"400", b"404", b"400"]
    assert (shell.status_code, failed.status_code) == (404, 500)
    assert 'diwan_http_requests_total{method="POST",route="/api/items",status="201"} 1\n' in told
    assert "diwan_entries_standing 1\n" in told
    assert "diwan_sign_ins_refused_total 2\n" in told
    text = (tmp_path / "served.err").read_text()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    requests = [one for one in lines if one["event"] == "request"]
    assert [one["status"] for one in requests] == [*codes, 404, 404, 500]
    assert {one.get("account") for one in requests} == {None, account}
    assert (lines[0]["event"], lines[0]["port"]) == ("serving", port)
    assert lines[-1]["event"] == "stopped"
    (failure,) = [one for one in lines if one.get("error")]
    assert (failure["level"], failure["error"], failure["code"]) == ("error", "OperationalError", "SQLITE_ERROR")
    assert failure["request"] == requests[-1]["request"]
    for word in (SECRET, PASSWORD, token, ref["id"], "Oil", "KWT", "TLP", b64encode(SECRET.encode()).decode()):
        assert word.lower() not in text.lower(), word
        assert word.lower() not in told.lower(), word


def test_the_setting_chooses_how_a_node_writes_what_it_says(
    tmp_path: Path, diwan: Callable[..., Any], node: Path
) -> None:
    with (node / "settings.toml").open("a") as settings:
        settings.write('log = "json"\n')
    with served(node, free_port()) as running:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    (node / "settings.toml").write_text('keeper = "KWT"\nlog = "loud"\n')
    refused = diwan("serve", "--node", node)

    assert [json.loads(one)["event"] for one in (tmp_path / "served.err").read_text().splitlines()] == [
        "serving",
        "stopped",
    ]
    assert refused.code == 2
    assert "'loud'" in refused.err


def test_a_port_that_cannot_be_had_is_refused_before_anything_is_served(diwan: Callable[..., Any], node: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        pages = diwan("serve", "--node", node, "--port", taken, "--log", "json")
        with (node / "settings.toml").open("a") as settings:
            settings.write(f"metrics_port = {taken}\n")
        numbers = diwan("serve", "--node", node, "--port", free_port(), "--log", "json")
    both = diwan("serve", "--node", node, "--port", taken)

    said = f"Refused. 127.0.0.1:{taken} cannot be listened on: Address already in use. Choose another with"
    assert (pages.code, pages.err) == (2, f"{said} --port.\n")
    assert (numbers.code, numbers.err) == (2, f"{said} metrics_port in settings.toml.\n")
    assert (both.code, both.err) == (
        2,
        f"Refused. Pages and metrics_port cannot both have port {taken}. Choose another with --port.\n",
    )
