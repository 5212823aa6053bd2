"""What a node says of itself on standard error: events with fields that are named here, and no other text.

A line never holds what a message, an address or an error quotes: such text may be an item's.  Of what this software
logs the words that stand in its code are kept and what was put into them is not; of other software only the place; of
an error its type, its code and where in the code it came up.

Source: OWASP ASVS 5.0, 16.2.5: what is logged follows the protection that the data needs.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from diwan.terms.errors import Refused

Kind = Literal["text", "json"]
Value = str | int | float | None

REQUEST: Final[ContextVar[str | None]] = ContextVar("diwan.request", default=None)
"""The id of the request that is being answered, drawn by this node: never one that came with it."""
FIELDS: Final = ("request", "method", "route", "status", "seconds", "account", "host", "port", "source", "error")
"""What an event may say beside its time, level and name; anything else is left out."""

_OWN: Final = "diwan"
_PUT_IN: Final = re.compile(r"%[-#0-9.+ ]*[a-zA-Z]")
_CODE: Final = re.compile(r"[A-Z0-9_]{1,40}")
_FRAMES: Final = 12
_log: Final = logging.getLogger("diwan.events")


def note(level: int, event: str, **fields: Value) -> None:
    """Tell an event by its name; `fields` are told as far as `FIELDS` names them, and None is not told."""
    _log.log(level, event, extra={"event": event, "fields": fields})


@contextmanager
def telling(kind: Kind) -> Iterator[None]:
    """Tell what is logged, and errors nobody caught, on standard error: as `json` one object a line, each request too.

    As `text` only warnings and errors are told, a line each.  Ends the process with exit code 1 after an error that
    nobody caught; refusals go on to whoever called.
    """
    handler = _Lines()
    handler.setFormatter(Events(kind))
    handler.addFilter(_is_told)
    root = logging.getLogger()
    before = root.handlers, root.level, sys.excepthook, threading.excepthook, sys.unraisablehook
    root.handlers = [handler]
    root.setLevel(logging.INFO if kind == "json" else logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = lambda _, error, __: _uncaught(error)
    threading.excepthook = lambda of: _uncaught(of.exc_value)
    sys.unraisablehook = lambda of: _uncaught(of.exc_value)
    try:
        yield
    except SystemExit:
        note(logging.INFO, "stopped")
        raise
    except (Refused, OSError):
        raise
    except Exception as error:  # noqa: BLE001 -- told by type and place; a traceback would quote its message
        _uncaught(error)
        raise SystemExit(1) from None
    finally:
        logging.captureWarnings(False)
        root.handlers = before[0]
        root.setLevel(before[1])
        sys.excepthook, threading.excepthook, sys.unraisablehook = before[2:]


def _uncaught(error: BaseException | None) -> None:
    _log.error("uncaught", exc_info=error, extra={"event": "uncaught", "fields": {}})


def _is_told(record: logging.LogRecord) -> bool:
    return _is_own(record) or record.levelno >= logging.WARNING


def _is_own(record: logging.LogRecord) -> bool:
    return record.name == _OWN or record.name.startswith(f"{_OWN}.")


class _Lines(logging.Handler):
    """Writes each record to standard error, whole."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 -- the library would print the record with its message; a lost line is less
            return


class Events(logging.Formatter):
    """Writes a record as one line of known fields; never calls for its message."""

    def __init__(self, kind: Kind) -> None:
        """Write as JSON, or as text for people."""
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = dict(_told(record))
        if self._kind == "json":
            return msgspec.json.encode(said).decode()
        time, level, event, *more = said.items()
        return " ".join((time[1], level[1].upper(), event[1], *(f"{name}={_flat(value)}" for name, value in more)))


def _told(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    yield "time", datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "level", record.levelname.lower()
    event = getattr(record, "event", None)
    yield "event", event or "message"
    fields = getattr(record, "fields", {})
    request = REQUEST.get()
    yield from ({"request": request} if request and "request" not in fields else {}).items()
    yield from ((name, fields[name]) for name in FIELDS if fields.get(name) is not None)
    if event is None:
        yield "logger", record.name
        if _is_own(record):
            yield "said", _PUT_IN.sub("…", record.msg) if isinstance(record.msg, str) else ""
        else:
            yield "place", [f"{record.module}:{record.lineno} {record.funcName}"]
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        yield from _of(error)


def _of(error: BaseException) -> Iterator[tuple[str, Any]]:
    yield "error", type(error).__name__
    if code := _code(error):
        yield "code", code
    behind = error.__cause__ or error.__context__
    if behind is not None:
        yield "behind", type(behind).__name__
    frames = list(traceback.walk_tb(error.__traceback__))[-_FRAMES:]
    yield "place", [f"{frame.f_globals.get('__name__')}:{line} {frame.f_code.co_name}" for frame, line in frames]


def _code(error: BaseException) -> str | None:
    """Return the name that an engine or the system gives an error of this sort, or None."""
    said = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if said is None and isinstance(error, OSError):
        said = errno.errorcode.get(error.errno or 0)
    return said if isinstance(said, str) and _CODE.fullmatch(said) else None


def _flat(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
