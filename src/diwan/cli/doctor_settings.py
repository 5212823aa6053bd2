"""The doctor at settings.toml: what contradicts itself, the way in from the proxy, and the ports."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final

from diwan.release.codes import is_party_id
from diwan.settings import Settings
from diwan.terms.check import Check

LOOPBACK: Final = "127.0.0.1"
_HIGHEST: Final = 65535
_HOUR: Final = 60
LANGUAGES: Final = ("en", "fr", "ar")
"""Those of the pages; where they are at home takes long to import."""
_PATIENCE: Final = 2.0


def check_settings(settings: Settings) -> Iterator[Check]:
    """Look at the settings by themselves; each fault is a line of its own."""
    faults = list(_faults(settings))
    yield from (Check("settings", False, fault) for fault in faults)
    if not faults:
        yield Check("settings", True, "nothing contradicts anything else")
    yield _proxy(settings)


def check_ports(settings: Settings) -> Iterator[Check]:
    """Look who listens where the node would."""
    if 1 <= settings.port <= _HIGHEST:
        yield _port("port", settings.host, settings.port, _is_node)
    if settings.metrics_port:
        yield _port("metrics_port", LOOPBACK, settings.metrics_port, _is_metrics)


def _faults(settings: Settings) -> Iterator[str]:
    for party in (settings.keeper, *settings.hosted):
        if not is_party_id(party):
            yield (
                f"“{party}” is no party id, so no label reaches it: 2 to 32 of A-Z, 0-9, dot and hyphen. "
                "Mend keeper or hosted before the node is started: it makes a key for each name"
            )
    if not 1 <= settings.port <= _HIGHEST:
        yield f"port = {settings.port} is no port that others could find: choose one of 1 to {_HIGHEST}"
    if settings.port == settings.metrics_port != 0:
        yield f"port and metrics_port are both {settings.port}, and two listeners cannot share one: change one of them"
    for name, value in (("idle_minutes", settings.idle_minutes), ("session_hours", settings.session_hours)):
        if value < 1:
            yield f"{name} = {value} ends every session as soon as it begins, so nobody can work: set 1 or more"
    if settings.idle_minutes > settings.session_hours * _HOUR:
        yield (
            f"idle_minutes = {settings.idle_minutes} never comes to pass: a session ends after session_hours = "
            f"{settings.session_hours} in any case. Lower the one or raise the other"
        )
    if settings.largest < 1:
        yield f"largest = {settings.largest} refuses every document, so nothing can be entered: set a number of bytes"
    if settings.language not in LANGUAGES:
        yield f"language = “{settings.language}” is none of the pages' languages: choose one of {', '.join(LANGUAGES)}"
    yield from _heights(settings)


def _heights(settings: Settings) -> Iterator[str]:
    within = {height.policy for height in settings.heights}
    if not within:
        yield "heights is empty, and a policy without a height is not allowed: nothing can be entered. Name a height"
    roles = {str(role) for role in settings.role_ceilings}
    for role, heights in settings.role_heights.items():
        if role not in roles:
            yield (
                f"role_heights names “{role}”, which enters nothing, so it lowers nothing: "
                f"name {', '.join(sorted(roles))}"
            )
        for height in heights:
            if height.policy not in within:
                yield (
                    f"role_heights allows “{role}” labels of {height.policy}, which the node's own heights do not "
                    "allow, and both must: add it to heights or take it out here"
                )


def _proxy(settings: Settings) -> Check:
    here = _is_loopback(settings.host)
    if not settings.proxy:
        if here:
            return Check("proxy", True, "none: this machine alone is served")
        return Check(
            "proxy",
            False,
            f"host = {settings.host} serves other machines without TLS: the session's cookie is Secure, so browsers "
            "do not send it and nobody stays signed in, and tokens go in the clear. Put a proxy that ends TLS on this "
            'machine, with host = "127.0.0.1" and its address as proxy',
        )
    try:
        address = ip_address(settings.proxy)
    except ValueError:
        return Check(
            "proxy",
            False,
            f"proxy = “{settings.proxy}” is not one IP address: what the proxy says of clients is believed from one "
            "address alone. Name the address from which the proxy connects",
        )
    if here and not (address.is_loopback and _same_sort(settings.host, address.version)):
        return Check(
            "proxy",
            False,
            f"the proxy {settings.proxy} cannot be who connects to {settings.host}, so nothing that it says is "
            "believed and no session is kept over https. Name the address from which it connects, or listen elsewhere",
        )
    return Check("proxy", True, f"{settings.proxy} ends TLS and is believed")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _same_sort(host: str, version: int) -> bool:
    return host == "localhost" or ip_address(host).version == version


def _port(setting: str, host: str, port: int, ours: Callable[[str, int], bool]) -> Check:
    shown = f"{host}:{port}"
    at = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 -- looked for, not listened on
    try:
        socket.create_connection((at, port), _PATIENCE).close()
    except OSError:
        return _free(setting, host, port)
    if ours(at, port):
        return Check(setting, True, f"{shown} answers: a node runs, this one or another")
    return Check(
        setting,
        False,
        f"{shown} is taken by another program, and one alone can listen there: stop it, or choose another {setting}",
    )


def _free(setting: str, host: str, port: int) -> Check:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            said = f"{host}:{port} may not be listened on by this account: choose a {setting} of 1024 or higher"
            return Check(setting, False, said)
        except OSError as wrong:
            said = f"{host}:{port} cannot be listened on: {wrong.strerror}. Choose an address of this machine"
            return Check(setting, False, f"{said} that is free")
    return Check(setting, True, f"{host}:{port} is free")


def _is_node(host: str, port: int) -> bool:
    return _get(host, port, "/health") == b"alive\n"


def _is_metrics(host: str, port: int) -> bool:
    return _get(host, port, "/metrics").startswith(b"# HELP diwan_")


def _get(host: str, port: int, path: str) -> bytes:
    line = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        line.request("GET", path)
        return line.getresponse().read(100)
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        line.close()
