"""Being asked to stop: no new connections, requests under way end, what was acknowledged is there, exit code 0."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec
from served_node import CAP, alert, await_port, free_port, head, lay_node, served

from diwan.house import House
from diwan.terms.item import Ref
from diwan.terms.reader import Reader

LARGE = 3_900_000
"""Bytes of an alert whose envelope no socket holds for a slow reader: the node has to stay until it is read."""


class Written(msgspec.Struct):
    """What one writer was told."""

    acknowledged: list[tuple[str, Ref]] = []
    halves: list[str] = []
    asked: int = 0


def write_on(port: int, token: str, name: str, written: Written) -> None:
    """Enter alerts, each over the same connection or a new one, until the node takes no more."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        identifier = f"{name}-{written.asked}"
        written.asked += 1
        try:
            line.request("POST", "/api/items", alert(identifier), {"Authorization": f"Bearer {token}"})
            answer = line.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            return  # nothing at all came back: nothing was acknowledged
        except http.client.HTTPException as broken:
            written.halves.append(repr(broken))
            return
        try:
            said = json.loads(answer.read())
        except (http.client.HTTPException, ConnectionError, ValueError) as broken:
            written.halves.append(repr(broken))
            return
        assert answer.status == 201, said
        written.acknowledged.append((identifier, Ref(**said["items"][0])))
        if written.asked % 3 == 0:
            line.close()


def rest_of(line: socket.socket) -> bytes:
    """Return what comes until the node closes the connection."""
    pieces = []
    while piece := line.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def is_whole(answer: bytes) -> bool:
    said, _, body = answer.partition(b"\r\n\r\n")
    (length,) = [int(one.split(b":")[1]) for one in said.lower().split(b"\r\n") if one.startswith(b"content-length:")]
    return len(body) == length


def test_asked_to_stop_under_load_the_node_ends_every_request_and_loses_nothing(tmp_path: Path) -> None:
    node, port = tmp_path / "node", free_port()
    token, _ = lay_node(node, f"largest = {2 * LARGE}")
    with served(node, port) as running:
        large = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        large.request("POST", "/api/items", alert("LARGE", padding=LARGE), {"Authorization": f"Bearer {token}"})
        (ref,) = [Ref(**one) for one in json.loads(large.getresponse().read())["items"]]
        written = [Written() for _ in range(4)]
        writers = [
            threading.Thread(target=write_on, args=(port, token, f"W{number}", one))
            for number, one in enumerate(written)
        ]
        for writer in writers:
            writer.start()

        sending = socket.create_connection(("127.0.0.1", port), 30)
        body = alert("SLOW")
        sending.sendall(head("POST", "/api/items", token, len(body)) + body[: len(body) // 2])
        taking = socket.create_connection(("127.0.0.1", port), 30)
        taking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        taking.sendall(head("GET", f"/items/{ref}/envelope", token))
        began = taking.recv(1000)
        time.sleep(1)
        running.send_signal(signal.SIGTERM)
        time.sleep(1)

        with closing(socket.socket()) as another:
            assert another.connect_ex(("127.0.0.1", port)) != 0
        assert running.poll() is None
        sending.sendall(body[len(body) // 2 :])
        slow, took = rest_of(sending), began + rest_of(taking)
        code = running.wait(30)
        for writer in writers:
            writer.join(30)

    assert code == 0
    assert (tmp_path / "served.err").read_text().count("\n") == 1
    assert slow.startswith(b"HTTP/1.1 201 ")
    assert is_whole(slow)
    assert is_whole(took)
    assert len(took) > LARGE
    assert [one.halves for one in written] == [[]] * 4
    assert min(len(one.acknowledged) for one in written) > 5
    _, _, last = slow.partition(b"\r\n\r\n")
    told = [("SLOW", Ref(**json.loads(last)["items"][0])), *(pair for one in written for pair in one.acknowledged)]
    house = House(node)
    try:
        room = house.room(Reader("reader", "KWT"))
        for identifier, ref in told:
            (part,) = room.parts(room.get(ref))
            assert part.media_type == CAP
            assert f"<identifier>{identifier}</identifier>".encode() in part.data
        assert house.prove().faults == ()
    finally:
        house.close()


def test_asked_to_stop_while_nothing_goes_on_it_stops_at_once_with_exit_code_0(tmp_path: Path) -> None:
    node = tmp_path / "node"
    lay_node(node)

    for asking in (signal.SIGTERM, signal.SIGINT):
        with served(node, free_port()) as running:
            begun = time.monotonic()
            running.send_signal(asking)
            running.send_signal(asking)
            assert running.wait(30) == 0
            assert time.monotonic() - begun < 8


BOUNDED = """
import sys
from pathlib import Path
from diwan.cli.stopping import stoppable
from diwan.house import House
from diwan.web.serving import serve
with stoppable():
    house = House(Path(sys.argv[1]))
    serve(house, "127.0.0.1", int(sys.argv[2]), grace=1, longest=3.0)
    house.close()
"""


def test_a_write_that_cannot_end_does_not_hold_the_process_for_ever(tmp_path: Path) -> None:
    node, port = tmp_path / "node", free_port()
    token, _ = lay_node(node)
    running = subprocess.Popen([sys.executable, "-c", BOUNDED, node, str(port)], stderr=subprocess.PIPE)
    try:
        await_port(running, port)
        with closing(sqlite3.connect(node / "register.db", isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            with socket.create_connection(("127.0.0.1", port), 30) as line:
                body = alert("STUCK")
                line.sendall(head("POST", "/api/items", token, len(body)) + body)
                time.sleep(0.5)
                running.send_signal(signal.SIGTERM)
                code, said = running.wait(30), running.communicate()[1]
                answered = line.recv(100)
    finally:
        running.kill()

    assert code == 1
    assert b"could not close in time" in said
    assert not answered.startswith(b"HTTP/1.1 2")
    house = House(node)
    try:
        assert house.room(Reader("reader", "KWT")).page().items == ()
    finally:
        house.close()
