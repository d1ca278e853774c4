"""A worker as the crew sees it, and what is said of one that did not live to tell."""

from __future__ import annotations

import signal
import socket
import time
from typing import Any

from labctl.executors.keeper import Ended
from labctl.executors.logs import LogWriter
from labctl.model.wire import Event, Order

STARTING = 300.0  # seconds for a template to import what is preloaded
STATES = {
    "timed out": "timed out", "stopped": "interrupted", "unborn": "interrupted", "idle": "interrupted",
}  # fmt: skip


class Hand:
    """One worker: its sockets, its order, its deadlines, and why it was ended.

    ``kind``: what it was started for; only an order of that kind may go to it. ``born``: its keeper
    has said that it runs. ``begun``: it has said that it has begun with its order; ``began``: when it
    was given it (monotonic seconds).
    """

    def __init__(self, kind: tuple[Any, ...], jobs: socket.socket, keeper: socket.socket) -> None:
        self.kind = kind
        self.jobs = jobs
        self.keeper = keeper
        self.from_jobs = b""
        self.to_jobs: memoryview | bytes = b""
        self.born = False
        self.begun = False
        self.from_keeper = b""
        self.order: Order | None = None
        self.handle = ""
        self.secrets: list[str] = []
        self.log: LogWriter | None = None
        self.pipe: int | None = None
        self.deadline: float | None = None
        self.kill_at: float | None = None
        self.cause = ""
        self.began = 0.0
        self.gpus: tuple[str, ...] = ()
        self.work = ""

    def tell(self, word: bytes) -> None:
        """Say a word to its keeper, if there still is one."""
        try:
            self.keeper.send(word)
        except OSError:
            pass


def post_mortem(order: Order, worker: Hand, end: Ended) -> Event:
    """The end of an attempt whose worker did not live to tell it."""
    cause = worker.cause
    if not cause and not worker.begun:
        cause = "idle"
    state = STATES.get(cause, "failed")
    if cause == "unborn":
        message = "its worker could not be started: what is preloaded has ended the process"
    elif cause == "idle":
        message = f"its worker ended before the job had begun: {_words(end)}"
    elif not worker.born and state == "timed out":
        message = f"its worker had not started after {STARTING + order.timeout:g} s"
    elif state == "timed out":
        message = f"still running after {order.timeout:g} s; it was killed"
    elif state == "interrupted":
        message = "stopped before it had saved"
    elif end.signal is not None:
        message = f"its process {_words(end)}"
        message += "; was there enough memory?" if end.signal == signal.SIGKILL else ""
    else:
        message = f"its process {_words(end)} before the job had ended"
    error = {"type": "", "message": message}
    data = {"state": state, "error": error, "seconds": time.monotonic() - worker.began}
    return Event(
        run=order.run, job=order.job, attempt=order.attempt, kind="ended", time=time.time(), data=data
    )


def lost(order: Order, message: str) -> Event:
    """The end of an attempt that nobody will tell us of."""
    data = {"state": "interrupted", "error": {"type": "", "message": message}, "seconds": 0.0}
    return Event(
        run=order.run, job=order.job, attempt=order.attempt, kind="ended", time=time.time(), data=data
    )


def _words(end: Ended) -> str:
    if end.signal is None:
        return f"exited with {end.code}"
    try:
        return f"was killed by {signal.Signals(end.signal).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {end.signal}"
