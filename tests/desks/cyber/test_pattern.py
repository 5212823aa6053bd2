from __future__ import annotations

import gzip
import json
import time
from pathlib import Path as File

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2patterns.exceptions import ParseException
from stix2patterns.v21.pattern import Pattern as Oracle
from stix2patterns.validator import run_validator

from diwan.desks.cyber.kinds.pattern import (
    Between,
    Comparison,
    Comparisons,
    Every,
    Join,
    Observation,
    Observations,
    Operator,
    Path,
    Pattern,
    Qualified,
    Repeats,
    Time,
    Within,
)
from diwan.desks.cyber.parse.pattern import comparisons, parse_pattern
from diwan.desks.cyber.parse.pattern_tokens import PatternError

SHARED = File(__file__).parents[3] / ".." / "shared" / "data" / "stix"
T1, T2 = "t'2026-01-01T00:00:00Z'", "t'2026-02-01T00:00:00.5Z'"
GOOD = f"""
[file:size = 1280]
[file:size != 1280]
[file:size <> 1280]
[file:size == 1280]
[file:name < 'a']
[file:size <= +5]
[file:size > -5]
[file:entropy >= -.5]
[file:file_name = 'a\\'b\\\\c']
[file:extended_properties.'ntfs-ext'.sid = '234']
[emailaddr:value MATCHES '.+\\\\@example\\\\.com$' OR file:name MATCHES '^Final Report.+\\\\.exe$']
[ipv4addr:value ISSUBSET '192.0.2.0/24' OR ipv4addr:value ISSUPERSET '198.51.100.0/28']
[user-account:value = 'Peter'] AND [email-message:to_refs[*].value = 'ab' AND email-message:body LIKE '%x_']
([file:name = 'a'] AND [file:name = 'b']) FOLLOWEDBY [win-registry-key:key = 'c'] WITHIN 5 SECONDS
[x_whatever:such.such[356].very = -345.345] WITHIN 5 SECONDS REPEATS 5 TIMES
[x_whatever:such = h'00'] START {T1} STOP {T2}
([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS
([a:b = 1]) WITHIN 5 SECONDS WITHIN 6.5 SECONDS
[a:b IN ()]
[a:b IN (1, 'b', h'00', b'YQ==', true, -1.5, {T1})]
[a:b NOT IN ('x')]
[a:b NOT = 1]
[NOT EXISTS a:b]
[EXISTS a:b[*].c AND NOT EXISTS a:d]
[(a:b = 1 OR a:c = 2) AND a:d = true]
[a:b = 1] OR [a:b = 2] AND [a:b = 3] FOLLOWEDBY [a:b = 4]
[a:b=1]AND[c:d=2]
[a:'b c'.'d\\'e'[0][1] = false]
[a-:b = 1]
[t:h = b'QUJD']
[a:last = 't']
  [ a : b . c [ 0 ] = 1 ]
\u00a0[a:b = 1]\u3000\u2028
[a:b = 1 /* it's */ AND a:c = 2] // the end
[a:b = 99999999999999999999999]
[a:b = t'2026-02-30T23:59:60Z']
""".strip("\n").split("\n")
BAD = f"""
file:size = 1280
[file:size = 1280
[file:size == ]
[file:size = 1280]]
[file:size LIKE 1280]
[file:size > true]
[file:size = TRUE]
[file:size = 01]
[file:size = 5.]
[file:size = 1e5]
[file:size = + 5]
[file:size = 1,5]
[file-size = 1]
[file:file-name = 'a']
[file:hashes.SHA-256 = 'a']
[file:name = "a"]
[file:name = 'a\\nb']
[file:name = 'a''b']
[file:name = 'a]
[file:name = h'0g']
[file:name = h'012']
[file:name = b'']
[file:name = b'YQ']
[file:name = t'2026-13-01T00:00:00Z']
[file:name = t'2026-01-01T24:00:00Z']
[file:name = t'2026-01-01t00:00:00z']
[file:name = t'2026-01-01T00:00:00.Z']
[a:b IN (1,)]
[a:b IN 1]
[a:b NOT EXISTS]
[NOT a:b = 1]
[NOT (a:b = 1)]
[AND:b = 1]
[a:LAST = 1]
[a:true = 1]
[a:b = 1 and a:c = 2]
[a:b = 1 ORa:c = 2]
[a:b = 1] followedby [a:b = 2]
[a:b = 1] WITHIN 5 MINUTES
[a:b = 1] WITHIN -5 SECONDS
[a:b = 1] REPEATS 5.0 TIMES
[a:b = 1] WITHIN 5 SECONDS WITHIN 6 SECONDS
[a:b = 1] START '2026-01-01T00:00:00Z' STOP {T2}
[a:b = 1] START {T1}
[a:b[01] = 1]
[a:[0] = 1]
[a:b..c = 1]
[é:b = 1]
[a:b = 1 ^ 2]
\ufeff[a:b = 1]
[a:b = 1] /* open
[]
()
[a:b = 1] [a:b = 2]
""".strip("\n").split("\n")
# What the text of section 9 asks beyond its grammar; stix2-patterns takes the first two and falls over the third.
STRICTER = ["[a:b = 1] WITHIN 0 SECONDS", "[a:b = 1] REPEATS 0 TIMES", "[a:b[-1] = 1]"]

