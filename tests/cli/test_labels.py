from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

Run = Callable[..., Any]


def test_a_marking_is_told_with_its_label_and_whom_it_reaches(diwan: Run, node: Path) -> None:
    (told,) = diwan("label", "tlp:amber  //  releasable to QAT, BAH", "--json", "--node", node).told

    assert told == {
        "marking": "TLP:AMBER // Releasable to BHR, QAT",
        "policy": "TLP",
        "set by": "KWT",
        "label": {
            "policy": "TLP",
            "classification": "UNCLASSIFIED",
            "categories": [{"tag": "Releasable To", "type": "PERMISSIVE", "values": ["BHR", "QAT"]}],
            "handling": {"tlp": "TLP:AMBER"},
        },
        "faults": [],
        "reaches": ["BHR", "KWT", "QAT"],
    }


def test_a_label_reaches_the_parties_that_a_keeper_has_stated(diwan: Run, tmp_path: Path) -> None:
    assert diwan("demo", "--no-serve", "--node", "demo").code == 0

    def reaches(text: str, *by: str) -> Any:
        (told,) = diwan("label", text, *by, "--json", "--node", "demo").told
        return told["reaches"]

    assert reaches("TLP:AMBER // Releasable to ICI") == ["ARE", "BHR", "KWT", "NATO", "QAT"]
    assert reaches("TLP:AMBER // Releasable to MD", "--originator", "JOR") == ["ISR", "JOR"]
    assert reaches("TLP:CLEAR") == ["everyone"]
    typo = diwan("label", "TLP:CLEAR", "--originator", "jor", "--node", "demo")
    assert typo.err.startswith("Refused. “jor” is not a party id")


def test_a_label_is_printed_as_adatp_4774(diwan: Run, node: Path) -> None:
    printed = diwan("label", "TLP:AMBER // Releasable to QAT", "--xml", "--node", node)

    root = etree.fromstring(printed.out.encode())
    assert printed.code == 0
    assert etree.QName(root).localname == "originatorConfidentialityLabel"
    assert [node.text for node in root.iter("{*}PolicyIdentifier")] == ["TLP"]
    assert [node.text for node in root.iter("{*}GenericValue")] == ["QAT", "TLP:AMBER"]


def test_a_marking_that_is_none_is_refused_with_the_word_that_is_not_understood(diwan: Run, node: Path) -> None:
    refused = diwan("label", "TLP:AMBER // Releasable to QAT, Atlantis", "--node", node)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "Refused. Marking “TLP:AMBER // Releasable to QAT, Atlantis”: “Atlantis” is not understood."
        " Nothing was labelled.\n"
    )
