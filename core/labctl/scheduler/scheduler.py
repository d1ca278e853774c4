"""The scheduler: jobs with their needs, each failing alone, admitted by cpu tokens, GPUs and money.

One thread. All that happens, events of the executor and signals of the user, comes through one
queue; a turn of the loop handles what is there and writes it in one transaction.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Mapping

from labctl.errors import InfrastructureError
from labctl.model.canonical import digest
from labctl.model.machine import Environment
from labctl.model.wire import Event
from labctl.planning.keys import key_of
from labctl.scheduler.admission import Admission
from labctl.scheduler.desk import Desk, Task
from labctl.scheduler.ledger import Ledger
from labctl.scheduler.listener import Listener
from labctl.scheduler.outcomes import Outcomes
from labctl.scheduler.state import Earlier, Tracked
from labctl.store.runs import Store
from labctl.store.shelf import Shelf

TICK = 0.2  # seconds between two updates of what a user sees


class Signal:
    """The user wants the run to stop; a second one: at once."""

    def __init__(self, number: int) -> None:
        self.number = number


Inbox = queue.SimpleQueue[Event | Signal]


class Scheduler:
    """Drives one plan to its end on one executor."""

    def __init__(
        self,
        task: Task,
        store: Store,
        shelf: Shelf,
        inbox: Inbox,
        listener: Listener,
        patient: Callable[[], bool] = lambda: True,
    ) -> None:
        adopts = "adopt" in task.executor.can
        ledger = Ledger(store, task.run, task.name, listener.warned, patient, adopts=adopts)
        self.desk = Desk(task, shelf, ledger, listener)
        self._store = store
        self._inbox = inbox
        self._folder = store.folder(task.name)
        self._outcomes = Outcomes(self.desk, self._folder)
        self._admission = Admission(self.desk, self._outcomes)
        self._ticked = 0.0
        self._environments = {digest(e): e for e in task.plan.environments()}

    @property
    def tracked(self) -> dict[str, Tracked]:
        return self.desk.tracked

    def environment(self, sha256: str) -> Environment:
        return self._environments[sha256]

    def resume(self, earlier: Mapping[str, Earlier]) -> None:
        """Take over what an earlier host of this run has reached. Its executor is open by now."""
        for job, known in earlier.items():
            self.desk.tracked[job].restore(known)
        self.desk.recount()
        for tracked in self.desk.tracked.values():
            if tracked.open_attempt:
                self._adopt(tracked)
        self.desk.settle()

    def cancel(self) -> None:
        """Call the run off: what runs may save, nothing else starts."""
        if not self.desk.cancelled:
            self.desk.cancelled = True
            self._halt(self.desk.task.grace)

    def drive(self) -> None:
        """Run until every job has ended, or the run was stopped and nothing is in flight."""
        while True:
            self._admission.advance()
            if self.desk.over:
                return
            if self.desk.stopping and not self.desk.flying():
                self._close_cancelled()
                return
            self._handle(self._wait())

    def _wait(self) -> list[Event | Signal]:
        """What has come in; at the latest when a retry is due or the user's view is stale."""
        now = time.monotonic()
        waits = [due - now for due in self._admission.due() if due > now]
        try:
            found = [self._inbox.get(timeout=max(0.0, min([*waits, TICK])))]
        except queue.Empty:
            found = []
        while not self._inbox.empty():
            found.append(self._inbox.get())
        if time.monotonic() - self._ticked > TICK:
            self._ticked = time.monotonic()
            self._look_around()
            self.desk.listener.tick()
        return found

    def _look_around(self) -> None:
        """Words that other commands have left, and whether the ground is still there."""
        if not self._folder.lock.exists():
            raise InfrastructureError(
                f"the folder of {self.desk.task.name} was removed while it ran",
                details=[str(self._folder.root), "its jobs were ended"],
            )
        wanted, self.desk.purse.stop_at = self._store.wishes(self.desk.task.run)
        if wanted == "cancel":
            self.cancel()
        elif wanted == "stop" and not self.desk.stopping:
            self._stop(signal.SIGTERM)

    def _handle(self, messages: list[Event | Signal]) -> None:
        for message in messages:
            if isinstance(message, Signal):
                self._stop(message.number)
            elif message.kind == "ended":
                self._outcomes.ended(message)
            else:
                self._outcomes.note(message)
        self.desk.settle()

    def _stop(self, number: int) -> None:
        first = not self.desk.stopping
        self.desk.stopped_by = self.desk.stopped_by or number
        self._halt(self.desk.task.grace if first else 0.0)

    def _halt(self, grace: float) -> None:
        flying = self.desk.flying()
        self.desk.listener.stopping([t.job.id for t in flying], grace)
        for tracked in flying:
            self.desk.executor.stop(tracked.handle, grace)

    def _close_cancelled(self) -> None:
        if self.desk.cancelled:
            for tracked in self.desk.tracked.values():
                if not tracked.ended:
                    self.desk.set(
                        tracked, "cancelled", reason="the run was cancelled", ended=self.desk.ledger.now()
                    )
            self.desk.settle()

    def _adopt(self, tracked: Tracked) -> None:
        """Go on with an attempt that outlived its host, or count it as interrupted."""
        executor = self.desk.executor
        tracked.key = key_of(self.desk.task.materials[tracked.job.id], self.desk.inputs(tracked))
        tracked.state = "running"
        if "adopt" in executor.can and executor.adopt(tracked.handle, self.desk.order(tracked)):
            self._forget_metrics(tracked)
            tracked.adopted = True
            self.desk.set(tracked, "running", key=tracked.key)
            self.desk.ledger.event("adopted", tracked.job.id, tracked.attempt)
        else:
            self._outcomes.lost(tracked, "it was lost when its host ended")

    def _forget_metrics(self, tracked: Tracked) -> None:
        """An adopted attempt tells all of its story again: what was written of it would stand there twice."""
        from labctl.scheduler.metrics import without

        without(self._folder.metrics, tracked.job.id, tracked.attempt)
