"""Passwords: what is accepted, what is the same, and how much work each answer costs."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from diwan.people.passwords import Passwords
from diwan.terms.errors import Refused


def test_kept_string_is_argon2id_with_the_documented_parameters_of_rfc_9106() -> None:
    kept = Passwords().hash("correct horse battery")

    made = extract_parameters(kept)
    assert (made.type, made.time_cost, made.memory_cost, made.parallelism) == (Type.ID, 3, 65536, 4)
    assert (made.salt_len, made.hash_len) == (16, 32)


def test_same_password_is_kept_differently_each_time(passwords: Passwords) -> None:
    first, second = passwords.hash("correct horse battery"), passwords.hash("correct horse battery")

    assert first != second
    assert passwords.check(first, "correct horse battery")
    assert passwords.check(second, "correct horse battery")
    assert not passwords.check(first, "correct horse batterz")


def test_password_typed_in_another_unicode_form_is_the_same_password(passwords: Passwords) -> None:
    composed, apart = "ﷲ العربية café", "الله العربية cafe\u0301"

    kept = passwords.hash(composed)

    assert composed != apart
    assert passwords.check(kept, apart)


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025, "é" * 513, "half a pair \ud800 is not text"])
def test_password_shorter_than_12_characters_or_longer_than_1024_bytes_is_refused(
    passwords: Passwords, password: str
) -> None:
    with pytest.raises(Refused, match="at least 12 characters and at most 1024 bytes"):
        passwords.hash(password)


@pytest.mark.parametrize("password", ["twelve chars", "x" * 1024, "é" * 512, "سرّ طويل جدّاً"])
def test_password_within_the_bounds_is_kept_whole(passwords: Passwords, password: str) -> None:
    kept = passwords.hash(password)

    assert passwords.check(kept, password)
    assert not passwords.check(kept, password[:-1])


def test_longest_password_with_something_after_it_is_not_that_password(passwords: Passwords) -> None:
    kept = passwords.hash("x" * 1024)

    assert passwords.check(kept, "x" * 1024)
    assert not passwords.check(kept, "x" * 1025)


@pytest.mark.parametrize("typed", ["wrong horse battery", "", "x" * 5000, "\ud800"])
def test_unknown_name_costs_one_check_of_the_same_parameters_as_a_wrong_password(
    passwords: Passwords, hasher: Any, typed: str
) -> None:
    kept = passwords.hash("correct horse battery")
    hashed = hasher.hashed

    assert not passwords.check(kept, typed)
    assert not passwords.check(None, typed)

    wrong, unknown = hasher.verified
    assert extract_parameters(wrong) == extract_parameters(unknown)
    assert hasher.hashed == hashed


def test_no_password_fits_a_name_that_nobody_has(passwords: Passwords) -> None:
    assert [passwords.check(None, typed) for typed in ("", "correct horse battery", "x" * 1025)] == [False] * 3


def test_string_kept_with_fewer_passes_is_outdated_once_the_parameters_rise() -> None:
    low, high = (Passwords(PasswordHasher(time_cost=cost, memory_cost=8, parallelism=1)) for cost in (1, 2))

    kept = low.hash("correct horse battery")

    assert (low.outdated(kept), high.outdated(kept)) == (False, True)
    assert high.check(kept, "correct horse battery")
