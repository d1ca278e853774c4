"""Artifacts of an ended run, wherever they lie: fetched from its executor's store when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from labctl.executors.registry import make_executor
from labctl.model.results import Artifact
from labctl.plugins.listing import open_catalogue
from labctl.spi import Executor, Session
from labctl.store.objects import Objects
from labctl.store.queries import RunRow
from labctl.store.runs import Store
from labctl.store.shelf import Shelf
from labctl.walk.planfile import read_plan


class Take(Protocol):
    def __call__(self, artifact: Artifact) -> Path:
        """Where an artifact lies on this machine now. Raises LabError, OSError."""


@contextmanager
def artifacts_of(row: RunRow, home: str) -> Iterator[Take]:
    """A way to the artifacts of a run. Its executor is opened at the first that is not here."""
    objects = Objects(Path(home) / "objects")
    with ExitStack() as stack:
        shelves: list[Shelf] = []

        def take(artifact: Artifact) -> Path:
            if objects.has(artifact):
                return objects.path(artifact.sha256)
            if not shelves:
                store = Store(home)
                stack.callback(store.close)
                executor = _opened(row, store)
                stack.callback(executor.close)
                shelves.append(Shelf(store, executor))
            return shelves[0].take(artifact)

        yield take


def _opened(row: RunRow, store: Store) -> Executor:
    saved = read_plan(store.folder(row.name))
    executor = make_executor(open_catalogue(), saved.request.on if saved.request else row.executor)
    options: Any = None
    if executor.options is not None:
        options = msgspec.convert(saved.options or {}, executor.options)
    executor.open(
        Session(emit=lambda event: None, home=store.home, folder=store.folder(row.name).root, options=options)
    )
    return executor
