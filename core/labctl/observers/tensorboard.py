"""TensorBoard: the metrics of a run's jobs as scalars, in the files that TensorBoard reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import UsageError
from labctl.spi import ObservedRun


class TensorBoardOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``folder``: where to write, below the project's folder; by default the run's own ``tensorboard``."""

    folder: str = ""


class TensorBoard:
    """Writes one event file per job, each a run of TensorBoard's: ``RUN/JOB``."""

    options = TensorBoardOptions

    def open(self, run: ObservedRun, options: TensorBoardOptions) -> None:
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise UsageError(
                f"it needs tensorboard: {error}", hints=['pip install "labctl[tensorboard]"']
            ) from None
        self._make = EventFileWriter
        chosen = Path(run.project) / options.folder / run.name if options.folder else None
        self.folder = chosen or Path(run.folder) / "tensorboard"
        self._writers: dict[str, Any] = {}
        self._steps: dict[tuple[str, str], int] = {}

    def tell(self, event: dict[str, Any]) -> None:
        if event["event"] == "metric":
            for name, value, step, when, *_ in event["points"]:
                self._scalar(event["job"], str(name), float(value), step, float(when))

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _scalar(self, job: str, name: str, value: float, step: int | None, when: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        if step is None:  # a number without a step comes after the one before it
            step = self._steps.get((job, name), -1) + 1
        self._steps[job, name] = step
        if job not in self._writers:
            folder = self.folder / job.replace("/", "~")
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writers[job] = self._make(str(folder))
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
        self._writers[job].add_event(Event(wall_time=when, step=step, summary=summary))
