"""What a user sees while a run lasts: redrawn on a terminal, lines in a pipe, JSON for programs."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from typing import Any

import msgspec

from labctl.cli.errors import warn
from labctl.cli.tables import count, money, span
from labctl.cli.tally import Tally, size
from labctl.scheduler.listener import Change
from labctl.terminal import Style, is_terminal, plain, write
from labctl.walk.prepare import Prepared

SILENT = 30.0  # seconds without a word after which a job's line says so
HEARTBEAT = 60.0  # seconds between two lines that say a piped run is alive
SHOWN = 8  # running jobs that have a line of their own


def make_watcher(as_json: bool) -> Any:
    """The watcher for where the output goes."""
    if as_json:
        return JsonWatcher()
    return TerminalWatcher() if is_terminal(sys.stderr) else PipeWatcher()


class PipeWatcher:
    """One whole line per event with its time; never redrawn."""

    def __init__(self) -> None:
        self._run = ""
        self._tally = Tally()
        self._beat = time.monotonic()

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None:
        self._run = run
        self._tally.begin(run, prepared, cached)
        self._line(f"run {run} planned: {size(run, prepared, cached)}, at most {money(prepared.price.worst)}")
        if prepared.frozen.registrations:
            claims = count(len(prepared.frozen.registrations), "claim")
            self._line(f"run {run} registered {claims}: sha256 {prepared.frozen.registration[:8]}")
        for name, reason in prepared.loaded.extensions.left_out():
            self._line(f"warning: extension {name} left out: {plain(reason)}")

    def warned(self, text: str) -> None:
        self._line(f"warning: {plain(text)}")

    def changed(self, change: Change) -> None:
        self._tally.change(change)
        self._line(f"{change.job} {_words(change)}")
        for line in _error_lines(change, self._run):
            self._line(f"{change.job} {line.strip()}")

    def progressed(self, job: str, data: dict[str, Any]) -> None:
        """A pipe is told of ends, not of steps."""

    def measured(self, job: str, attempt: int, points: Any) -> None:
        """Metrics are in the run's folder."""

    def listening(self, job: str, data: dict[str, Any]) -> None:
        self._line(f"{job} listens on port {data.get('port')}")

    def stopping(self, jobs: list[str], grace: float) -> None:
        self._line(f"stopping: {count(len(jobs), 'job')} may save for {grace:g} s; again to stop now")

    def tick(self) -> None:
        if time.monotonic() - self._beat > HEARTBEAT:
            self._line(f"run {self._run}: {self._tally.words()}")

    def _line(self, text: str) -> None:
        self._beat = time.monotonic()
        write(f"{time.strftime('%H:%M:%S')} {text}", err=True)


class JsonWatcher:
    """JSON lines on standard output, and nothing else there."""

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None:
        self._emit(
            "planned",
            run=run,
            jobs=[job.id for job in prepared.frozen.plan.jobs],
            cached=cached,
            registration=prepared.frozen.registration,
            worst_usd=prepared.price.worst,
            left_out=dict(prepared.loaded.extensions.left_out()),
        )

    def warned(self, text: str) -> None:
        self._emit("warning", text=text)

    def changed(self, change: Change) -> None:
        self._emit("job", **change._asdict())

    def progressed(self, job: str, data: dict[str, Any]) -> None:
        self._emit("progress", job=job, **data)

    def measured(self, job: str, attempt: int, points: Any) -> None:
        self._emit("metric", job=job, attempt=attempt, points=points)

    def listening(self, job: str, data: dict[str, Any]) -> None:
        self._emit("listening", job=job, **data)

    def stopping(self, jobs: list[str], grace: float) -> None:
        self._emit("stopping", jobs=jobs, grace=grace)

    def tick(self) -> None:
        """Nothing to redraw."""

    def _emit(self, event: str, **data: Any) -> None:
        write(msgspec.json.encode({"event": event, "time": time.time(), **data}).decode(), lossy=True)


