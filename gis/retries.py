"""When something that failed is tried again."""

from __future__ import annotations

FIRST_S = 5.0
LONGEST_S = 3600.0
#: With these delays the last of ten tries comes about three quarters of an hour after the first.
TRIES_MOST = 10
#: A job that could have been taken so long ago is taken by nobody: whoever does the work is away or far too slow.
STUCK_S = 300.0


def delay_s(tries: int, *, luck: float, most: int = TRIES_MOST) -> float | None:
    """How long to wait after a failure.

    Parameters
    ----------
    tries : int
        How often it has been tried, at least 1.
    luck : float
        From [0, 1), different for each caller, so that what failed together does not come back together.
    most : int
        How many tries there are.

    Returns
    -------
    float or None
        Seconds: 5, 10, 20, ... an hour at most, each times 0.5 + luck; None when all tries are used up.
    """
    if tries >= most:
        return None
    return min(FIRST_S * 2.0 ** (tries - 1), LONGEST_S) * (0.5 + luck)
