"""Party ids and the country codes that standards spell differently."""

from __future__ import annotations

import pytest

from diwan.release.codes import is_party_id, party_id
from diwan.terms.errors import Malformed


@pytest.mark.parametrize(
    ("code", "party"), [("BAH", "BHR"), ("FYR", "MKD"), ("BHR", "BHR"), ("NATO.RC-KWT", "NATO.RC-KWT")]
)
def test_codes_in_circulation_lead_to_one_id(code: str, party: str) -> None:
    assert party_id(code) == party
    assert is_party_id(code) == (code == party)


@pytest.mark.parametrize("code", ["", "K", "kwt", "KWT ", "KWT\n", "ＫＷＴ", "КWT", ".KWT", "A" * 33, "K,T"])
def test_anything_else_is_no_party_id(code: str) -> None:
    assert not is_party_id(code)
    with pytest.raises(Malformed, match="is not a party id"):
        party_id(code)
