"""How many jobs of a run are in which state, and when it will be over."""

from __future__ import annotations

import time

from labctl.cli.tables import count, span
from labctl.model.results import DONE, ENDED
from labctl.planning.forecast import Forecast
from labctl.scheduler.listener import Change
from labctl.walk.prepare import Prepared


class Tally:
    """``states`` by job, as the run's watcher has heard of them."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self._forecast: Forecast | None = None
        self._told = 0.0
        self._leaves: float | None = None

    def begin(self, run: str, prepared: Prepared, known: dict[str, str]) -> None:
        """``known``: jobs whose results are there, with the run that made each; its own, if it goes on."""
        jobs = prepared.frozen.plan.jobs
        self.states = {job.id: "reused" if known.get(job.id) == run else "planned" for job in jobs}
        slots = prepared.request.jobs or prepared.executor.slots
        self._forecast = Forecast(jobs, prepared.seconds, slots)
        for job in known:
            self._forecast.ended(job, None)

    def change(self, change: Change) -> None:
        self.states[change.job] = "planned" if change.again is not None else change.state
        if self._forecast is None:
            return
        if change.state == "running":
            self._forecast.started(change.job, time.monotonic())
        elif change.again is not None:
            self._forecast.waits(change.job)
        elif change.state in ENDED:
            self._forecast.ended(change.job, change.seconds if change.state == "succeeded" else None)

    def count(self, *states: str) -> int:
        return sum(state in states for state in self.states.values())

    def words(self) -> str:
        """``3 of 13 done, 2 running, 7 waiting, 1 skipped, about 45 s left``."""
        rest = {
            "running": self.count("running", "queued"),
            "waiting": self.count("planned"),
            "skipped": self.count("skipped"),
            "failed": self.count("failed", "timed out"),
        }
        done = self.count(*DONE)
        parts = [f"{done} of {len(self.states)} done", *(f"{n} {w}" for w, n in rest.items() if n)]
        left = self._left()
        if left and (rest["running"] or rest["waiting"]):
            parts.append(f"about {span(left)} left")
        return ", ".join(parts)

    def _left(self) -> float | None:
        """The forecast, made anew at most once a second."""
        now = time.monotonic()
        if self._forecast is not None and now - self._told >= 1.0:
            self._told, self._leaves = now, self._forecast.left(now)
        return self._leaves


def size(run: str, prepared: Prepared, known: dict[str, str]) -> str:
    """How many jobs there are, and how many of them need not run."""
    total = len(prepared.frozen.plan.jobs)
    slots = prepared.request.jobs or prepared.executor.slots
    if not known:
        where = "on this machine" if prepared.executor.store == "local" else f"on {prepared.executor.name}"
        return f"{count(total, 'job')} {where}, {slots} at a time"
    sources = sorted(set(known.values()))
    if sources == [run]:
        return f"the same plan: {len(known)} of {count(total, 'job')} done, {total - len(known)} to run"
    shown = sources[0] if len(sources) == 1 else f"{len(sources)} runs"
    return f"{count(total, 'job')}, {len(known)} from the cache ({shown}), {total - len(known)} to run"
