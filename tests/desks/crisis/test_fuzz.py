from __future__ import annotations

import random
from collections.abc import Callable

from diwan.desks.crisis.parse import check, diwan, drafts_in, read_alert
from diwan.desks.crisis.render import alert_json, cap_xml, geojson
from diwan.terms.item import Draft

PIECES = (
    b"<",
    b">",
    b"&",
    b'"',
    b"\0",
    b"\xff",
    b"-00:00",
    b"24:00:00",
    b"9",
    b" ",
    b"</info>",
    b"<info>",
    b"nan",
    b"",
)


def spoilt(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randrange(1, 3)):
        begin = chance.randrange(len(out))
        out[begin : begin + chance.choice((0, 1, 1, 1, 1, 40))] = chance.choice(PIECES)
    return bytes(out)


def test_spoilt_bytes_are_refused_or_understood_and_never_raise(specimen: Callable[[str], bytes]) -> None:
    chance = random.Random(3)
    files = [specimen(name) for name in ("oil.xml", "old11.xml", "old10.xml")]
    understood = 0
    for _ in range(1_500):
        data = spoilt(chance.choice(files), chance)
        check(data, profile=diwan)
        for come in drafts_in(data, "spoilt.xml", {"Kuwait": "KWT"}):
            if isinstance(come, Draft):
                understood += 1
                alert = read_alert(come.parts[0].data)
                assert read_alert(cap_xml(alert)) == alert
                assert alert_json(alert)["sent"] == alert.sent
                assert geojson(alert)["type"] == "FeatureCollection"
    assert 50 < understood < 1_400
