"""The body of an answer, unpacked as it streams in: bounded in bytes, in time, and in what a bomb can unpack to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

import httpx

from diwan.desks.cyber.calls.call import Call, Fault, Oversized, place_of
from diwan.terms.time import Instant

MOST: Final = 32 * 1024 * 1024
"""Bytes of one answer at most, unpacked."""
_LONGEST: Final = 300 * 1_000_000
_ERROR_BODY: Final = 64 * 1024


def pieces(call: Call, response: httpx.Response, most: int, clock: Callable[[], Instant]) -> Iterator[bytes]:
    """Yield the body of an answer, `most` bytes of it at most; of a refusal's no more than its beginning.

    Raises:
        Oversized: the answer is longer.
        Fault: packed otherwise than asked, or still coming after five minutes.
    """
    began = clock()
    packed = response.headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise Fault(f"{place_of(call)} packs its answer as nobody asked. Nothing was taken.")
    left = most if response.is_success else _ERROR_BODY
    for piece in _unpacked(call, response, packed, most):
        left -= len(piece)
        if left < 0 and not response.is_success:
            return
        if left < 0:
            said = f"{place_of(call)} answers more than {most} bytes. Nothing was taken."
            raise Oversized(said, status=response.status_code)
        if clock() - began > _LONGEST:
            raise Fault(f"{place_of(call)} takes longer than {_LONGEST // 1_000_000} s to answer.", again=True)
        yield piece


def _unpacked(call: Call, response: httpx.Response, packed: str, most: int) -> Iterator[bytes]:
    if packed in ("", "identity"):
        yield from response.iter_raw()
        return
    opener = zlib.decompressobj(31)
    try:
        for raw in response.iter_raw():
            while raw:
                # One step never unpacks more than a piece: a bomb is met a piece at a time.
                yield opener.decompress(raw, min(most + 1, 1024 * 1024))
                raw = opener.unconsumed_tail or opener.unused_data
                opener = zlib.decompressobj(31) if opener.eof else opener
    except zlib.error:
        raise Fault(f"{place_of(call)} says gzip and sends something else. Nothing was taken.") from None
