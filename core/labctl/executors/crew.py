"""The workers of this machine: started when needed, reused after a clean end, ended with their trees."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec

from labctl.executors import machine
from labctl.executors.hand import STARTING, Hand, lost, post_mortem
from labctl.executors.keeper import KILL, TERMINATE, Ended, Spawn
from labctl.executors.logs import LogWriter, masked
from labctl.executors.zygote import Zygote
from labctl.model.machine import Environment
from labctl.model.wire import Event, Order
from labctl.spi import Session
from labctl.store.folder import RunFolder
from labctl.worker.loop import Task

SLACK = 2.0  # seconds after its timeout in which a worker may end its job by itself
SERVICE_GRACE = 30.0  # seconds after its time in which a service may save and stop
LONGEST = 3600.0  # seconds of one wait: a selector takes no more than some weeks
CHUNK = 1 << 16
ONCE = 1 << 20  # bytes offered to a socket at a time


class Crew:
    """All workers of one run. Used by one thread only."""

    def __init__(self, session: Session, zygote: Zygote, slots: int) -> None:
        self._session = session
        self._folder = RunFolder(session.folder)
        self._zygote = zygote
        self._slots = slots
        self._selector = selectors.DefaultSelector()
        self._workers: list[Hand] = []
        self._closing = False

    @property
    def finished(self) -> bool:
        return self._closing and not self._workers

    def emit(self, event: Event) -> None:
        self._session.emit(event)

    def watch(self, file: Any, events: int, call: Callable[[], None]) -> None:
        self._selector.register(file, events, call)

    def turn(self) -> None:
        """Wait for whatever comes next and deal with it."""
        deadlines = [t for w in self._workers for t in (w.deadline, w.kill_at) if t is not None]
        due = min(deadlines, default=None)
        timeout = None if due is None else min(LONGEST, max(0.0, due - time.monotonic()))
        for key, _ in self._selector.select(timeout):
            # An earlier call of this turn may have closed it. By its number: for a file that has none
            # any more a selector has a ValueError.
            known = self._selector.get_map().get(key.fd)
            if known is not None and known.fileobj is key.fileobj:
                key.data()
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.deadline is not None and now >= worker.deadline:
                worker.deadline = None
                worker.cause = worker.cause or "timed out"
                self._kill(worker)
            if worker.kill_at is not None and now >= worker.kill_at:
                worker.kill_at = None
                self._kill(worker)

    def assign(self, order: Order, handle: str) -> None:
        """Give an order to an idle worker of its kind, or to a new one. Raises OSError."""
        environment = self._session.environment(order.environment)
        gpus = self._free_gpus(environment)
        kind = (environment.preload, environment.secrets, gpus)
        worker = None if order.fresh else self._idle(kind)
        if worker is None:
            self._retire_surplus()
            worker = self._start(kind, environment, fresh=order.fresh)
        worker.order, worker.handle, worker.gpus = order, handle, gpus
        worker.secrets = [*machine.secret_values(environment), *filter(None, [order.token])]
        worker.cause, worker.kill_at, worker.begun = "", None, False
        worker.began = time.monotonic()
        worker.deadline = worker.began + STARTING + order.timeout
        try:
            self._send(worker, order)
        except OSError:  # no room for its log, no descriptors: it never got the order, and will get no other
            worker.order, worker.deadline = None, None
            self._retire(worker)
            raise

    def stop(self, handle: str, grace: float) -> None:
        """Ask the worker of an attempt to save and stop; kill it after the grace."""
        for worker in list(self._workers):
            if worker.handle == handle and worker.order is not None:
                worker.cause = worker.cause or "stopped"
                worker.kill_at = time.monotonic() + grace
                if not worker.born or grace <= 0:
                    self._kill(worker)  # nothing has begun that could be saved, or nothing is to be
                else:
                    worker.tell(TERMINATE)

    def close(self) -> None:
        """End all workers. Nothing more is told of what they were doing."""
        self._closing = True
        for worker in list(self._workers):
            worker.order = None
            self._kill(worker)

    def abandon(self, reason: str) -> None:
        """Let go of all workers, whose keepers end them, and say of each attempt that it is lost."""
        for worker in self._workers:
            worker.keeper.close()
            worker.jobs.close()
            if worker.order is not None:
                self.emit(lost(worker.order, reason))
        self._workers = []

    def dismiss(self) -> None:
        self._selector.close()
        self._zygote.close()

    def _idle(self, kind: tuple[Any, ...]) -> Hand | None:
        return next((w for w in self._workers if w.order is None and w.kind == kind and not w.cause), None)

    def _retire_surplus(self) -> None:
        idle = [w for w in self._workers if w.order is None and not w.cause]
        for worker in idle[: max(0, len(self._workers) + 1 - max(self._slots, 1))]:
            self._retire(worker)

    def _start(self, kind: tuple[Any, ...], environment: Environment, *, fresh: bool) -> Hand:
        jobs, their_jobs = socket.socketpair()
        jobs.setblocking(False)  # a template that is still importing must hold up nobody else
        keeper, their_keeper = socket.socketpair()
        variables = machine.variables(environment)
        worker = Hand(kind, jobs, keeper)
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(worker.kind[2])  # none for a job that asks for none
        # Forked from the zygote a process has run nothing, and costs a tenth of a new interpreter.
        preload = () if fresh else environment.preload
        spawn = Spawn(preload, False, variables, str(self._session.home))
        try:
            self._zygote.spawn(spawn, their_jobs, their_keeper)
        except OSError:  # somebody has killed it; the workers that there are live on
            self._zygote.close()
            self._zygote = Zygote(by_exec=True)
            self._zygote.spawn(spawn, their_jobs, their_keeper)
        self._workers.append(worker)
        self.watch(jobs, selectors.EVENT_READ, lambda: self._read_jobs(worker))
        self.watch(keeper, selectors.EVENT_READ, lambda: self._read_keeper(worker))
        return worker

    def _send(self, worker: Hand, order: Order) -> None:
        worker.log = LogWriter(self._folder.log(order.job, order.attempt), worker.secrets)
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read, False)
        worker.pipe = read
        self.watch(read, selectors.EVENT_READ, lambda: self._read_log(worker))
        layout = machine.layout(self._session, order)
        worker.work = layout.work
        line = msgspec.json.encode(Task(order, layout)) + b"\n"
        try:
            sent = socket.send_fds(worker.jobs, [line], [write])
            worker.to_jobs = memoryview(line)[sent:]
            self._write_jobs(worker)
        except OSError:
            pass  # it has just died: its keeper says how
        finally:
            os.close(write)

    def _write_jobs(self, worker: Hand) -> None:
        """Send what is left of an order, as far as the worker takes it now."""
        try:
            while worker.to_jobs:
                worker.to_jobs = worker.to_jobs[worker.jobs.send(worker.to_jobs[:ONCE]) :]
        except BlockingIOError:
            pass
        except OSError:
            worker.to_jobs = b""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.to_jobs else 0)
        self._selector.modify(worker.jobs, events, lambda: self._talk(worker))

    def _talk(self, worker: Hand) -> None:
        if worker.to_jobs:
            self._write_jobs(worker)
        self._read_jobs(worker)

    def _read_jobs(self, worker: Hand) -> None:
        try:
            data = worker.jobs.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the worker or a job closed it: the keeper decides what that means
            self._forget(worker.jobs)
            worker.tell(KILL)
            return
        *lines, worker.from_jobs = (worker.from_jobs + data).split(b"\n")
        for line in lines:
            self._handle(worker, line)

    def _handle(self, worker: Hand, line: bytes) -> None:
        order = worker.order
        if order is None or line.startswith(b'{"ready"'):
            return
        try:
            event = msgspec.json.decode(line, type=Event)
        except msgspec.MsgspecError:
            return  # a job wrote into the socket: not ours
        if (event.job, event.attempt) != (order.job, order.attempt):
            return
        if event.kind == "started":
            worker.begun = True
            grace = SERVICE_GRACE if order.service else SLACK
            worker.deadline = time.monotonic() + order.timeout + grace
        if event.kind == "ended":
            self._end(worker, event)
        else:
            self.emit(event)

    def _end(self, worker: Hand, event: Event) -> None:
        data = dict(event.data)
        reusable = data.pop("reusable", False)
        if data.get("error"):
            data["error"] = {k: masked(str(v), worker.secrets) for k, v in data["error"].items()}
        self._finish_log(worker)
        worker.order, worker.deadline, worker.kill_at, worker.gpus = None, None, None, ()
        if not reusable:
            self._retire(worker)
        self.emit(msgspec.structs.replace(event, data=data))

    def _read_keeper(self, worker: Hand) -> None:
        try:
            data = worker.keeper.recv(CHUNK)
        except OSError:
            data = b""
        worker.from_keeper += data
        *lines, worker.from_keeper = worker.from_keeper.split(b"\n")
        for line in lines:
            message = msgspec.json.decode(line)
            worker.born = True
            if message.get("note") and worker.order is not None:
                self._note(worker.order, str(message["note"]))
            if "ended" in message:
                self._gone(worker, msgspec.convert(message["ended"], Ended))
                return
        if not data:  # the keeper itself was killed, and the worker with it; or there never was one
            worker.cause = worker.cause if worker.born else "unborn"
            self._gone(worker, Ended(signal=signal.SIGKILL))

    def _gone(self, worker: Hand, end: Ended) -> None:
        while worker.order is not None and worker.jobs.fileno() >= 0:
            # Its last words may still be in the socket. No writer is left, so this ends.
            try:
                data = worker.jobs.recv(CHUNK, socket.MSG_DONTWAIT)
            except OSError:
                break
            if not data:
                break
            *lines, worker.from_jobs = (worker.from_jobs + data).split(b"\n")
            for line in lines:
                self._handle(worker, line)
        order = worker.order
        if order is not None:
            self._finish_log(worker)
            shutil.rmtree(worker.work, ignore_errors=True)
            self.emit(post_mortem(order, worker, end))
        for file in (worker.jobs, worker.keeper):
            self._forget(file)
            file.close()
        if worker in self._workers:
            self._workers.remove(worker)

    def _read_log(self, worker: Hand) -> None:
        if worker.pipe is None:
            return
        try:
            data = os.read(worker.pipe, CHUNK)
        except BlockingIOError:
            return
        if data:
            self._log(worker, data)
        else:
            self._close_pipe(worker)

    def _finish_log(self, worker: Hand) -> None:
        """Take what is in the pipe now. A grandchild that still holds it writes to nobody."""
        while worker.pipe is not None:
            try:
                data = os.read(worker.pipe, CHUNK)
            except BlockingIOError:
                break
            if not data:
                break
            self._log(worker, data)
        self._close_pipe(worker)
        if worker.log is not None:
            worker.log.close()
            worker.log = None

    def _log(self, worker: Hand, data: bytes) -> None:
        if worker.log is not None:
            try:
                worker.log.write(data)
            except OSError:
                pass  # the disk is full: losing a log must not lose the job

    def _close_pipe(self, worker: Hand) -> None:
        if worker.pipe is not None:
            self._forget(worker.pipe)
            os.close(worker.pipe)
            worker.pipe = None

    def _note(self, order: Order, text: str) -> None:
        """Say something about an attempt that is neither its output nor its end."""
        data = {"text": text}
        self.emit(
            Event(
                run=order.run, job=order.job, attempt=order.attempt, kind="log", time=time.time(), data=data
            )
        )

    def _kill(self, worker: Hand) -> None:
        """Have a worker ended. One whose template is still importing has no keeper: let go of it."""
        if worker.born:
            worker.tell(KILL)
        else:
            worker.cause = worker.cause or "unborn"
            self._gone(worker, Ended(signal=signal.SIGKILL))

    def _retire(self, worker: Hand) -> None:
        worker.cause = worker.cause or "retired"
        worker.tell(KILL)

    def _forget(self, file: Any) -> None:
        try:
            self._selector.unregister(file)
        except (KeyError, ValueError):
            pass

    def _free_gpus(self, environment: Environment) -> tuple[str, ...]:
        wanted = machine.gpu_count(environment.gpu)
        if not wanted:
            return ()
        busy = {g for w in self._workers if w.order is not None for g in w.gpus}
        free = [index for index in machine.gpu_indices() if index not in busy]
        return tuple(free[:wanted])
