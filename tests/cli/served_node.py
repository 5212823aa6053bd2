"""A node served by a process of its own, someone with a token at its door, and requests byte by byte."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from diwan.house import House
from diwan.people.accounts import open_account
from diwan.people.passwords import Passwords
from diwan.terms.hand import Role

PASSWORD = "correct horse battery staple"
HOUR = 3_600_000_000
OIL = Path(__file__).parents[1] / "specimens" / "cap" / "oil.xml"
CAP = "application/cap+xml"


def lay_node(folder: Path, settings: str = "") -> tuple[str, str]:
    """Begin a node of Kuwait in `folder` and return the token and the id of an account that enters."""
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(f'keeper = "KWT"\nhosted = ["QAT"]\n{settings}')
    house = House(folder)
    try:
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        account = open_account(
            house.book,
            passwords,
            name="watch",
            shown="Watch",
            party="KWT",
            password=PASSWORD,
            by="",
            roles=frozenset({Role.DUTY_OFFICER}),
        )
        return house.doors.make_token(account, "test", house.clock() + HOUR, by=""), account.id
    finally:
        house.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a node by `diwan serve`; what it says lies in `served.err` beside the folder."""
    clean = {name: value for name, value in os.environ.items() if name != "DIWAN_NODE"}
    program = [str(Path(sys.executable).with_name("diwan")), "serve", "--node", str(folder), "--port", str(port)]
    with open(folder.parent / "served.err", "wb") as log:
        running = subprocess.Popen([*program, *options], stdout=log, stderr=log, env=clean)
        try:
            await_port(running, port)
            yield running
        finally:
            running.kill()
            running.wait(30)


def await_port(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the node did not begin to listen on port {port}")


def alert(identifier: str, *, padding: int = 0) -> bytes:
    """Return a request body that enters the specimen alert under an identifier."""
    text = OIL.read_text().replace("KW-2017-014", identifier)
    text = text.replace("</alert>", f"<!--{'x' * padding}--></alert>") if padding else text
    label: dict[str, Any] = {"policy": "TLP", "classification": "UNCLASSIFIED", "handling": {"tlp": "TLP:AMBER"}}
    label["categories"] = [{"tag": "Releasable To", "type": "PERMISSIVE", "values": ["QAT"]}]
    return json.dumps({"media_type": CAP, "label": label, "text": text}).encode()


def head(method: str, path: str, token: str, body: int = 0) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {body}\r\n\r\n"
    ).encode()
