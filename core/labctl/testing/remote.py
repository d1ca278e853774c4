"""A remote executor without a cloud: a store of its own, prices, adoption, workers that get lost.

Jobs run in detached processes that outlive the host and write what happens into a folder; the host
reads it there. What is true of any remote executor can be exercised on it, on one machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from labctl.executors import machine
from labctl.executors.processes import become_subreaper, sweep
from labctl.model.machine import Environment, Problem, Rate
from labctl.model.results import Artifact
from labctl.model.wire import Event, Order
from labctl.spi import Code, Session
from labctl.store.folder import RunFolder, flat
from labctl.store.objects import Objects
from labctl.worker.execute import execute
from labctl.worker.place import Layout, LocalPlace

STORE = "fake-remote"
POLL = 0.02  # seconds
SLACK = 2.0  # seconds after its timeout in which a job may end by itself
STARTING = 5.0  # seconds until a call that nobody has begun with never will


class FakeRemoteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """``cloud``: its folder, by default in the home. ``lose``: how many first attempts lose their worker."""

    cloud: str = ""
    lose: int = 0


class FakeRemote:
    """``--on fake-remote``, where a distribution registers it; none of ours does."""

    name = "fake-remote"
    store = STORE
    slots = 4
    gpus: int | None = None
    can = frozenset({"timeout", "adopt", "isolate"})
    options: type | None = FakeRemoteOptions

    def open(self, session: Session) -> None:
        self._session = session
        chosen = session.options or FakeRemoteOptions()
        self.root = Path(chosen.cloud or session.home / "fake-remote")
        self._to_lose = chosen.lose
        self.slots = session.slots or self.slots
        self._objects = Objects(self.root / "objects")
        self._open: dict[str, _Call] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="fake-remote", daemon=True)
        self._thread.start()

    def fingerprint(self, env: Environment) -> str:
        return machine.fingerprint(env)

    def check(self, envs: Iterable[Environment]) -> Iterable[Problem]:
        for env in envs:
            if env.gpu == "unobtainable":
                yield Problem("GPU unobtainable is not to be had", env.name, "--gpu none", 5)

    def rate(self, env: Environment) -> Rate:
        prices = {"cpu": 0.05 * env.cpu, "memory": 0.01 * env.memory_mib / 1024}
        if env.gpu:
            prices["gpu"] = 1.0 * machine.gpu_count(env.gpu)
        return Rate(prices, "the fake price table", "2026-11-01")

    def prepare(self, envs: Iterable[Environment], code: Code) -> None:
        self.root.mkdir(parents=True, exist_ok=True)

    def submit(self, order: Order) -> str:
        handle = f"{_stem(order)}{os.urandom(6).hex()}"
        folder = self.root / "calls" / handle
        folder.mkdir(parents=True)
        (folder / "order.json").write_bytes(msgspec.json.encode(order))
        lose, self._to_lose = self._to_lose > 0, max(0, self._to_lose - 1)
        variables = machine.variables(self._session.environment(order.environment))
        variables["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        variables["FAKE_REMOTE_LOSE"] = "1" if lose else ""
        subprocess.run(
            [sys.executable, "-m", "labctl.testing.remote", str(folder)],
            env=variables, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._watch(handle, order)
        return handle

    def adopt(self, handle: str, order: Order) -> bool:
        if not handle:  # its host ended before it had noted what we answered
            calls = sorted((self.root / "calls").glob(f"{_stem(order)}*"), key=os.path.getmtime)
            handle = calls[-1].name if calls else ""
        folder = self.root / "calls" / handle
        if not handle or not (folder / "order.json").exists() or not _begun(folder):
            return False
        self._watch(handle, order)
        return True

    def stop(self, handle: str, grace: float) -> None:
        (self.root / "calls" / handle / "stop").write_text(str(grace), encoding="utf-8")

    def put(self, sha256: str, path: Path) -> None:
        self._objects.copy_in(path, sha256)

    def fetch(self, sha256: str, folder: Path) -> Path:
        return self._objects.copy_out(sha256, folder)

    def publish(self, order: Order) -> str:
        raise NotImplementedError("the fake remote publishes nothing")

    def unpublish(self, name: str) -> None:
        raise NotImplementedError("the fake remote publishes nothing")

    def close(self) -> None:
        """Stop listening. What runs goes on without us: that is what remote means."""
        self._closing.set()
        self._thread.join()

    def _watch(self, handle: str, order: Order) -> None:
        log = RunFolder(self._session.folder).log(order.job, order.attempt)
        with self._lock:
            self._open[handle] = _Call(self.root / "calls" / handle, order, log)

    def _poll(self) -> None:
        while not self._closing.wait(POLL):
            with self._lock:
                calls = list(self._open.items())
            for handle, call in calls:
                for event in call.news():
                    self._session.emit(event)
                    if event.kind == "ended":
                        with self._lock:
                            self._open.pop(handle, None)


def _stem(order: Order) -> str:
    """How the handles of an attempt begin: it can be found by its order alone."""
    return f"{order.run}.{flat(order.job)}.{order.attempt}.{order.key[:8]}."


class _Call:
    """The host's view of one call: how far its events were read."""

    def __init__(self, folder: Path, order: Order, log: Path) -> None:
        self._folder = folder
        self._order = order
        self._log = log
        self._read = 0

    def news(self) -> list[Event]:
        gone = not _alive(self._folder)
        try:
            with open(self._folder / "events.jsonl", "rb") as file:
                file.seek(self._read)
                lines = file.read()
        except FileNotFoundError:
            lines = b""
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        events = [msgspec.json.decode(line, type=Event) for line in whole.split(b"\n") if line]
        if gone and not any(event.kind == "ended" for event in events):
            data: dict[str, object] = {"state": "interrupted", "error": _untyped("its worker was lost")}
            events.append(_event(self._order, "ended", data))
        if events and events[-1].kind == "ended" and (self._folder / "log").exists():
            self._log.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / "log", self._log)
        return events