NAMES = st.sampled_from(["a", "file", "x_b", "t", "h", "b", "_", "A1"])
TEXTS = st.text("ab'\\ %é\n[]", max_size=6).map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'")
LITERALS = st.one_of(
    TEXTS,
    st.integers().map(str),
    st.sampled_from(["true", "false", T1, T2, "h'0aFF'", "b'YWI='", "+1.5", "-.25"]),
)
STEPS = st.one_of(NAMES.map(".{}".format), TEXTS.map(".{}".format), st.sampled_from(["[0]", "[*]", "[12]"]))
PATHS = st.builds("{}:{}{}".format, NAMES | st.just("x-a-b"), NAMES | TEXTS, st.lists(STEPS, max_size=3).map("".join))
TESTS = st.one_of(
    st.builds("{} {} {}".format, PATHS, st.sampled_from(["=", "!=", "NOT =", "<>"]), LITERALS),
    st.builds("{} {} {}".format, PATHS, st.sampled_from(["<", "NOT <=", ">", ">="]), TEXTS),
    st.builds("{} {} {}".format, PATHS, st.sampled_from(["LIKE", "NOT MATCHES", "ISSUBSET", "ISSUPERSET"]), TEXTS),
    st.builds("{} IN ({})".format, PATHS, st.lists(LITERALS, max_size=3).map(" , ".join)),
    st.builds("{}EXISTS {}".format, st.sampled_from(["", "NOT "]), PATHS),
)
INSIDE = st.recursive(
    TESTS,
    lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["AND", "OR"]), inner) | inner.map("({})".format),
    max_leaves=4,
)
QUALIFIERS = st.sampled_from(
    ["", " WITHIN 5 SECONDS", " REPEATS 2 TIMES", f" START {T1} STOP {T2}", " WITHIN .5 SECONDS"]
)
PATTERNS = st.recursive(
    st.builds("[{}]{}".format, INSIDE, QUALIFIERS),
    lambda inner: (
        st.builds("{} {} {}".format, inner, st.sampled_from(["AND", "OR", "FOLLOWEDBY"]), inner)
        | st.builds("({}){}".format, inner, QUALIFIERS)
    ),
    max_leaves=3,
)
WORDS = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "(",
            ")",
            ",",
            ".",
            ":",
            "*",
            "=",
            "!=",
            "<",
            "AND",
            "OR",
            "NOT",
            "IN",
            "EXISTS",
            "LIKE",
            "a",
            "b-c",
            "'x'",
            "1",
            "-1",
            ".5",
            "true",
            "t",
            "h'00'",
            "WITHIN",
            "SECONDS",
        ]
    ),
    max_size=8,
).map(" ".join)


def _ours(text: str) -> bool:
    try:
        parse_pattern(text)
    except PatternError:
        return False
    return True


def _theirs(text: str) -> bool:
    """Return what stix2-patterns says; its walk finds the doubled qualifiers, and may find hashes of a wrong length."""
    try:
        Oracle(text)
    except ParseException:
        return False
    return not any("Duplicate" in said for said in run_validator(text, "2.1"))


@pytest.mark.parametrize("text", GOOD)
def test_a_pattern_of_the_grammar_is_read_here_and_there(text: str) -> None:
    assert (_ours(text), _theirs(text)) == (True, True)


@pytest.mark.parametrize("text", [*BAD, ""])
def test_what_is_no_pattern_is_refused_here_and_there(text: str) -> None:
    assert (_ours(text), _theirs(text)) == (False, False)


@pytest.mark.parametrize("text", STRICTER)
def test_what_the_text_forbids_is_refused_though_the_grammar_lets_it_pass(text: str) -> None:
    Oracle(text)

    assert not _ours(text)


@settings(max_examples=150, deadline=None)
@given(PATTERNS)
def test_a_made_pattern_has_the_verdict_of_the_reference(text: str) -> None:
    assert _ours(text) == _theirs(text)