class TerminalWatcher:
    """Ended jobs scroll; running ones are redrawn below them, at most five times a second."""

    def __init__(self) -> None:
        self._run = ""
        self._style = Style(sys.stderr)
        self._tally = Tally()
        self._texts: dict[str, str] = {}
        self._heard: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._drawn = 0
        self._wide = 20

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None:
        self._run = run
        jobs = prepared.frozen.plan.jobs
        self._tally.begin(run, prepared, cached)
        self._wide = min(44, max(len(job.id) for job in jobs)) + 2
        indent = " " * (len(run) + 2)
        write(f"{self._style.bold(run)}  {size(run, prepared, cached)}", err=True)
        if prepared.frozen.registrations:
            claims = count(len(prepared.frozen.registrations), "claim")
            digest = prepared.frozen.registration[:8]
            write(f"{indent}{claims} registered before the first job, sha256 {digest}", err=True)
        for name, reason in prepared.loaded.extensions.left_out():
            warn(f"extension {name} left out: {plain(reason)}")
        write("", err=True)

    def warned(self, text: str) -> None:
        self._erase()
        warn(plain(text))

    def changed(self, change: Change) -> None:
        self._tally.change(change)
        if change.state == "running":
            self._began[change.job] = self._heard[change.job] = time.monotonic()
            return
        self._texts.pop(change.job, None)
        self._erase()
        if change.state not in ("cached", "reused") or len(self._tally.states) <= 30:
            words = _words(change)
            if change.state in ("failed", "timed out"):
                style = self._style.yellow if change.again is not None else self._style.red
                words = style(change.state) + words.removeprefix(change.state)
            write(f"{change.job:{self._wide}} {words}", err=True)
        for line in _error_lines(change, self._run):
            write(line, err=True)
        self._draw()

    def progressed(self, job: str, data: dict[str, Any]) -> None:
        self._heard[job] = time.monotonic()
        done, total, text = data.get("done"), data.get("total"), plain(str(data.get("text") or ""))
        self._texts[job] = f"{text or 'step'} {done:g} of {total:g}"

    def measured(self, job: str, attempt: int, points: Any) -> None:
        """Metrics are in the run's folder."""

    def listening(self, job: str, data: dict[str, Any]) -> None:
        self._erase()
        self._draw()

    def stopping(self, jobs: list[str], grace: float) -> None:
        self._erase()
        if grace > 0:
            again = "Ctrl-C again stops at once and loses"
            lost = f"{again} {count(len(jobs), 'job')}:" if jobs else ""
            write(f"{self._style.yellow('Saving.')} No new job starts. {lost}", err=True)
        self._draw()

    def tick(self) -> None:
        self._erase()
        self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        running = [job for job, state in self._tally.states.items() if state == "running"]
        width = shutil.get_terminal_size().columns - 1
        lines: list[str] = []
        for job in running[:SHOWN]:
            text = self._texts.get(job, "")
            if now - self._heard.get(job, now) > SILENT:
                text = f"silent for {span(now - self._heard[job])}"
            lines.append(f"{job:{self._wide}} running    {text:24} {span(now - self._began.get(job, now))}")
        if len(running) > SHOWN:
            lines.append(f"and {len(running) - SHOWN} more running")
        if self._tally.count("running", "queued", "planned"):
            lines.append(f"{self._tally.words()}    Ctrl-C: save and stop")
        write("".join(fitted(line, width) + "\n" for line in lines), err=True, end="")
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            write(f"\x1b[{self._drawn}F\x1b[J", err=True, end="")
            self._drawn = 0


def fitted(line: str, width: int) -> str:
    """As much of a line as fits into ``width`` columns: wide characters take two of them."""
    used = 0
    for index, character in enumerate(line):
        wide = unicodedata.east_asian_width(character) in ("W", "F")
        used += 0 if unicodedata.combining(character) else 2 if wide else 1
        if used > width:
            return line[:index]
    return line


def _words(change: Change) -> str:
    took = span(change.seconds)
    if change.state == "succeeded":
        return f"done       {took}"
    if change.state in ("cached", "reused"):
        return f"{change.state:10} {change.origin}".rstrip()
    if change.state == "skipped":
        return f"skipped    {plain(change.reason)}"
    if change.again is not None and change.state == "interrupted":
        return "interrupted, again" + (f" in {change.again:.0f} s" if change.again >= 1 else " at once")
    if change.again is not None:
        return f"{change.state}     try {change.tries} of {change.of}, again in {change.again:.0f} s"
    if change.state in ("failed", "timed out"):
        tries = f"{change.tries} of {change.of} tries; " if change.of > 1 else ""
        return f"{change.state}     {tries}the others go on"
    if change.state == "running":
        return "started"
    return f"{change.state}   {plain(change.reason)}".rstrip()


def _error_lines(change: Change, run: str) -> list[str]:
    if change.error is None or change.state not in ("failed", "timed out"):
        return []
    lines = [f"  {plain(str(change.error))[:300]}"]
    if change.error.where:
        lines.append(f"  {plain(change.error.where)}")
    if change.again is None:
        lines.append(f"  log: labctl runs logs {run} {change.job}")
    return lines
