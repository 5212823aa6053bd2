"""The crisis desk: alerts in CAP 1.2, in and out, and what is in force now."""

from diwan.desk import Board, Desk, Show
from diwan.desks.crisis.acts import ACTS, edition, findings, open_file, proofs
from diwan.desks.crisis.kinds import ALERT, MEDIA_TYPE
from diwan.desks.crisis.pages import alert_view, board
from diwan.desks.crisis.parse import parse
from diwan.desks.crisis.routes import ROUTES

DESK = Desk(
    name="crisis",
    kinds=frozenset({ALERT}),
    parses={MEDIA_TYPE: parse},
    editions={ALERT: edition},
    opens=open_file,
    checks=findings,
    acts={ALERT: ACTS},
    proves=proofs,
    routes=ROUTES,
    boards=(Board("/crisis", "Crisis", "crisis/board.html", "list", board),),
    shows={ALERT: Show("crisis/alert.html", alert_view)},
    package="diwan.desks.crisis",
)
