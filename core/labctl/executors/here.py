"""What the executors of this machine share: its packages, its store, and that it costs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from labctl.errors import InfrastructureError
from labctl.executors import machine
from labctl.model.machine import Environment, Problem, Rate
from labctl.model.wire import Order
from labctl.spi import Code, Session
from labctl.store.objects import STORE, Objects


class OnThisMachine:
    """The part of an executor that says what is here. ``name`` is the executor's."""

    name = ""
    store = STORE
    options: type | None = None
    gpus: int | None = None
    _objects: Objects

    def open(self, session: Session) -> None:
        self._objects = Objects(session.objects)
        self.gpus = len(machine.gpu_indices())

    def fingerprint(self, env: Environment) -> str:
        return machine.fingerprint(env)

    def check(self, envs: Iterable[Environment]) -> Iterable[Problem]:
        return machine.check(envs)

    def rate(self, env: Environment) -> Rate:
        return Rate()

    def prepare(self, envs: Iterable[Environment], code: Code) -> None:
        """Nothing to do: jobs run with what is installed here."""

    def adopt(self, handle: str, order: Order) -> bool:
        return False  # what ran here has ended with its host: nothing is left to adopt

    def put(self, sha256: str, path: Path) -> None:
        self._objects.copy_in(path, sha256)

    def fetch(self, sha256: str, folder: Path) -> Path:
        return self._objects.copy_out(sha256, folder)

    def publish(self, order: Order) -> str:
        raise InfrastructureError(f"the {self.name} executor cannot publish")

    def unpublish(self, name: str) -> None:
        raise InfrastructureError(f"the {self.name} executor cannot publish")
