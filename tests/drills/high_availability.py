"""The leader of a PostgreSQL cluster is lost again and again while a node is written to and read from.

    ./dev python -m tests.drills.high_availability [--losses host,freeze,cable,switch …]

It prints what was lost (nothing that was acknowledged may be), how long nobody could write or read at each loss, and
what the clients were told.  It ends with exit code 1 when anything is missing, twice there, out of order or at fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.drills.clients import (
    AUDIENCE,
    ORIGINATOR,
    Follower,
    Ledger,
    Watcher,
    Writer,
    draft_of,
    longest_silence,
    start,
)
from tests.drills.cluster import PASSWORDS, Cluster, Member, Programs, find_programs, until
from tests.drills.network import can_wire

from diwan.house import House
from diwan.registry.engines.postgres_wall import HOUSE, OWNER, READER, WRITER, database_sql, roles_sql
from diwan.settings import Settings
from diwan.terms.reader import Reader

DATABASE = "diwan"
USERS = (OWNER, WRITER, READER, HOUSE)
_PATIENCE = 90.0
"""Seconds after a loss within which clients must have gone on."""
_LOSSES = "host,freeze,cable,keeper,postmaster,disk,switch,standby,standbys,pair,cancel,rolling,etcd"
_GOES_ON = 50
"""So many entries acknowledged after a loss show that writing goes on."""
_TOLD = 30
"""Faults that are printed at most."""


@dataclass(frozen=True)
class Loss:
    """What one loss cost, in seconds."""

    kind: str
    without_writes: float
    without_reads: float
    whole_again: float
    entered: int


def main(arguments: list[str]) -> int:
    """Run the drill and return the exit code."""
    asked = _options().parse_args(arguments)
    try:
        programs = find_programs(asked.patroni, asked.etcd, asked.postgres, asked.account)
    except LookupError as missing:
        print(f"The drill did not run. {missing}")
        return 2
    # Not the account's own temporary folder, which may be closed to the account that PostgreSQL runs under.
    folder = Path(tempfile.mkdtemp(prefix="diwan-drill-", dir=asked.folder))
    folder.chmod(0o755)
    if "cable" in asked.losses and not can_wire():
        print("No cables: laying them takes Linux, root, ip and setpriv. Members are on the loopback address.")
        asked.losses = [kind for kind in asked.losses if kind != "cable"]
    faults = ["The drill ended before it was over."]
    try:
        faults = drill(folder, programs, asked)
    finally:
        # Why something was lost stands in the members' logs alone, and may not happen a second time.
        if asked.keep or faults:
            print(f"Everything lies in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for fault in faults[:_TOLD]:
        print(f"FAULT  {fault}")
    if len(faults) > _TOLD:
        print(f"FAULT  … and {len(faults) - _TOLD} more.")
    return 1 if faults else 0


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="high_availability", description=(__doc__ or "").split("\n")[0])
    options.add_argument(
        "--losses", type=lambda names: names.split(","), default=_LOSSES, help="in their order, of: " + ", ".join(KINDS)
    )
    options.add_argument("--writers", type=int, default=20)
    options.add_argument("--readers", type=int, default=4, help="half follow the feed, half watch the newest page")
    options.add_argument("--pause", type=float, default=0.05, help="seconds between two entries of one writer")
    options.add_argument("--between", type=float, default=10, help="seconds of load before and after each loss")
    options.add_argument(
        "--together", action="store_true", help="each etcd on a member's machine, which can lose what was acknowledged"
    )
    options.add_argument("--patroni", default="patroni")
    options.add_argument("--etcd", default="etcd")
    options.add_argument("--postgres", default="", help="the folder of PostgreSQL's programs")
    options.add_argument("--account", default="", help="the account to run the servers under, when run by root")
    options.add_argument("--folder", default=None, help="where to make the temporary folder")
    options.add_argument("--keep", action="store_true", help="keep the folder with the logs, also without a fault")
    return options


def drill(folder: Path, programs: Programs, asked: argparse.Namespace) -> list[str]:
    """Start the cluster and a node on it, lose leaders under load, and return every fault that was found."""
    servers = folder / "servers"
    servers.mkdir()
    cluster = Cluster(servers, programs, cables="cable" in asked.losses, together=asked.together)
    try:
        cluster.start()
        furnish(cluster, folder)
        settings = Settings(keeper="NATO", hosted=(ORIGINATOR,), postgres=f"{cluster.conninfo} dbname={DATABASE}")
        house = House(folder / "node", settings)
        ledger = Ledger()
        losses, readers, faults = under_load(cluster, house, ledger, asked)
        show(ledger, losses)
        faults += proved(house, ledger, readers)
        house.close()
        # Opened anew, so that nothing in memory answers for what ought to be in the register.
        house = House(folder / "node", settings)
        faults += proved(house, ledger, readers)
        house.close()
    finally:
        cluster.stop()
    return faults


def superuser(cluster: Cluster) -> str:
    """Return how the superuser logs in to whoever leads."""
    return f"{cluster.conninfo} user=postgres password={PASSWORDS['superuser']}"


def furnish(cluster: Cluster, folder: Path) -> None:
    """Make the database and its users, and the password file by which clients sign in."""
    passwords = {user: f"drill-{user}" for user in USERS}
    with psycopg.connect(superuser(cluster), dbname="postgres", autocommit=True) as there:
        there.execute(roles_sql())
        for user, password in passwords.items():
            there.execute(f"ALTER ROLE {user} LOGIN PASSWORD '{password}'")
        there.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(superuser(cluster), dbname=DATABASE, autocommit=True) as there:
        there.execute(database_sql(DATABASE))
    file = folder / "pgpass"
    file.write_text("".join(f"*:*:{DATABASE}:{user}:{password}\n" for user, password in passwords.items()))
    file.chmod(0o600)
    os.environ["PGPASSFILE"] = str(file)


def under_load(
    cluster: Cluster, house: House, ledger: Ledger, asked: argparse.Namespace
) -> tuple[list[Loss], list[Follower | Watcher], list[str]]:
    """Write and read all the time while one leader after the other is lost."""
    stop, stop_reading = threading.Event(), threading.Event()
    writers = start(lambda name: Writer(house, ledger, name, asked.pause, stop), "writer", asked.writers)
    readers: list[Follower | Watcher] = []
    for number in range(asked.readers):
        kind = Follower if number % 2 == 0 else Watcher
        readers.append(kind(house, ledger, f"{kind.__name__.lower()} {number}", 0.1, stop_reading))
        readers[-1].start()
    losses, faults = [], []
    for kind in asked.losses:
        time.sleep(asked.between)
        loss, found = lose(cluster, ledger, kind, asked.between)
        print(
            f"{loss.kind:<11} no writes for {loss.without_writes:5.1f} s, no reads for {loss.without_reads:5.1f} s,"
            f" whole again after {loss.whole_again:5.1f} s, {loss.entered} entered meanwhile",
            flush=True,
        )
        losses.append(loss)
        faults += found
    time.sleep(asked.between)
    stop.set()
    faults += [f"{thread.name} hangs." for thread in writers if _hangs(thread)]
    stop_reading.set()
    faults += [f"{thread.name} hangs." for thread in readers if _hangs(thread)]
    # One more look after the last entry: nobody may be left waiting for something that was acknowledged.
    faults += [f"{reader.name} got no answer in the end." for reader in readers if not reader.ask(ledger)]
    return losses, readers, faults


def _hangs(thread: threading.Thread) -> bool:
    thread.join(60)
    return thread.is_alive()


def lose(cluster: Cluster, ledger: Ledger, kind: str, between: float) -> tuple[Loss, list[str]]:
    """Lose the leader in one way, let the clients go on, and bring the member back."""
    leader = cluster.leader()
    if leader is None:
        raise RuntimeError(f"Nobody leads: {cluster.view()}")
    faults = []
    if (beside := cluster.beside(leader)) is not None:
        # The worst of it: whoever leads the register is lost together with whoever leads the keepers.
        cluster.lead_keepers(beside)
    begun = time.monotonic()
    restore = KINDS[kind](cluster, leader)
    lost = time.monotonic()
    try:
        until(
            lambda: ledger.since(lost) >= _GOES_ON, f"{kind}: entries are acknowledged again", _PATIENCE, cluster.view
        )
    except TimeoutError as failure:
        faults.append(str(failure))
    time.sleep(between)
    restore()
    cluster.settled(300)
    until(lambda: ledger.since(time.monotonic() - 1) > 0, f"{kind}: entries are acknowledged in the end", _PATIENCE)
    end = time.monotonic()
    loss = Loss(
        kind=kind,
        without_writes=longest_silence(ledger.written, begun, end),
        without_reads=longest_silence(ledger.read, begun, end),
        whole_again=end - begun,
        entered=ledger.since(begun),
    )
    return loss, faults


def _host(cluster: Cluster, leader: Member) -> Callable[[], None]:
    cluster.kill(leader)
    return lambda: cluster.bring_back(leader)


def _disk(cluster: Cluster, leader: Member) -> Callable[[], None]:
    """Lose a machine with everything that its PostgreSQL wrote."""
    cluster.kill(leader)
    shutil.rmtree(leader.folder / "data")
    return lambda: cluster.bring_back(leader)


def _standbys(cluster: Cluster, leader: Member) -> Callable[[], None]:
    """Lose both other machines for a while: nothing may be acknowledged that is on one disk alone."""
    standbys = [member for member in cluster.members if member is not leader]
    for standby in standbys:
        cluster.kill(standby)
    time.sleep(40)
    for standby in standbys:
        cluster.bring_back(standby)
    return lambda: None


def _postmaster(cluster: Cluster, leader: Member) -> Callable[[], None]:
    cluster.kill_postmaster(leader)
    return lambda: None


def _freeze(cluster: Cluster, leader: Member) -> Callable[[], None]:
    cluster.freeze(leader)
    return lambda: cluster.thaw(leader)


def _cable(cluster: Cluster, leader: Member) -> Callable[[], None]:
    cluster.pull(leader)
    return lambda: cluster.plug(leader)


def _switch(cluster: Cluster, _leader: Member) -> Callable[[], None]:
    cluster.switch()
    return lambda: None


def _standby(cluster: Cluster, _leader: Member) -> Callable[[], None]:
    standby = cluster.synchronous()
    cluster.kill(standby)
    return lambda: cluster.bring_back(standby)


def _pair(cluster: Cluster, leader: Member) -> Callable[[], None]:
    """Lose the leader and the standby that it waits for at once: the third may lack what was acknowledged.

    The standby comes back before the leader does.
    """
    standby = cluster.synchronous()
    (third,) = [member for member in cluster.members if member not in (leader, standby)]
    for machine in (leader, standby):
        cluster.freeze(machine)
    for machine in (leader, standby):
        cluster.kill(machine)
        machine.frozen = []
    until_when = time.monotonic() + 40
    while time.monotonic() < until_when:
        if cluster.view().get(third.name, {}).get("role") == "leader":
            raise RuntimeError(f"{third.name} took the lead without what was acknowledged: {cluster.view()}")
        time.sleep(1)
    cluster.bring_back(standby)
    return lambda: cluster.bring_back(leader)


def _rolling(cluster: Cluster, leader: Member) -> Callable[[], None]:
    """Work on one machine after the other: keepers and standbys first, then hand over, then the one that led."""
    standbys = [one for one in cluster.members if one is not leader]
    apart = [] if cluster.together else cluster.keepers
    for machine in [*apart, *standbys, leader]:
        if machine is leader:
            cluster.switch()
            cluster.settled()
        cluster.shut_down(machine)
        cluster.bring_back(machine)
        cluster.settled()
    return lambda: None


def _etcd(cluster: Cluster, _leader: Member) -> Callable[[], None]:
    cluster.kill_keepers()
    time.sleep(30)

    def restore() -> None:
        for keeper in cluster.keepers:
            cluster.bring_back(keeper)

    return restore


def _keeper(cluster: Cluster, _leader: Member) -> Callable[[], None]:
    """Freeze the leading keeper until it believes that everybody's lock has run out, and let it wake."""
    keeper = cluster.leading_keeper()
    cluster.freeze(keeper)
    time.sleep(30)
    return lambda: cluster.thaw(keeper)


