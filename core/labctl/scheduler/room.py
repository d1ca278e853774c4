"""How much there is room for: cpu tokens and GPUs of the executor, less what is in flight."""

from __future__ import annotations

from collections.abc import Collection

from labctl.executors.machine import gpu_count
from labctl.scheduler.state import Tracked
from labctl.spi import Executor

TRIFLE = 1e-9  # for sums of fractions


class Room:
    """What is free on an executor. ``reckon`` after every change, then ask ``fits``."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._cpu = 0.0
        self._gpus = 0

    @property
    def full(self) -> bool:
        """Whether no job at all may start."""
        return self._cpu <= TRIFLE

    def reckon(self, flying: Collection[Tracked]) -> None:
        """Count anew what the jobs in flight take."""
        self._cpu = self._slots - sum(map(self._tokens, flying))
        self._gpus = (self._executor.gpus or 0) - sum(gpu_count(t.job.environment.gpu) for t in flying)

    def fits(self, tracked: Tracked) -> bool:
        """Whether a job may start now."""
        wanted = gpu_count(tracked.job.environment.gpu)
        if wanted and self._executor.gpus is not None and wanted > self._gpus:
            return False
        return self._tokens(tracked) <= self._cpu + TRIFLE

    @property
    def _slots(self) -> int:
        return max(1, self._executor.slots)

    def _tokens(self, tracked: Tracked) -> float:
        """A job takes its cpu, but never more than there is: else it would never start."""
        return min(tracked.job.environment.cpu, self._slots)
