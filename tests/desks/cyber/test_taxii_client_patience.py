"""A server that sends something all the time and never answers is waited for no longer than any other."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from diwan.desks.cyber.calls import line as lines
from diwan.desks.cyber.calls.call import Call, Fault
from diwan.desks.cyber.calls.line import Line, connect, fetch
from diwan.desks.cyber.calls.patience import patient
from diwan.desks.cyber.calls.source import Source

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json\r\n"


@contextmanager
def serving(first: bytes, again: bytes) -> Iterator[str]:
    """Send every caller something first, and then something again and again."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(caller: socket.socket) -> None:
        with suppress(OSError), caller:
            caller.recv(65_536)
            caller.sendall(first)
            while True:
                caller.sendall(again)
                time.sleep(0.02)

    def go_on() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=listening.accept()[:1], daemon=True).start()

    threading.Thread(target=go_on, daemon=True).start()
    with listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/root/"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (HEAD + b"X-Long: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    ],
    ids=["a head that drips", "go on", "a chunk that drips"],
)
def test_what_comes_for_ever_and_is_no_answer_is_waited_for_no_longer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: bytes, again: bytes
) -> None:
    monkeypatch.setattr(lines, "patient", lambda context: patient(context, 0.3))
    monkeypatch.setattr(lines, "LONGEST", 0.3)
    began = time.monotonic()

    with (
        serving(first, again) as root,
        connect(Source(name="peer", root=root, collection="one"), tmp_path) as client,
        pytest.raises(Fault, match="did not answer in time") as fault,
    ):
        fetch(Line(client, now, time.sleep, lambda: 0.0), Call(root))

    assert fault.value.again
    assert time.monotonic() - began < 5


def test_an_answer_that_is_slow_and_whole_in_time_is_taken_and_so_is_the_next(tmp_path: Path) -> None:
    with served_slowly(lambda number: b"%d" % number) as root:
        source = Source(name="peer", root=root, collection="one")
        with connect(source, tmp_path) as client:
            told = [fetch(Line(client, now, time.sleep, lambda: 0.0), Call(root)).body for _ in range(2)]

    assert told == [b"1", b"2"]


@contextmanager
def served_slowly(said: Callable[[int], bytes]) -> Iterator[str]:
    """Answer one connection, each time in three pieces."""
    listening = socket.create_server(("127.0.0.1", 0))

    def go_on() -> None:
        with suppress(OSError), listening.accept()[0] as caller:
            number = 0
            while caller.recv(65_536):
                number += 1
                body = said(number)
                for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: %d\r\n\r\n" % len(body), body):
                    caller.sendall(piece)
                    time.sleep(0.05)

    threading.Thread(target=go_on, daemon=True).start()
    with listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/root/"


def now() -> int:
    return int(time.time() * 1_000_000)
