"""The pen: one write order, group commit.  What it answers for is on disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from diwan.registry.engines.lines import Line
from diwan.registry.sheet import Known, Sheet
from diwan.terms.errors import Full, Refused, Unreachable, Unsettled

T = TypeVar("T")
_log: Final = logging.getLogger(__name__)
_GROUP: Final = 64
"""At most so many jobs share a commit; a job may itself write a thousand entries."""
_MOMENT: Final = 0.0003
"""Seconds that several who write wait for others: those who were told by the last commit come again just now."""


class Told:
    """What a pen has written since it was taken up."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.groups = 0
        self.jobs = 0
        self.seconds = 0.0
        """From taking the write order until what was written was durable, over all groups."""

    def note(self, jobs: int, seconds: float) -> None:
        """Note one commit."""
        self.groups, self.jobs, self.seconds = self.groups + 1, self.jobs + jobs, self.seconds + seconds


Job = Callable[[Sheet], Any]


class Pen:
    """Runs writing jobs one after another on one connection; a commit answers all that it carries.

    Another process may hold the write order of the same register: the pen waits for it, so positions stay in one
    order.  Whose connection breaks gets a fresh one with the next group.
    """

    def __init__(
        self,
        connection: Line,
        failures: tuple[type[Exception], ...],
        is_full: Callable[[BaseException], bool] = lambda _: False,
    ) -> None:
        """Take over `connection`, which raises `failures`; nobody else may write through it.

        `is_full` tells which of them say that there is no room on the disk.
        """
        self._is_full = is_full
        self._ink = connection
        self._failures = failures
        self._known = Known(life=connection.life)
        self.told = Told()
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Any]] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._down = False
        self._thread = threading.Thread(target=self._write, name="diwan-pen", daemon=True)
        self._thread.start()

    def write(self, job: Callable[[Sheet], T]) -> T:
        """Run `job` in a transaction and return its answer once that is durable.

        Raises:
            Whatever `job` raises; then nothing of it was written.
        """
        return self.post(job).result()

    def post(self, job: Callable[[Sheet], T]) -> Future[T]:
        """Hand `job` over and go on; the future answers once what it wrote is durable.

        Raises:
            Refused: the pen was put down.
        """
        answer: Future[T] = Future()
        with self._gate:
            if self._down:
                raise Refused("The register is closed. Nothing was written.")
            self._jobs.put((job, answer))
        return answer

    def close(self) -> None:
        """Finish what was asked, then put the pen down."""
        with self._gate:
            self._down = True
            self._jobs.put(None)
        self._thread.join()
        self._ink.close()

    def _write(self) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            last = self._joined_by_more(group)
            if len(group) > 1 and not last:
                time.sleep(_MOMENT)
                last = self._joined_by_more(group)
            try:
                self._commit(group)
            except BaseException as fault:  # noqa: BLE001 -- whatever it was: nobody is left waiting for ever
                self._break(fault, group)
                return
            if last:
                return

    def _break(self, fault: BaseException, group: list[tuple[Job, Future[Any]]]) -> None:
        """Put the pen down after a fault of its own: whoever waits is told, and nobody comes to wait."""
        # By its name alone: what it says may quote what was to be written.
        _log.critical(
            "The pen broke: %s. Nothing more is written here until the node is started anew.", type(fault).__name__
        )
        with suppress(Exception):  # what was begun must not hold the write order, for which other processes wait
            self._undone()
        with self._gate:
            self._down = True
            self._jobs.put(None)
        while (following := self._jobs.get()) is not None:
            group.append(following)
        for _, answer in group:
            if not answer.done():
                told = Unsettled()
                told.__cause__ = fault
                answer.set_exception(told)

    def _joined_by_more(self, group: list[tuple[Job, Future[Any]]]) -> bool:
        """Add what waits to a group; return whether the pen is to be put down after it."""
        while len(group) < _GROUP and not self._jobs.empty():
            following = self._jobs.get()
            if following is None:
                return True
            group.append(following)
        return False

    def _commit(self, group: list[tuple[Job, Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        # A refusal may rest on what a job before it wrote ("registered already"): it is told when that is durable.
        refused: list[tuple[Future[Any], Exception]] = []
        writing, settling, begun = False, False, time.monotonic()
        try:
            self._ink.begin()
            writing = True
            if self._known.life != self._ink.life:
                self._known = Known(life=self._ink.life)
            sheet = Sheet(self._ink, self._known)
            for job, answer in group:
                try:
                    result = job(sheet)
                except Exception as failure:
                    if not self._ink.in_transaction:
                        raise  # the engine has undone all of it by itself, as on a full disk
                    if not sheet.undo() and isinstance(failure, self._failures):
                        raise  # a question failed, and some engines answer no more within that transaction
                    refused.append((answer, self._said(failure)))
                else:
                    sheet.keep()
                    done.append((answer, result))
            sheet.settle()
            settling = True
            self._ink.commit()
        except Exception as failure:  # noqa: BLE001 -- whatever it was: told to who asked, and the pen writes on
            if writing and not settling and len(group) > 1 and self._undone():
                for one in group:  # whose fault it was shows when each is written by itself
                    self._commit([one])
            else:
                self._abandon(failure, [answer for _, answer in group], settling=settling)
        else:
            self._known = sheet.learnt()
            self.told.note(len(group), time.monotonic() - begun)
            for answer, result in done:
                answer.set_result(result)
            for answer, refusal in refused:
                answer.set_exception(refusal)

    def _undone(self) -> bool:
        """Undo the transaction; return whether one can write on."""
        with suppress(*self._failures):
            if self._ink.in_transaction:
                self._ink.rollback()
            return self._ink.alive
        return False

    def _said(self, failure: Exception) -> Exception:
        """Return what is told of a failure."""
        if not self._is_full(failure):
            return failure
        told = Full()
        told.__cause__ = failure
        return told

    def _abandon(self, failure: Exception, answers: list[Future[Any]], *, settling: bool) -> None:
        told = self._said(failure)
        if not self._undone():
            # Where the connection went with the commit under way, nobody here can say which came first.
            told = Unsettled() if settling else Unreachable()
            told.__cause__ = failure
        for answer in answers:
            answer.set_exception(told)
