"""A Chromium that a script drives: the few lines of WebSocket and DevTools protocol that pictures of pages need."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = "/usr/bin/chromium"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
PATIENCE = 30.0
"""Seconds that anything a page is asked for may take."""


class Wire:
    """One WebSocket connection, as a client (RFC 6455), for texts alone."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        key = b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        self._socket.sendall("\r\n".join((*lines, "", "")).encode())
        self._held = b""
        while b"\r\n\r\n" not in self._held:
            self._held += self._socket.recv(4096)
        answer, _, self._held = self._held.partition(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"the browser answered {answer.splitlines()[0]!r}")

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x81, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x81, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x81, 0x80 | 127, size)
        stream = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
        self._socket.sendall(head + mask + masked)

    def receive(self) -> str:
        """Return the next text; the browser sends neither masks nor, unasked, control frames that matter here."""
        whole, last = b"", False
        while not last:
            first, second = self._take(2)
            size = second & 0x7F
            if size > 125:
                (size,) = struct.unpack("!H" if size == 126 else "!Q", self._take(2 if size == 126 else 8))
            data = self._take(size)
            if first & 0x0F < 3:
                whole, last = whole + data, bool(first & 0x80)
        return whole.decode()

    def close(self) -> None:
        self._socket.close()

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            came = self._socket.recv(1 << 20)
            if not came:
                raise ConnectionError("the browser has gone")
            self._held += came
        taken, self._held = self._held[:size], self._held[size:]
        return taken


class Chromium:
    """A running browser."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._number = 0
        self._told: list[dict[str, Any]] = []

    def page(self) -> Page:
        """Open a page that shares no cookie with any other."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask for something and return the answer; events that come first are kept for `wait`."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        self._wire.send(json.dumps({**asked, "sessionId": session} if session else asked))
        while True:
            came = json.loads(self._wire.receive())
            if came.get("id") == self._number:
                if "error" in came:
                    raise RuntimeError(f"{method}: {came['error']['message']}")
                return dict(came["result"])
            if "method" in came:
                self._told.append(came)

    def told(self, session: str) -> list[dict[str, Any]]:
        """Return the events of a page that have come so far, each once."""
        mine = [event for event in self._told if event.get("sessionId") == session]
        self._told = [event for event in self._told if event.get("sessionId") != session]
        return mine


class Page:
    """One page: where it is, how wide, in which scheme, and what it complains of."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self.look(1280, 900)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window in CSS pixels, and the scheme that the machine prefers."""
        self._size = width, height
        self._resize(height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def go(self, address: str) -> None:
        """Go to an address and wait until it has settled there."""
        self._ask("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        self.settle()

    def run(self, script: str) -> Any:
        """Return what a script gives."""
        said = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in said:
            raise RuntimeError(f"{script}: {said['exceptionDetails']['text']}")
        return said["result"].get("value")

    def press(self, selector: str) -> None:
        """Press what sends the page elsewhere, and wait until it has settled there."""
        self.run("window.left = true")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait("window.left !== true && document.readyState === 'complete'")
        self.settle()

    def wait(self, condition: str) -> None:
        """Wait until a script says yes."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                if self.run(f"Boolean({condition})"):
                    return
            except RuntimeError:  # the page is between two documents
                pass
            time.sleep(0.05)
        raise TimeoutError(condition)

    def settle(self) -> None:
        """Wait for fonts and for maps to be drawn."""
        self.run("document.fonts.ready.then(() => true)")
        if self.run("document.querySelector('[data-map]') !== null"):
            self.wait("document.querySelector('[data-map] canvas, [data-map].without')")
            time.sleep(2.5)  # countries come after the canvas, and what a map says of itself fades away
        time.sleep(0.3)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        if whole:
            # A window as tall as the page: what is captured beyond a window shows maps in another size than its own.
            self._resize(max(self._size[1], self.run("document.documentElement.scrollHeight")))
            time.sleep(0.5)
        file.write_bytes(b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))
        self._resize(self._size[1])
        self._hear()

    def overflows(self) -> list[str]:
        """Return what stands out of the window sideways, as selectors of a kind."""
        return list(
            self.run(
                """(() => {
                const width = document.documentElement.clientWidth;
                if (document.documentElement.scrollWidth <= width) return [];
                const out = [...document.querySelectorAll('body *')].filter(node => {
                    const box = node.getBoundingClientRect();
                    return box.width > 0 && (box.right > width + 1 || box.left < -1);
                });
                return out.slice(0, 5).map(n => n.tagName.toLowerCase() + (n.className && n.className.trim
                    ? '.' + n.className.trim().split(/\\s+/).join('.') : ''));
                })()"""
            )
        )

    def _resize(self, height: int) -> None:
        metrics = {"width": self._size[0], "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **metrics)

    def _hear(self) -> None:
        for event in self._browser.told(self._session):
            said = event["params"]
            if event["method"] == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                if "GL Driver Message" in said["entry"]["text"]:  # of the software that stands in for a graphics card
                    continue
                self.complaints.append(said["entry"]["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                self.complaints.append(said["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif event["method"] == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
                self.complaints.append(" ".join(str(one.get("value", "")) for one in said["args"]))

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **params)


def missing() -> str | None:
    """Return why no browser can be driven here, or None."""
    return None if shutil.which(PROGRAM) else f"no Chromium at {PROGRAM}"


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start a browser with a profile of its own, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        running = subprocess.Popen(
            [PROGRAM, *QUIET, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port, path = _address(Path(profile) / "DevToolsActivePort", running)
            wire = Wire(port, path)
            yield Chromium(wire)
            wire.close()
        finally:
            running.terminate()
            running.wait(PATIENCE)


def _address(file: Path, running: subprocess.Popen[bytes]) -> tuple[int, str]:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if running.poll() is not None:
            raise RuntimeError(f"Chromium ended at once with {running.returncode}")
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return int(lines[0]), lines[1]
        time.sleep(0.05)
    raise TimeoutError("Chromium did not say where it listens")