def _cancel(cluster: Cluster, leader: Member) -> Callable[[], None]:
    """Cancel, as a hasty administrator might, whatever waits for a standby: none of it may pass for acknowledged."""
    standbys = [member for member in cluster.members if member is not leader]
    for standby in standbys:
        cluster.freeze(standby)
    waiting = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with psycopg.connect(superuser(cluster), dbname=DATABASE, autocommit=True) as there:
        cancelled = 0
        until_when = time.monotonic() + 3
        while time.monotonic() < until_when:
            (many,) = there.execute(waiting).fetchone() or (0,)
            cancelled += many
            time.sleep(0.2)
    print(f"            {cancelled} waits for a standby were cancelled")
    for standby in standbys:
        cluster.thaw(standby)
    return lambda: None


KINDS: dict[str, Callable[[Cluster, Member], Callable[[], None]]] = {
    "host": _host,
    "disk": _disk,
    "postmaster": _postmaster,
    "freeze": _freeze,
    "cable": _cable,
    "keeper": _keeper,
    "switch": _switch,
    "standby": _standby,
    "standbys": _standbys,
    "pair": _pair,
    "rolling": _rolling,
    "etcd": _etcd,
    "cancel": _cancel,
}
"""What happens to the cluster; each returns what makes it whole again."""


