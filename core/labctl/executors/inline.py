"""The inline executor: jobs in the host's own process and thread, so that a debugger works."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from labctl.errors import InfrastructureError
from labctl.executors import machine
from labctl.model.machine import Environment, Problem, Rate
from labctl.model.wire import Order
from labctl.spi import Code, Session
from labctl.store.objects import Objects
from labctl.worker.execute import execute
from labctl.worker.place import LocalPlace


class InlineExecutor:
    """One job at a time, here and now. What jobs print goes to the terminal.

    A job that ends the process ends the run; a timeout is an alarm that the job may swallow. After
    Ctrl-C a job that asks may save; a second one interrupts it.
    """

    name = "inline"
    store = "local"
    slots = 1
    can: frozenset[str] = frozenset()
    options: type | None = None

    def open(self, session: Session) -> None:
        self._session = session
        self._objects = Objects(session.objects)

    def fingerprint(self, env: Environment) -> str:
        return machine.fingerprint(env)

    def check(self, envs: Iterable[Environment]) -> Iterable[Problem]:
        return machine.check(envs)

    def rate(self, env: Environment) -> Rate:
        return machine.rate(env)

    def prepare(self, envs: Iterable[Environment], code: Code) -> None:
        """Nothing to do: jobs run with what is installed here."""

    def submit(self, order: Order) -> str:
        place = LocalPlace(machine.layout(self._session, order), self._session.emit)
        cwd = os.getcwd()
        os.chdir(place.folder)
        try:
            execute(order, place, self._session.stopping)
        finally:
            os.chdir(cwd)
            place.close()
        return f"{order.run}/{order.job}/{order.attempt}"

    def adopt(self, handle: str, order: Order) -> bool:
        return False

    def stop(self, handle: str, grace: float) -> None:
        """Nothing runs while the host has time to say so."""

    def put(self, sha256: str, path: Path) -> None:
        self._objects.copy_in(path, sha256)

    def fetch(self, sha256: str, folder: Path) -> Path:
        return self._objects.copy_out(sha256, folder)

    def publish(self, order: Order) -> str:
        raise InfrastructureError("the inline executor cannot publish")

    def unpublish(self, name: str) -> None:
        raise InfrastructureError("the inline executor cannot publish")

    def close(self) -> None:
        """Nothing is open."""
