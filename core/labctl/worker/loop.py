"""A warm worker: takes orders from a socket, one after another, and sends back what happens.

Reached by a fork of the zygote or a template, or as ``python -m labctl.worker.loop FD``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Any

import msgspec

from labctl.model.wire import Event, Order
from labctl.worker.execute import execute
from labctl.worker.place import Layout, LocalPlace

LIMITS = (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Task(msgspec.Struct, frozen=True):
    """An order with what this machine adds: where its folders are."""

    order: Order
    layout: Layout


class Worker:
    """Serves a socket until it is closed. ``stopping`` turns true at SIGTERM."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buffer = b""
        self._stopping = False
        self._decoder = msgspec.json.Decoder(Task)
        self._sending = threading.Lock()

    def serve(self) -> None:
        self._handle_signals()
        self._send({"ready": os.getpid()})
        while True:
            received = self._receive()
            if received is None:
                return
            task, log = received
            self._run(task, log)

    def _run(self, task: Task, log: int) -> None:
        self._redirect(log)
        self._handle_signals()  # a job before may have set its own
        path, process = list(sys.path), _process_state()
        variables, cwd, mask = dict(os.environ), os.getcwd(), os.umask(0o077)
        place = LocalPlace(task.layout, self._emit_early)
        os.chdir(place.folder)
        self._held: Event | None = None
        execute(task.order, place, lambda: self._stopping)
        os.chdir(cwd)
        os.umask(mask)
        _restore_environment(variables)
        sys.path[:] = path
        place.close()
        ended = self._held
        assert ended is not None
        good = ended.data["state"] == "succeeded" and not self._stopping
        clean = good and threading.active_count() == 1 and not _has_children()
        clean = clean and _unchanged(process, _process_state())
        self._flush()
        void = os.open(os.devnull, os.O_WRONLY)
        self._redirect(void)
        self._emit(msgspec.structs.replace(ended, data={**ended.data, "reusable": clean}))

    def _emit_early(self, event: Event) -> None:
        # The end is told last, when the work folder is gone and the log is written.
        if event.kind == "ended":
            self._held = event
        else:
            self._emit(event)

    def _emit(self, event: Event) -> None:
        self._send(event)

    def _send(self, message: Any) -> None:
        line = msgspec.json.encode(message) + b"\n"
        with self._sending:  # a job's threads may measure at the same time
            self._control.sendall(line)

    def _receive(self) -> tuple[Task, int] | None:
        """The next order with its log pipe; None when the host has gone."""
        fds: list[int] = []
        pieces = [self._buffer]
        while b"\n" not in pieces[-1]:
            try:
                data, received, _, _ = socket.recv_fds(self._control, 1 << 18, 1)
            except InterruptedError:
                continue
            except OSError:
                return None
            fds += received
            if not data:
                return None
            pieces.append(data)
        line, _, self._buffer = b"".join(pieces).partition(b"\n")
        return self._decoder.decode(line), fds[0]

    def _redirect(self, log: int) -> None:
        """Give standard output and error to ``log``, whatever a job has done to them."""
        void = os.open(os.devnull, os.O_RDONLY)
        os.dup2(void, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for fd in (void, log):
            if fd > 2:
                os.close(fd)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        for name, fd in (("stdout", 1), ("stderr", 2)):
            stream = open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)

    def _flush(self) -> None:
        """What C libraries hold back; ``execute`` has flushed what Python holds."""
        try:
            ctypes.CDLL(None).fflush(None)
        except (OSError, AttributeError):
            pass

    def _handle_signals(self) -> None:
        def stop(signum: int, frame: FrameType | None) -> None:
            self._stopping = True

        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # They were blocked around the fork: a SIGTERM in between would have killed a worker that saves.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _process_state() -> tuple[Any, ...]:
    """What a job may change for the whole process, as far as it is cheap to see."""
    limits = tuple(resource.getrlimit(number) for number in LIMITS)
    decimal, torch = sys.modules.get("decimal"), sys.modules.get("torch")
    precision = decimal.getcontext().prec if decimal else None
    dtype = torch.get_default_dtype() if torch else None
    return limits, sys.getrecursionlimit(), os.nice(0), precision, dtype


def _unchanged(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    """A setting of a module that the job was first to import is not known to have changed."""
    return all(old is None or old == new for old, new in zip(before, after, strict=True))


def _restore_environment(variables: dict[str, str]) -> None:
    """Undo what a job did to the variables, so that the next one does not see it."""
    if dict(os.environ) != variables:
        os.environ.clear()
        os.environ.update(variables)


def _has_children() -> bool:
    """Whether the job left a process behind."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return bool(file.read())
    except OSError:
        return False


def serve_socket(control: socket.socket) -> None:
    """Serve and leave without running the exit handlers of the process that was forked."""
    sys.dont_write_bytecode = False
    code = 0
    try:
        Worker(control).serve()
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    os._exit(code)


if __name__ == "__main__":
    serve_socket(socket.socket(fileno=int(sys.argv[1])))
