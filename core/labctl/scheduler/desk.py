"""What the parts of a scheduler share: the jobs, where they stand, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from labctl.executors.machine import threads
from labctl.model.canonical import digest
from labctl.model.results import JobResult, JobState
from labctl.model.wire import Order
from labctl.planning.keys import Material, as_input
from labctl.planning.plan import Plan
from labctl.scheduler.ledger import Ledger
from labctl.scheduler.listener import Change, Listener
from labctl.scheduler.purse import Purse
from labctl.scheduler.room import Room
from labctl.scheduler.state import Tracked
from labctl.spi import Executor
from labctl.store.shelf import Shelf


class Task:
    """What a scheduler is to drive, and how. One plan on one executor.

    ``token`` and ``idle`` (seconds) are for a plan that is a service.
    """

    def __init__(
        self,
        *,
        run: int,
        name: str,
        plan: Plan,
        materials: Mapping[str, Material],
        borrowed: Mapping[str, JobResult],
        executor: Executor,
        use_cache: bool = True,
        grace: float = 10.0,
        stop_at: float | None = None,
        spent: float = 0.0,
        token: str = "",
        idle: float = 0.0,
        code_changed: Callable[[Iterable[str]], str] = lambda modules: "",
    ) -> None:
        self.run = run
        self.name = name
        self.plan = plan
        self.materials = materials
        self.borrowed = dict(borrowed)
        self.executor = executor
        self.use_cache = use_cache
        self.grace = grace
        self.stop_at = stop_at
        self.spent = spent
        self.token = token
        self.idle = idle
        self.code_changed = code_changed


class Desk:
    """The jobs of a run, its ledger and its listener.

    ``news``: jobs that have ended or wait again since admission last looked.
    ``stopped_by`` is the signal that stops the run, or 0; ``cancelled``: somebody has called it off.
    What is said to the listener is kept back until the ledger is written.
    """

    def __init__(self, task: Task, shelf: Shelf, ledger: Ledger, listener: Listener) -> None:
        self.task = task
        self.tracked = {job.id: Tracked(job) for job in task.plan.jobs}
        self.executor = task.executor
        self.shelf = shelf
        self.ledger = ledger
        self.listener = listener
        self.room = Room(task.executor)
        self.purse = Purse(task.executor, task.spent, task.stop_at)
        self.stopped_by = 0
        self.cancelled = False
        self.news: list[Tracked] = []
        self._flying: dict[str, Tracked] = {}
        self._left = len(self.tracked)
        self._changes: list[Change] = []

    @property
    def stopping(self) -> bool:
        return bool(self.stopped_by) or self.cancelled

    @property
    def over(self) -> bool:
        """Whether every job has ended."""
        return self._left == 0

    def flying(self) -> list[Tracked]:
        return list(self._flying.values())

    def recount(self) -> None:
        """Look at all jobs anew: some have been moved by other ways than ``set``."""
        self._flying = {i: t for i, t in self.tracked.items() if t.in_flight}
        self._left = sum(not t.ended for t in self.tracked.values())

    def set(self, tracked: Tracked, state: JobState, reason: str = "", **columns: Any) -> None:
        """Move a job, here and in the ledger. One that has ended, or waits again, is in the news."""
        self._left += tracked.ended
        tracked.state = state
        tracked.reason = reason
        self._left -= tracked.ended
        if tracked.in_flight:
            self._flying[tracked.job.id] = tracked
        else:
            self._flying.pop(tracked.job.id, None)
            self.news.append(tracked)
        self.ledger.job(tracked.job.id, state, tracked.attempt, reason, **columns)

    def tell(self, change: Change) -> None:
        self._changes.append(change)

    def settle(self) -> None:
        """Write what has happened, then say it."""
        self.ledger.flush()
        changes, self._changes = self._changes, []
        for change in changes:
            self.listener.changed(change)

    def inputs(self, tracked: Tracked) -> dict[str, tuple[JobResult, ...]]:
        """Results of the needs as a job may see them: what its key holds, and no more."""
        return {
            role: tuple(as_input(self.task.borrowed.get(i) or self.tracked[i].as_result()) for i in ids)
            for role, ids in tracked.job.needs.items()
        }

    def order(self, tracked: Tracked) -> Order:
        """The order of the attempt that a job is at."""
        job = tracked.job
        return Order(
            run=self.task.name,
            job=job.id,
            attempt=tracked.attempt,
            key=tracked.key,
            function=job.function,
            params=job.params,
            environment=digest(job.environment),
            inputs=self.inputs(tracked),
            files=job.files,
            seed=job.seed,
            threads=threads(job.environment),
            timeout=job.timeout,
            fresh=job.fresh,
            service=job.service,
            token=self.task.token if job.service else "",
            idle=self.task.idle if job.service else 0.0,
        )
