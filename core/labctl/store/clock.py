"""The time of a home: that of the machine's clock, which may jump back, and this does not."""

from __future__ import annotations

import time


class Clock:
    """Epoch seconds, each call's at least those of the call before.

    What a claim is worth hangs on what came first, a duration on what came last: a clock that is set
    back in the middle must turn neither round. Once the machine's clock has caught up, it counts again.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._last = 0.0

    def __call__(self) -> float:
        now = time.time()
        if now < self._last:
            later = max(now + self.ahead, self._last)
            self.ahead, self._last = later - now, later
        else:
            self.ahead, self._last = 0.0, now
        return self._last

    def not_before(self, moment: float) -> None:
        """Count on from a moment that is known to be over."""
        if moment > self():
            self.ahead, self._last = moment - time.time(), moment