def show(ledger: Ledger, losses: list[Loss]) -> None:
    """Print the figures."""
    twice = sum(ref is None for ref in ledger.acknowledged.values())
    print(f"acknowledged        {len(ledger.acknowledged)} items")
    print(f"  at the first time {len(ledger.acknowledged) - twice}, or after a refusal")
    print(f"  found registered  {twice} when asked again after an unknown outcome")
    for name, times in (
        ("writes", [loss.without_writes for loss in losses]),
        ("reads", [loss.without_reads for loss in losses]),
    ):
        print(f"time without {name:<7}p50 {statistics.median(times):.1f} s, longest {max(times):.1f} s")
    for what, longest in ledger.longest_question.items():
        print(f"longest {what:<12}{longest:.1f} s until it was answered or failed")
    for name, many in sorted(ledger.failures.items()):
        print(f"told {many:>6} times   {name}: {ledger.examples[name]}")


def proved(house: House, ledger: Ledger, readers: list[Follower | Watcher]) -> list[str]:
    """Return what is missing, twice there, out of order, or at fault."""
    room = house.room(Reader("proof", AUDIENCE))
    there = list(room.walk())
    titles = Counter(item.title for item in there)
    by_ref = {item.ref: item for item in there}
    lost = [title for title in ledger.acknowledged if title not in titles]
    faults = [f"{title}: acknowledged and lost." for title in lost]
    faults += [f"{title}: {many} times there." for title, many in titles.items() if many > 1]
    faults += [f"{title}: there, and never acknowledged." for title in titles if title not in ledger.acknowledged]
    for title, ref in ledger.acknowledged.items():
        item = by_ref.get(ref) if ref else None
        if ref and (item is None or item.title != title):
            faults.append(f"{title}: not under the reference {ref} that was acknowledged.")
    whole = [item for item in there if [part.data for part in room.parts(item)] != [draft_of(item.title).parts[0].data]]
    faults += [f"{item.title}: other bytes than were entered." for item in whole]
    in_order = sorted((item.at, item.ref) for item in there)
    for reader in readers:
        faults += _of_reader(reader, in_order)
    promised = Counter(room.promise(item) for item in there[:: max(1, len(there) // 500)])
    print(f"promised            {dict(promised)} of some 500 items, when each was acknowledged")
    if set(promised) != {"standby"}:
        faults.append(f"promised {dict(promised)}, though a standby is always waited for")
    proof = house.prove()
    faults += proof.faults
    print(
        f"lost                {len(lost)} of {len(ledger.acknowledged)}; {len(there)} items in the register, each with"
        f" its bytes; {proof.items} signatures and {proof.lines} lines of the audit log proved,"
        f" {len(proof.faults)} faults"
    )
    return faults


def _of_reader(reader: Follower | Watcher, in_order: list[tuple[int, object]]) -> list[str]:
    if isinstance(reader, Follower):
        if reader.seen == in_order:
            return []
        missed, gone = set(in_order) - set(reader.seen), set(reader.seen) - set(in_order)
        return [f"{reader.name}: missed {len(missed)}, saw {len(gone)} that are gone, {len(reader.seen)} in all."]
    gone = {(at, ref) for ref, at in reader.seen.items()} - set(in_order)
    faults = [f"{reader.name}: saw {len(gone)} items that are gone."] if gone else []
    return faults + ([f"{reader.name}: went back {reader.went_back} times."] if reader.went_back else [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
