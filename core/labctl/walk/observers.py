"""Observers of a run, each in a process of its own: what is told to the user is told to them, too.

None is there until the configuration names it. One that raises, hangs, dies or is slow costs what it
would have observed and nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import msgspec

from labctl.config import Configuration
from labctl.errors import UsageError
from labctl.observing import Opening, find
from labctl.plugins.catalogue import Catalogue
from labctl.scheduler.listener import Change
from labctl.spi import ObservedRun
from labctl.walk.ending import Watcher
from labctl.walk.prepare import Prepared

KEPT = 4 << 20  # bytes that wait for a slow observer; beyond that it is told no more
PATIENCE = 10.0  # seconds that observers get to finish once the run is over
LAST = 4000  # bytes of an observer's own words that are looked at


class Observer:
    """One observer's process, as the host sees it: a pipe that is never waited for."""

    def __init__(self, name: str, run: ObservedRun, options: dict[str, Any], log: Path) -> None:
        self.name = name
        self.lost = False
        self._log = log
        self._waiting = bytearray()
        self._said = False
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                _command(name), stdin=subprocess.PIPE, stdout=output, stderr=output, env=_variables(),
                start_new_session=True, cwd=run.project,
            )  # fmt: skip
        assert self.process.stdin is not None
        self._pipe: IO[bytes] = self.process.stdin
        os.set_blocking(self._pipe.fileno(), False)
        self.tell(msgspec.json.encode(Opening(run, options)) + b"\n")

    def tell(self, line: bytes) -> None:
        """Give it a line, now or later. One that does not keep up loses what follows."""
        if self.lost:
            return
        if len(self._waiting) + len(line) > KEPT:
            self.lost = True
            return
        self._waiting += line
        self.push()

    def push(self) -> None:
        """Write as much as the pipe takes."""
        try:
            while self._waiting:
                sent = os.write(self._pipe.fileno(), self._waiting[: 1 << 16])
                del self._waiting[:sent]
        except BlockingIOError:
            pass
        except OSError:  # it has ended
            self._waiting.clear()

    def died(self) -> str:
        """Why it has ended before the run, said once; an empty string while it goes on."""
        if self._said or self.process.poll() is None:
            return ""
        self._said = True
        return self._last_words() or f"it ended with exit code {self.process.returncode}"

    def finish(self, end: float) -> str:
        """Let it come to its end until ``end``; what went wrong with it and was not said, or nothing."""
        while self._waiting and time.monotonic() < end and self.process.poll() is None:
            self.push()
            time.sleep(0.01)
        try:
            self._pipe.close()
        except OSError:
            pass
        try:
            code = self.process.wait(max(0.05, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"it had not ended {PATIENCE:g} s after the run; it was killed"
        if self._said:
            return ""
        if self.lost:
            return "it was too slow: what came last was not told to it"
        return "" if code == 0 else self._last_words() or f"it ended with exit code {code}"

    def _last_words(self) -> str:
        return _last_line(self._log.read_bytes())


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "labctl.observing", name, str(os.getpid())]


def _variables() -> dict[str, str]:
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**variables, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def _last_line(output: bytes) -> str:
    text = output[-LAST:].decode("utf-8", "replace").strip()
    return text.splitlines()[-1][:300] if text else ""


class Observed:
    """A watcher that tells observers what it is told itself."""

    def __init__(self, watcher: Watcher, observers: list[Observer]) -> None:
        self._watcher = watcher
        self._observers = observers

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None:
        self._tell("planned", run=run, jobs=[job.id for job in prepared.frozen.plan.jobs], cached=cached)
        self._watcher.began(run, prepared, cached)

    def changed(self, change: Change) -> None:
        self._tell("job", **change._asdict())
        self._watcher.changed(change)

    def progressed(self, job: str, data: dict[str, Any]) -> None:
        self._tell("progress", job=job, **data)
        self._watcher.progressed(job, data)

    def measured(self, job: str, attempt: int, points: Any) -> None:
        self._tell("metric", job=job, attempt=attempt, points=points)
        self._watcher.measured(job, attempt, points)

    def listening(self, job: str, data: dict[str, Any]) -> None:
        self._watcher.listening(job, data)

    def stopping(self, jobs: list[str], grace: float) -> None:
        self._tell("stopping", jobs=jobs, grace=grace)
        self._watcher.stopping(jobs, grace)

    def warned(self, text: str) -> None:
        self._tell("warning", text=text)
        self._watcher.warned(text)

    def tick(self) -> None:
        for observer in self._observers:
            observer.push()
            problem = observer.died()
            if problem:
                self._watcher.warned(f"observer {observer.name}: {problem}")
        self._watcher.tick()

    def close(self, state: str) -> None:
        """Tell how the run ended, and wait a little for the observers to take it in."""
        self._tell("ended", state=state)
        end = time.monotonic() + PATIENCE
        for observer in self._observers:
            problem = observer.finish(end)
            if problem:
                self._watcher.warned(f"observer {observer.name}: {problem}")

    def _tell(self, event: str, **data: Any) -> None:
        if not self._observers:
            return
        line = msgspec.json.encode({"event": event, "time": time.time(), **data}) + b"\n"
        for observer in self._observers:
            observer.tell(line)


def named_observers(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """The observers that ``[observers] use`` names, each with its own table. Raises UsageError."""
    table = configuration.table("observers")
    names = table.pop("use", [])
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UsageError("[observers] use is a list of names", hints=['use = ["tensorboard"]'])
    for name, options in table.items():
        if not isinstance(options, dict):
            raise UsageError(f"[observers] {name}: what an observer is told stands in [observers.NAME]")
    return {name: table.get(name, {}) for name in dict.fromkeys(names)}


def check_observers(wanted: dict[str, dict[str, Any]], catalogue: Catalogue, folder: str) -> None:
    """Raise UsageError for observers that are not there, or that do not take what is said to them.

    They are asked in processes of their own; one that does not answer in time is left for the run to tell.
    """
    problems: list[str] = []
    hints: list[str] = []
    for name, options in wanted.items():
        try:
            find(name, catalogue)
        except UsageError as error:
            problems.append(f"{name}: {error.message}")
            hints += error.hints
            continue
        problem = _refusal(name, options, folder)
        if problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise UsageError(
            "an observer that the configuration names cannot be had",
            details=[*problems, "nothing was started"],
            hints=hints or ["labctl plugins list", "labctl config show --origins"],
        )


def _refusal(name: str, options: dict[str, Any], folder: str) -> str:
    """What an observer has against its options; nothing if it takes them or does not answer."""
    try:
        asked = subprocess.run(
            _command(name), input=msgspec.json.encode(Opening(None, options)) + b"\n", cwd=folder,
            capture_output=True, env=_variables(), start_new_session=True, timeout=PATIENCE,
        )  # fmt: skip
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired):
        return ""  # what it says in the run is said there
    if asked.returncode == 0:
        return ""
    return _last_line(asked.stderr) or f"it ended with exit code {asked.returncode}"


def observe(watcher: Watcher, wanted: dict[str, dict[str, Any]], run: ObservedRun) -> Observed:
    """The watcher with the observers that are wanted. One that cannot be started is said and left out."""
    observers: list[Observer] = []
    for name, options in wanted.items():
        try:
            log = Path(run.folder) / f"observer-{name.replace('/', '~')}.log"
            observers.append(Observer(name, run, options, log))
        except (OSError, ValueError, TypeError) as error:
            watcher.warned(f"observer {name}: it could not be started: {error}")
    return Observed(watcher, observers)
