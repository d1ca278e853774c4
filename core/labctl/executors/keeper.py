"""The keeper of one worker: a sub-reaper that ends every descendant when worker or host ends.

It waits for two things, the worker's end and a word (or the end) of the host. It also knows the
worker's exit status, which the host, not being the parent, cannot wait for.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys

import msgspec

from labctl.executors.processes import KEEPER, WORKER, become_subreaper, call_myself, die_with, sweep
from labctl.worker.loop import STOP_SIGNALS, serve_socket

TERMINATE, KILL = b"T", b"K"


class Spawn(msgspec.Struct, frozen=True):
    """A request for a worker. ``fresh``: by exec, where what is preloaded cannot be forked from."""

    preload: tuple[str, ...] = ()
    fresh: bool = False
    variables: dict[str, str] = {}
    folder: str = "/"


class Ended(msgspec.Struct, frozen=True):
    """How a worker ended: its exit code, or the signal that killed it."""

    code: int | None = None
    signal: int | None = None


def keep(spawn: Spawn, jobs: socket.socket, host: socket.socket, note: str = "") -> None:
    """Become the keeper of a new worker. Called in a child that was just forked; never returns."""
    try:
        os.setsid()
        call_myself(KEEPER)
        become_subreaper()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        keeper = os.getpid()
        worker = os.fork()
        if worker == 0:
            host.close()
            _become_worker(spawn, jobs, keeper)
        jobs.close()
        _silence()
        host.sendall(msgspec.json.encode({"worker": worker, "note": note}) + b"\n")
        status = _watch(worker, host)
        host.sendall(msgspec.json.encode({"ended": status}) + b"\n")
    except BrokenPipeError:
        pass
    finally:
        sweep()
        os._exit(0)


def _watch(worker: int, host: socket.socket) -> Ended:
    descriptor = os.pidfd_open(worker)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(host, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if descriptor in ready:
            break
        word = host.recv(64)
        if not word or KILL in word:
            break
        if TERMINATE in word:
            _terminate(worker)
    ended = descriptor in dict(poll.poll(0))
    statuses = sweep()
    status = statuses.get(worker)
    if status is None:
        return Ended(signal=signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    if not ended and code == -signal.SIGKILL:
        return Ended(signal=signal.SIGKILL)
    return Ended(code=code) if code >= 0 else Ended(signal=-code)


def _terminate(worker: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(worker, signal.SIGTERM)
            return
        except ProcessLookupError:  # its group is not there yet: it was only just forked
            continue


def _become_worker(spawn: Spawn, jobs: socket.socket, keeper: int) -> None:
    os.setsid()
    call_myself(WORKER)
    die_with(keeper)
    os.environ.clear()
    os.environ.update(spawn.variables)
    os.chdir(spawn.folder)
    if spawn.fresh:
        os.set_inheritable(jobs.fileno(), True)
        command = [sys.executable, "-m", "labctl.worker.loop", str(jobs.fileno())]
        variables = {**spawn.variables, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        os.execve(sys.executable, command, variables)
    serve_socket(jobs)


def _silence() -> None:
    # The keeper holds neither the terminal nor anybody's log.
    void = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(void, fd)
    os.close(void)
