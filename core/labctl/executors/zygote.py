"""The zygote: a small process, forked before the host imports plugins, sets handlers or opens files.

Workers are forked from it, or from templates: children of it that have imported the modules an
environment asks to be preloaded. Both are single-threaded; neither ever computes.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Container, Iterable, Mapping

import msgspec

from labctl.executors.keeper import Spawn, keep
from labctl.executors.processes import become_subreaper, die_with, reap, sweep_orphans
from labctl.worker.execute import THREAD_VARIABLES

REAP_EVERY = 1000  # milliseconds
GARBAGE = (700, 10, 10)
"""Python's own thresholds: the host's are its own affair."""


class Zygote:
    """The host's end: asks for workers. Make it first of all, before any other file is opened.

    ``by_exec``: start it anew from a process that has threads and open files by now.
    """

    def __init__(self, *, by_exec: bool = False) -> None:
        ours, theirs = socket.socketpair()
        if by_exec:
            self._control, self.pid = ours, _start_by_exec(theirs)
            return
        host = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _live(theirs, host, ())
        theirs.close()
        self._control = ours

    def spawn(self, request: Spawn, jobs: socket.socket, keeper: socket.socket) -> None:
        """Have a worker started on the far ends of two sockets; what becomes of it comes over them."""
        fds = [jobs.fileno(), keeper.fileno()]
        socket.send_fds(self._control, [msgspec.json.encode(request) + b"\n"], fds)
        jobs.close()
        keeper.close()

    def close(self) -> None:
        self._control.close()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass


def _start_by_exec(control: socket.socket) -> int:
    path = os.pathsep.join(p for p in sys.path if p)
    fd = control.fileno()
    process = subprocess.Popen(
        [sys.executable, "-m", "labctl.executors.zygote", str(fd)],
        pass_fds=[fd], env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    control.close()
    process.returncode = 0  # it is waited for by its number, like one that was forked
    return process.pid


class _Template:
    """A child that has imported modules, as the zygote sees it."""

    def __init__(self, preload: tuple[str, ...], others: Iterable[socket.socket], fds: Iterable[int]) -> None:
        """``others`` and ``fds`` stay with the zygote: a worker's end is seen when nobody else holds them."""
        self.control, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            for connection in (self.control, *others):
                connection.close()
            for fd in fds:
                os.close(fd)
            _live(theirs, parent, preload)
        theirs.close()


def _live(control: socket.socket, parent: int, preload: tuple[str, ...]) -> None:
    """Serve requests until the other end is closed. Never returns."""
    try:
        die_with(parent)
        become_subreaper()  # what a keeper that was killed leaves behind comes to us, to be ended
        os.setsid()  # Ctrl-C in the terminal is the host's affair
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        sys.dont_write_bytecode = False
        gc.freeze()  # what is here by now lives on: to look at it would copy every page of it
        gc.set_threshold(*GARBAGE)
        note = _preload(preload) if preload else ""
        _serve(control, preload, note)
    finally:
        os._exit(0)


def _serve(control: socket.socket, preload: tuple[str, ...], note: str) -> None:
    templates: dict[tuple[str, ...], _Template] = {}
    fallen: set[tuple[str, ...]] = set()
    keepers: set[int] = set()
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        ended = reap()
        # What ended a template at import would end the next one: its workers import for themselves.
        fallen |= {key for key, t in templates.items() if t.pid in ended}
        templates = {key: t for key, t in templates.items() if t.pid not in ended}
        keepers -= set(ended)
        if any(os.WIFSIGNALED(status) for status in ended.values()):
            sweep_orphans(keepers | {t.pid for t in templates.values()})
        if not poll.poll(REAP_EVERY):
            continue
        request = _receive(control)
        if request is None:
            _end(templates, keepers)
            return
        spawn, fds = request
        wanted = () if spawn.fresh else spawn.preload
        if wanted and wanted != preload and wanted not in fallen:
            if wanted not in templates:
                others = [control, *(template.control for template in templates.values())]
                templates[wanted] = _Template(wanted, others, fds)
            _forward(templates[wanted], spawn, fds)
        elif keeper := os.fork():
            keepers.add(keeper)
        else:
            control.close()
            for template in templates.values():
                template.control.close()
            if note.startswith("unusable") or wanted in fallen:
                spawn = msgspec.structs.replace(spawn, fresh=True)
            keep(spawn, socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1]), note)
        for fd in fds:
            os.close(fd)


def _end(templates: Mapping[tuple[str, ...], _Template], keepers: Container[int]) -> None:
    """End the templates; what their keepers and ours have left behind is ours by then."""
    statuses = reap()
    for template in templates.values():
        if template.pid not in statuses:
            os.kill(template.pid, signal.SIGKILL)
            os.waitpid(template.pid, 0)
    if templates or any(os.WIFSIGNALED(status) for status in statuses.values()):
        sweep_orphans(keepers)


def _forward(template: _Template, spawn: Spawn, fds: list[int]) -> None:
    try:
        socket.send_fds(template.control, [msgspec.json.encode(spawn) + b"\n"], fds)
    except OSError:
        pass  # it has just died: the host sees its sockets closed, and asks again


def _receive(control: socket.socket) -> tuple[Spawn, list[int]] | None:
    buffer, fds = b"", list[int]()
    while not buffer.endswith(b"\n"):
        data, received, _, _ = socket.recv_fds(control, 65536, 2)
        if not data:
            return None
        buffer += data
        fds += received
    return msgspec.json.decode(buffer, type=Spawn), fds


def _preload(modules: tuple[str, ...]) -> str:
    """Import modules with one thread each; what went wrong, in a line.

    With more than one OpenMP thread, a module that computes at import would hang every child.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            return f"could not preload {module}: {type(error).__name__}: {error}"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "unusable template: CUDA was initialised at import"
    return ""


if __name__ == "__main__":
    _live(socket.socket(fileno=int(sys.argv[1])), os.getppid(), ())
