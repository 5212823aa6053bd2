"""The Merkle tree of RFC 9162, section 2.1: over a batch in memory, and over a log whose nodes lie elsewhere.

Leaves are given as hashes (`leaf_hash`), a proof as one `bytes`: its hashes of 32 bytes, nearest to the leaves first.
A log stores perfect subtrees only: node (level, index) covers the leaves from index · 2^level, 2^level of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

Subtree = Callable[[int, int], bytes]
"""Fetches the stored hash of the perfect subtree (level, index)."""

EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
WIDTH: Final = 32
"""Bytes of a hash."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf; its prefix keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# A batch in memory


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the leaf hashes."""
    return _levels(leaves)[-1][0] if leaves else EMPTY


def paths(leaves: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion path of every leaf, in the order of the leaves, with n - 1 hashes computed in all."""
    below = [b""]
    for level in reversed(_levels(leaves)[:-1]):
        # A node's path is its sibling and then its parent's path; the odd last one rises without a sibling.
        count = len(level)
        below = [level[i ^ 1] + below[i >> 1] if i ^ 1 < count else below[i >> 1] for i in range(count)]
    return below if leaves else []


def _levels(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Return all levels from the leaves to the root; an odd last node rises as it is, as RFC 9162 splits."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        above = list(map(node_hash, level[::2], level[1::2]))
        levels.append([*above, level[-1]] if len(level) % 2 else above)
    return levels


# Checking


def path_root(leaf: bytes, index: int, size: int, path: bytes) -> bytes | None:
    """Return the root to which a path leads, or None where no tree of `size` has such a path (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(path) % WIDTH:
        return None
    here, last, result = index, size - 1, leaf
    for sibling in _hashes(path):
        if last == 0:
            return None
        if here == last:
            here, last = _rise(here, last)
        result = node_hash(sibling, result) if here & 1 else node_hash(result, sibling)
        here, last = here >> 1, last >> 1
    return result if last == 0 else None


def verify_inclusion(leaf: bytes, index: int, size: int, path: bytes, root: bytes) -> bool:
    """Return whether `path` shows that the leaf hash stands at `index` in the tree of that size and root."""
    return path_root(leaf, index, size, path) == root


def verify_consistency(old: int, new: int, path: bytes, old_root: bytes, new_root: bytes) -> bool:
    """Return whether `path` shows that the tree of size `new` begins with all of the tree of size `old`.

    Every tree begins with the empty one, and a tree with itself; for these the path is empty. RFC 9162, 2.1.4.2.
    """
    if not 0 <= old <= new or len(path) % WIDTH:
        return False
    if old == 0:
        return path == b"" and old_root == EMPTY and (new > 0 or new_root == EMPTY)
    if old == new:
        return path == b"" and old_root == new_root
    if old & (old - 1) == 0:
        path = old_root + path  # the old tree is one perfect subtree of the new: the proof does not repeat its root
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_result = new_result = path[:WIDTH]
    for sibling in _hashes(path[WIDTH:]):
        if last == 0:
            return False
        if here == last:
            here, last = _rise(here, last)
        if here & 1:
            old_result = node_hash(sibling, old_result)
            new_result = node_hash(sibling, new_result)
        else:
            new_result = node_hash(new_result, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old_result == old_root and new_result == new_root


def _hashes(path: bytes) -> Iterator[bytes]:
    return (path[at : at + WIDTH] for at in range(0, len(path), WIDTH))


def _rise(here: int, last: int) -> tuple[int, int]:
    """Return the place where the last node of a level, not the first, next has a sibling: until there it rose as is."""
    while here & 1 == 0:
        here, last = here >> 1, last >> 1
    return here, last


# A log whose nodes lie elsewhere


def peaks(size: int) -> list[tuple[int, int]]:
    """Return the perfect subtrees (level, index) that make up a log of `size` leaves: all that growing asks for."""
    return [(level, (size >> level) - 1) for level in range(size.bit_length()) if size >> level & 1]


def grow(size: int, hashes: Sequence[bytes], subtree: Subtree) -> list[tuple[int, int, bytes]]:
    """Return the nodes (level, index, hash) to store when `hashes` are appended to a log of `size` leaves."""
    nodes: list[tuple[int, int, bytes]] = []
    new: dict[tuple[int, int], bytes] = {}
    for place, leaf in enumerate(hashes, size):
        level, index, result = 0, place, leaf
        nodes.append((level, index, result))
        new[level, index] = result
        while index & 1:
            left = new.get((level, index - 1)) or subtree(level, index - 1)
            level, index, result = level + 1, index >> 1, node_hash(left, result)
            nodes.append((level, index, result))
            new[level, index] = result
    return nodes


def root_of(size: int, subtree: Subtree) -> bytes:
    """Return the root of the log when it had `size` leaves."""
    return _span(0, size, subtree) if size else EMPTY


def inclusion(index: int, size: int, subtree: Subtree) -> bytes:
    """Return the path that shows leaf `index` in the log of `size` leaves.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a log of {size}")
    siblings: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            siblings.append(_span(middle, end, subtree))
            end = middle
        else:
            siblings.append(_span(start, middle, subtree))
            start = middle
    return b"".join(reversed(siblings))


def consistency(old: int, new: int, subtree: Subtree) -> bytes:
    """Return the path that shows the log of `new` leaves to begin with the log of `old` leaves (RFC 9162, 2.1.4.1).

    Raises:
        ValueError: `old` is greater than `new`, or negative.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a log of {new} leaves does not begin with one of {old}")
    if old in (0, new):
        return b""
    found: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            found.append(_span(middle, end, subtree))
            end = middle
        else:
            found.append(_span(start, middle, subtree))
            start = middle
    if start > 0:  # else the old tree is one perfect subtree, and its root is known
        found.append(_span(start, end, subtree))
    return b"".join(reversed(found))


def _span(start: int, end: int, subtree: Subtree) -> bytes:
    """Return the hash over the leaves from `start` until before `end`, which begin where a perfect subtree begins."""
    width = end - start
    if width & (width - 1) == 0:
        return subtree(width.bit_length() - 1, start // width)
    middle = start + _split(width)
    return node_hash(_span(start, middle, subtree), _span(middle, end, subtree))


def _split(width: int) -> int:
    """Return the greatest power of two smaller than `width`: where RFC 9162 parts left from right."""
    return 1 << (width - 1).bit_length() - 1
