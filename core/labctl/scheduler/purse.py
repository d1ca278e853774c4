"""What a run may cost: checked before every attempt, never after it."""

from __future__ import annotations

from collections.abc import Iterable

from labctl.model.machine import Environment
from labctl.scheduler.state import Tracked
from labctl.spi import Executor

TRIFLE = 1e-9  # US dollars


class Purse:
    """``spent`` in US dollars; ``stop_at`` is what the run may come to, None for no bound.

    An attempt is admitted if the run stays within the bound even when it and all that are in flight
    take their whole timeout.
    """

    def __init__(self, executor: Executor, spent: float, stop_at: float | None) -> None:
        self.spent = spent
        self.stop_at = stop_at
        self._executor = executor
        self._rates: dict[Environment, float] = {}

    def admits(self, wanted: Tracked, flying: Iterable[Tracked]) -> bool:
        if self.stop_at is None:
            return True
        most = self.spent + self.most(wanted) + sum(self.most(tracked) for tracked in flying)
        return most <= self.stop_at + TRIFLE

    def most(self, tracked: Tracked) -> float:
        """What one attempt of a job can cost."""
        return self.price(tracked, tracked.job.timeout)

    def price(self, tracked: Tracked, seconds: float) -> float:
        environment = tracked.job.environment
        if environment not in self._rates:
            self._rates[environment] = self._executor.rate(environment).total
        return self._rates[environment] * seconds / 3600

    def pay(self, tracked: Tracked, seconds: float) -> float:
        """Count the seconds of an attempt that is over; what they cost."""
        usd = self.price(tracked, seconds)
        self.spent += usd
        return usd