@settings(max_examples=150, deadline=None)
@given(PATTERNS, st.data())
def test_a_spoilt_pattern_has_the_verdict_of_the_reference(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    spoilt = text[:at] + data.draw(st.sampled_from(["", "[", "'", "\\", ".", " ", "-", "0", "a", "é"])) + text[at + 1 :]
    if "[-" in spoilt or " 0" in spoilt:
        return

    assert _ours(spoilt) == _theirs(spoilt)


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_words_in_any_order_have_the_verdict_of_the_reference(text: str) -> None:
    assert _ours(f"[a:b = 1 AND {text}]") == _theirs(f"[a:b = 1 AND {text}]")


@given(st.text(max_size=60))
def test_no_text_raises_anything_else_and_every_refusal_can_be_printed(text: str) -> None:
    try:
        parse_pattern(text)
    except PatternError as refused:
        assert str(refused).isprintable()
        assert 1 <= refused.column <= len(text) + 1


def test_the_values_of_a_pattern_are_what_it_says() -> None:
    text = (
        "[file:hashes.'SHA-256' = 'a\\'b' AND "
        "(file:x[*].y[2] NOT IN (1, -2.5, true, h'00ff', b'QUI=') OR EXISTS file:z)]"
        f" REPEATS 3 TIMES WITHIN 5 SECONDS FOLLOWEDBY ([a:b LIKE '%'] START {T1} STOP {T2} OR [a:b <> 'c'])"
    )

    hashed = Comparison(Path("file", ("hashes", "SHA-256")), Operator.EQUAL, ("a'b",))
    listed = Comparison(
        Path("file", ("x", Every(), "y", 2)), Operator.IN, (1, -2.5, True, b"\x00\xff", b"AB"), negated=True
    )
    there = Comparison(Path("file", ("z",)), Operator.EXISTS, ())
    first = Observation(Comparisons(Join.AND, (hashed, Comparisons(Join.OR, (listed, there)))))
    between = Between(Time("2026-01-01T00:00:00Z"), Time("2026-02-01T00:00:00.5Z"))
    like = Qualified(Observation(Comparison(Path("a", ("b",)), Operator.LIKE, ("%",))), (between,))
    other = Observation(Comparison(Path("a", ("b",)), Operator.UNEQUAL, ("c",)))
    second = Observations(Join.OR, (like, other))
    expected = Observations(Join.FOLLOWEDBY, (Qualified(first, (Repeats(3), Within(5.0))), second))
    assert parse_pattern(text) == Pattern(expected)


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("[a:b = 1]", [True]),
        ("[a:b = 1 OR a:c = 2] OR ([a:d = 3])", [True, True, True]),
        ("[a:b = 1 AND a:c = 2] OR [a:d = 3]", [False, False, True]),
        ("[a:b = 1] AND [a:c = 2]", [False, False]),
        ("[a:b = 1] FOLLOWEDBY [a:c = 2]", [False, False]),
        ("([a:b = 1] OR [a:c = 2]) REPEATS 2 TIMES", [False, False]),
        ("[a:b = 1] REPEATS 1 TIMES WITHIN 5 SECONDS", [True]),
        (f"[a:b = 1] START {T1} STOP {T2}", [False]),
        ("[a:b NOT = 1 OR a:c = 2]", [False, True]),
        ("[(a:b = 1 OR a:c = 2) AND a:d = 3]", [False, False, False]),
    ],
)
def test_a_comparison_stands_alone_only_where_it_makes_the_pattern_match(text: str, alone: list[bool]) -> None:
    assert [stands for _, stands in comparisons(parse_pattern(text))] == alone


@settings(max_examples=200)
@given(PATTERNS)
def test_a_path_is_written_as_a_pattern_reads_it(text: str) -> None:
    if not _ours(text):
        return
    paths = [comparison.path for comparison, _ in comparisons(parse_pattern(text))]

    again = [comparison.path for path in paths for comparison, _ in comparisons(parse_pattern(f"[EXISTS {path}]"))]

    assert again == paths


def test_an_error_names_the_column_and_what_should_stand_there() -> None:
    with pytest.raises(PatternError) as refused:
        parse_pattern("[file:name = 'a' \u202e]")

    assert str(refused.value) == (
        "STIX pattern, column 18: '\\u202e' starts no word of a pattern (STIX 2.1, section 9). Nothing was entered."
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "(" * 100_000,
        "[a:b = '" + "\\'" * 60_000,
        "/*" * 60_000,
        "[" + "(" * 65,
        "[a:b=" + "1" * 400 + "]",
        "b'" + "A" * 100_000,
        "[a:" + "a." * 60_000,
        "[a:b = 1]" * 200_000,
        "[a:b IN (" + "1," * 60_000,
    ],
    ids=range(10),
)
def test_a_hostile_pattern_is_refused_at_once(text: str) -> None:
    began = time.process_time()

    assert not _ours(text)
    assert time.process_time() - began < 2


def test_every_pattern_of_the_real_files_is_read_here_and_there() -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    files = [path for path in sorted(SHARED.glob("*.json*")) if "history" not in path.name]
    texts = [path.read_bytes() if path.suffix == ".json" else gzip.decompress(path.read_bytes()) for path in files]
    found = [said["pattern"] for text in texts for said in json.loads(text)["objects"] if said["type"] == "indicator"]

    assert len(found) == 39
    assert [(_ours(text), _theirs(text)) for text in found] == [(True, True)] * len(found)
