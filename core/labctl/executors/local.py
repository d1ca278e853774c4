"""The local executor: warm workers on this machine, each under a keeper.

One thread owns everything: workers, sockets, logs, deadlines. What the host calls is put into a
queue and a byte wakes the thread.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections import deque
from typing import Any

from labctl.errors import InfrastructureError
from labctl.executors import machine
from labctl.executors.crew import Crew
from labctl.executors.hand import lost
from labctl.executors.here import OnThisMachine
from labctl.executors.zygote import Zygote
from labctl.model.wire import Order
from labctl.spi import Session

_prefork: Zygote | None = None


def prefork(*, by_exec: bool = False) -> None:
    """Fork the zygote now. Call it first of all in a process that may run jobs.

    ``by_exec``: start it anew, where it is too late for that.
    """
    global _prefork
    if _prefork is None:
        _prefork = Zygote(by_exec=by_exec)


class LocalExecutor(OnThisMachine):
    """Jobs in processes of this machine. See ``crew`` for the life of a worker."""

    name = "local"
    slots = 0
    can = frozenset({"timeout", "isolate", "service"})

    def __init__(self) -> None:
        self.slots = machine.cores()
        self._commands: deque[tuple[Any, ...]] = deque()
        self._thread: threading.Thread | None = None
        self._broken = False

    def open(self, session: Session) -> None:
        global _prefork
        zygote, _prefork = _prefork or Zygote(), None
        self.slots = session.slots or self.slots
        super().open(session)
        self._wake, woken = socket.socketpair()
        self._crew = Crew(session, zygote, self.slots)
        self._thread = threading.Thread(target=self._serve, args=(woken,), name="labctl-local", daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> str:
        if self._broken:
            raise InfrastructureError("the local executor has broken down")
        handle = f"{os.getpid()}/{order.run}/{order.job}/{order.attempt}"
        self._tell("submit", order, handle)
        return handle

    def stop(self, handle: str, grace: float) -> None:
        self._tell("stop", handle, grace)

    def close(self) -> None:
        if self._thread is not None:
            self._tell("close")
            self._thread.join()
            self._thread = None
            self._wake.close()

    def _tell(self, *command: Any) -> None:
        self._commands.append(command)
        try:
            self._wake.send(b".")
        except BrokenPipeError:  # it has broken down: it takes what it finds in the queue with it
            self._give_up()

    def _serve(self, woken: socket.socket) -> None:
        crew = self._crew
        crew.watch(woken, selectors.EVENT_READ, lambda: self._obey(woken))
        try:
            while not crew.finished:
                crew.turn()
        except Exception as error:  # a fault of ours: without a word the run would wait for ever
            self._broken = True
            crew.abandon(f"the local executor broke down: {error!r}")
        finally:
            woken.close()
            crew.dismiss()
            if self._broken:
                self._give_up()

    def _give_up(self) -> None:
        while True:
            try:
                name, *arguments = self._commands.popleft()
            except IndexError:
                return
            if name == "submit":
                self._crew.emit(lost(arguments[0], "the local executor has broken down"))

    def _obey(self, woken: socket.socket) -> None:
        woken.recv(4096)
        while self._commands:
            name, *arguments = self._commands.popleft()
            if name == "submit":
                self._submit(*arguments)
            elif name == "stop":
                self._crew.stop(*arguments)
            else:
                self._crew.close()

    def _submit(self, order: Order, handle: str) -> None:
        try:
            self._crew.assign(order, handle)
        except OSError as error:
            # No process, no memory, no descriptors: the attempt has not begun, so it is no failure.
            self._crew.emit(lost(order, f"no worker could be started: {error}"))
