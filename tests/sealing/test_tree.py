"""The tree: known roots and proofs, and every small size against the definition written out naively."""

from __future__ import annotations

import hashlib

import pytest

from diwan.sealing.tree import (
    EMPTY,
    consistency,
    grow,
    inclusion,
    leaf_hash,
    node_hash,
    path_root,
    paths,
    root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The test tree that Certificate Transparency implementations share.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
N_23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N_45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N_67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
N_4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSIONS = {
    (0, 1): [],
    (0, 8): [N_1, N_23, N_4567],
    (5, 8): [N_4, N_67, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], N_23, N_4],
}
CONSISTENCIES = {(1, 1): [], (1, 8): [N_1, N_23, N_4567], (6, 8): [N_45, N_67, ROOTS[4]], (2, 5): [N_23, N_4]}

SIZES = range(34)
MANY = [leaf_hash(bytes([number])) for number in SIZES]


def stored(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    return {(level, index): node for level, index, node in grow(0, leaves, lambda level, index: pytest.fail("stored"))}


def fetch(leaves: list[bytes]):  # type: ignore[no-untyped-def] # a Subtree over a dict
    nodes = stored(leaves)
    return lambda level, index: nodes[level, index]


def joined(hashes: list[str]) -> bytes:
    return b"".join(map(bytes.fromhex, hashes))


# RFC 9162, sections 2.1.1, 2.1.3.1 and 2.1.4.1, word for word


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return b""
    k = split(len(leaves))
    if m < k:
        return naive_path(m, leaves[:k]) + naive_root(leaves[k:])
    return naive_path(m - k, leaves[k:]) + naive_root(leaves[:k])


def naive_proof(m: int, leaves: list[bytes]) -> bytes:
    return naive_subproof(m, leaves, True) if 0 < m < len(leaves) else b""


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> bytes:
    if m == len(leaves):
        return b"" if whole else naive_root(leaves)
    k = split(len(leaves))
    if m <= k:
        return naive_subproof(m, leaves[:k], whole) + naive_root(leaves[k:])
    return naive_subproof(m - k, leaves[k:], False) + naive_root(leaves[:k])


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_known_tree(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]
    assert root_of(size, fetch(LEAVES)).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_inclusion_paths_of_the_known_tree(index: int, size: int) -> None:
    path = joined(INCLUSIONS[index, size])

    assert paths(LEAVES[:size])[index] == path
    assert inclusion(index, size, fetch(LEAVES)) == path
    assert verify_inclusion(LEAVES[index], index, size, path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCIES)
def test_consistency_paths_of_the_known_tree(old: int, new: int) -> None:
    path = joined(CONSISTENCIES[old, new])

    assert consistency(old, new, fetch(LEAVES)) == path
    assert verify_consistency(old, new, path, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_inclusion_paths_are_those_of_the_definition(size: int) -> None:
    leaves = MANY[:size]
    expected = [naive_path(index, leaves) for index in range(size)]

    assert root(leaves) == root_of(size, fetch(MANY)) == naive_root(leaves)
    assert paths(leaves) == expected
    assert [inclusion(index, size, fetch(MANY)) for index in range(size)] == expected


@pytest.mark.parametrize("new", SIZES)
def test_consistency_paths_are_those_of_the_definition_and_verify(new: int) -> None:
    for old in range(new + 1):
        path = consistency(old, new, fetch(MANY))

        assert path == naive_proof(old, MANY[:new])
        assert verify_consistency(old, new, path, naive_root(MANY[:old]), naive_root(MANY[:new]))


@pytest.mark.parametrize("size", range(1, 18))
def test_in_a_tree_of_known_size_a_path_shows_its_own_leaf_in_its_own_place_only(size: int) -> None:
    leaves = MANY[:size]
    top = root(leaves)

    for index, path in enumerate(paths(leaves)):
        shown = [
            (leaf, place)
            for leaf in range(size)
            for place in range(-1, size + 1)
            if verify_inclusion(leaves[leaf], place, size, path, top)
        ]

        assert shown == [(index, index)]


@pytest.mark.parametrize("size", range(1, 18))
def test_a_shortened_lengthened_or_changed_inclusion_path_is_refused(size: int) -> None:
    leaves = MANY[:size]
    top = root(leaves)

    for index, path in enumerate(paths(leaves)):
        changed = [path[:at] + bytes([path[at] ^ 1]) + path[at + 1 :] for at in range(len(path))]
        wrong = [path + bytes(32), path + b"\0", bytes(32) + path, *changed, *([path[:-32], path[:-1]] if path else [])]

        assert verify_inclusion(leaves[index], index, size, path, top)
        assert not any(verify_inclusion(leaves[index], index, size, other, top) for other in wrong)


@pytest.mark.parametrize("new", range(2, 18))
def test_a_rewritten_history_is_not_consistent(new: int) -> None:
    for old in range(1, new):
        path = consistency(old, new, fetch(MANY))
        before, after = root(MANY[:old]), root(MANY[:new])
        rewritten = root([leaf_hash(b"edited"), *MANY[1:old]])
        changed = [path[:at] + bytes([path[at] ^ 1]) + path[at + 1 :] for at in range(len(path))]

        assert verify_consistency(old, new, path, before, after)
        assert not verify_consistency(old, new, path, rewritten, after)
        assert not verify_consistency(old, new, path, before, rewritten)
        assert not verify_consistency(old, 64, path, before, after)
        assert not any(
            verify_consistency(old, new, other, before, after)
            for other in [path[:-32], path + bytes(32), path + b"\0", b"", *changed]
        )


def test_consistency_with_the_empty_log_and_with_itself_needs_no_path() -> None:
    some = root(MANY[:5])

    assert verify_consistency(0, 5, b"", EMPTY, some)
    assert verify_consistency(0, 0, b"", EMPTY, EMPTY)
    assert verify_consistency(5, 5, b"", some, some)
    assert not verify_consistency(0, 5, b"", some, some)
    assert not verify_consistency(0, 0, b"", EMPTY, some)
    assert not verify_consistency(0, 5, bytes(32), EMPTY, some)
    assert not verify_consistency(5, 5, b"", some, EMPTY)
    assert not verify_consistency(5, 5, bytes(32), some, some)
    assert not verify_consistency(5, 4, b"", some, some)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 33])
def test_a_log_grown_in_steps_stores_the_same_nodes_as_at_once(step: int) -> None:
    nodes: dict[tuple[int, int], bytes] = {}
    for start in range(0, len(MANY), step):
        for level, index, node in grow(start, MANY[start : start + step], lambda level, index: nodes[level, index]):
            assert (level, index) not in nodes
            nodes[level, index] = node

    assert nodes == stored(MANY)
    assert set(nodes) == {(level, index) for level in range(6) for index in range(len(MANY) >> level)}


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_path_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion(index, size, fetch(MANY))
    assert path_root(MANY[0], index, size, b"") is None


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5)])
def test_a_longer_log_is_not_the_beginning_of_a_shorter(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        consistency(old, new, fetch(MANY))


def test_a_leaf_that_looks_like_a_node_has_another_hash() -> None:
    left, right = MANY[:2]

    assert leaf_hash(left + right) != node_hash(left, right)


def test_paths_of_an_empty_batch_are_none() -> None:
    assert paths([]) == []
