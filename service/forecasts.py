"""Forecasts of jobs, as the board sees them now."""

import time
from collections.abc import Callable

from service.forecast import forecast
from service.models import Forecast
from workers import Board


class Forecasts:
    """Asks the board and makes a forecast of what it says.

    Args:
        board: what it says.
        sandbox: whether uploads go to the sandbox, whose limits are for show.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self, board: Board, *, sandbox: bool, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._board = board
        self._sandbox = sandbox
        self._wall_clock = wall_clock

    def of(self, job_id: str) -> Forecast | None:
        """What to expect of a job; None if it has nothing that is open.

        Who asks is not looked at: that is for the caller, before.
        """
        outlook = self._board.outlook(job_id)
        return forecast(outlook, self._wall_clock(), counts_allowance=not self._sandbox)
