"""A place on this machine: an attempt's folders and the local content store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from labctl.model.results import Artifact
from labctl.model.wire import Event
from labctl.store.objects import Objects, link_or_copy


class Layout(msgspec.Struct, frozen=True):
    """Where an attempt's folders are; goes to the worker with its order."""

    work: str
    checkpoint: str
    objects: str
    volumes: dict[str, str] = {}


class LocalPlace:
    """The ``Place`` of a local attempt. The work folder is made, and removed by ``close``."""

    def __init__(self, layout: Layout, emit: Callable[[Event], None]) -> None:
        self.folder = Path(layout.work)
        self.checkpoint = Path(layout.checkpoint)
        self.volumes: Mapping[str, Path] = {n: Path(p) for n, p in layout.volumes.items()}
        self._objects = Objects(Path(layout.objects))
        self._emit = emit
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.folder, self.checkpoint, *self.volumes.values()):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def find(self, sha256: str) -> Path:
        """A file of the store itself, or this attempt's own view of a folder: a job may write into it."""
        path = self._objects.find(sha256)
        if not path.is_dir():
            return path
        view = self.folder / ".inputs" / sha256
        if not view.exists():
            view.parent.mkdir(exist_ok=True)
            shutil.copytree(path, view, copy_function=link_or_copy)
        return view

    def keep(self, path: Path, name: str) -> Artifact:
        return self._objects.put(path, name)

    def commit(self) -> None:
        """Sync the checkpoint's files and folders to the disk."""
        for folder, _, files in os.walk(self.checkpoint):
            for name in (*files, "."):
                fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def emit(self, event: Event) -> None:
        self._emit(event)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
