"""The inline executor: jobs in the host's own process and thread, so that a debugger works."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from labctl.executors import machine
from labctl.executors.here import OnThisMachine
from labctl.model.wire import Order
from labctl.spi import Session
from labctl.worker.execute import execute
from labctl.worker.place import LocalPlace


class InlineExecutor(OnThisMachine):
    """One job at a time, here and now. What jobs print goes to standard error.

    A job that ends the process ends the run; a timeout is an alarm that the job may swallow. After
    Ctrl-C a job that asks may save; a second one interrupts it.
    """

    name = "inline"
    slots = 1
    can: frozenset[str] = frozenset()

    def open(self, session: Session) -> None:
        super().open(session)
        self._session = session

    def submit(self, order: Order) -> str:
        place = LocalPlace(machine.layout(self._session, order), self._session.emit)
        cwd = os.getcwd()
        os.chdir(place.folder)
        try:
            with _output_to_stderr():
                execute(order, place, self._session.stopping)
        finally:
            os.chdir(cwd)
            place.close()
        return f"{order.run}/{order.job}/{order.attempt}"

    def stop(self, handle: str, grace: float) -> None:
        """Nothing runs while the host has time to say so."""

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Standard output is for what was asked for: verdicts, paths, JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            pass
        os.dup2(kept, 1)
        os.close(kept)