class _RemotePlace(LocalPlace):
    """Artifacts go to the cloud's own store, and say so."""

    def keep(self, path: Path, name: str) -> Artifact:
        return msgspec.structs.replace(super().keep(path, name), stores=(STORE,))


def _untyped(message: str) -> dict[str, str]:
    """An error that has no type: nothing was raised, the attempt just ended."""
    return {"type": "", "message": message}


def _begin(folder: Path, pid: int) -> bool:
    """Note who serves a call, once: False if somebody has noted that before, or that nobody will."""
    try:
        with open(folder / "pid", "x", encoding="utf-8") as file:
            file.write(str(pid))
    except FileExistsError:
        return False
    return True


def _begun(folder: Path) -> bool:
    """Whether somebody has begun with a call; else nobody will: its host died before it had made it."""
    end = time.monotonic() + STARTING
    while not (folder / "pid").exists() and time.monotonic() < end:
        time.sleep(POLL)
    return not _begin(folder, 0)


def _alive(folder: Path) -> bool:
    try:
        os.kill(int((folder / "pid").read_text(encoding="utf-8")), 0)
    except (FileNotFoundError, ValueError):
        return True  # it has not begun yet
    except ProcessLookupError:
        return False
    return True


def _event(order: Order, kind: str, data: dict[str, object]) -> Event:
    return Event(
        run=order.run, job=order.job, attempt=order.attempt, kind=kind, time=time.time(), data=data  # type: ignore[arg-type]
    )  # fmt: skip


def _serve(folder: Path) -> None:
    """The far side: a supervisor that ends the job's tree, and the process that runs the job."""
    order = msgspec.json.decode((folder / "order.json").read_bytes(), type=Order)
    root = folder.parent.parent
    become_subreaper()
    if not _begin(folder, os.getpid()):
        return
    job = os.fork()
    if job == 0:
        os.setsid()
        _execute(order, folder, root)
    if os.environ.get("FAKE_REMOTE_LOSE"):
        sweep()
        os._exit(0)
    deadline = time.monotonic() + order.timeout + SLACK
    while os.waitpid(job, os.WNOHANG) == (0, 0):
        stop = folder / "stop"
        if stop.exists() and not (folder / "stopping").exists():
            stop.rename(folder / "stopping")
            grace = float((folder / "stopping").read_text(encoding="utf-8"))
            os.kill(job, signal.SIGTERM)
            deadline = min(deadline, time.monotonic() + grace)
        if time.monotonic() > deadline:
            break
        time.sleep(POLL)
    sweep()
    if b'"kind":"ended"' not in (folder / "events.jsonl").read_bytes():
        stopped = (folder / "stopping").exists()
        late = not stopped and time.monotonic() > deadline
        state = "interrupted" if stopped else "timed out" if late else "failed"
        message = f"still running after {order.timeout:g} s" if late else "its process ended"
        _append(folder, _event(order, "ended", {"state": state, "error": _untyped(message)}))


def _execute(order: Order, folder: Path, root: Path) -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    layout = Layout(
        work=str(folder / "work"),
        checkpoint=str(root / "checkpoints" / order.run / order.job),
        objects=str(root / "objects"),
    )
    place = _RemotePlace(layout, lambda event: _append(folder, event))
    os.chdir(place.folder)
    execute(order, place, stopping.is_set)
    os._exit(0)


def _append(folder: Path, event: Event) -> None:
    with open(folder / "events.jsonl", "ab") as file:
        file.write(msgspec.json.encode(event) + b"\n")


if __name__ == "__main__":
    # Two forks: the process that runs the job is nobody's child, so that it survives its host.
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _serve(Path(sys.argv[1]))
    os._exit(0)
