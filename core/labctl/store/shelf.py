"""Content that jobs need: is it still what it was, and is it where the executor can read it?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from labctl.errors import UsageError
from labctl.model.results import Artifact
from labctl.spi import Executor
from labctl.store.known import CachedResult
from labctl.store.objects import STORE, CorruptObject, Objects
from labctl.store.runs import Store


class Shelf:
    """The local store and the executor's, seen together."""

    def __init__(self, store: Store, executor: Executor) -> None:
        self._store = store
        self._executor = executor
        self._objects = Objects(store.home / "objects")
        self._good: dict[str, int] = {}  # objects that were found whole, and the stamp of each since
        self._there: set[str] = set()

    def cached(self, key: str) -> CachedResult | None:
        """A cached result all of whose artifacts are there and whole. A damaged one is forgotten."""
        found = self._store.known.cached(key)
        if found is None:
            return None
        for artifact in found.artifacts:
            if not self._whole(artifact):
                self._store.known.forget(key)
                return None
        return found

    def has(self, artifact: Artifact) -> bool:
        """Whether an artifact of an earlier run is still to be had, and whole."""
        return STORE not in artifact.stores or self._whole(artifact)

    def trust(self, artifacts: Iterable[Artifact]) -> None:
        """These were made just now: they need not be read again while nobody touches them."""
        self._good |= {artifact.sha256: self._stamp(artifact.sha256) for artifact in artifacts}

    def bring(self, artifacts: Iterable[Artifact]) -> None:
        """Copy artifacts into the executor's store, unless they are there. Raises UsageError, OSError.

        What a job of this run has spoilt is not handed to the next one.
        """
        for artifact in artifacts:
            if STORE in artifact.stores and not self._whole(artifact):
                raise UsageError(f"artifact {artifact.name} is gone or was changed since it was made")
            if self._executor.store in artifact.stores or artifact.sha256 in self._there:
                continue
            if STORE not in artifact.stores and not self._objects.has(artifact):
                stores = ", ".join(artifact.stores)
                raise UsageError(f"artifact {artifact.name} lies in the store of {stores} only")
            self._executor.put(artifact.sha256, self._objects.find(artifact.sha256))
            self._there.add(artifact.sha256)

    def bring_file(self, sha256: str, path: str) -> None:
        """Bring a user's input file. Raises UsageError if it is no longer what it was when parsed."""
        if sha256 in self._there:
            return
        try:
            self._executor.put(sha256, Path(os.path.realpath(path)))
        except CorruptObject as error:
            raise UsageError(str(error), hints=["run it again with the file as it is now"]) from None
        self._there.add(sha256)

    def take(self, artifact: Artifact) -> Path:
        """Where an artifact lies on this machine; fetched from the executor if it is only there."""
        if self._objects.has(artifact):
            return self._objects.path(artifact.sha256)
        with tempfile.TemporaryDirectory(dir=self._store.home) as folder:
            fetched = self._executor.fetch(artifact.sha256, Path(folder))
            self._objects.copy_in(fetched, artifact.sha256)
        return self._objects.path(artifact.sha256)

    def _whole(self, artifact: Artifact) -> bool:
        if STORE not in artifact.stores:
            return self._executor.store in artifact.stores
        if artifact.sha256 in self._good and self._good[artifact.sha256] == self._stamp(artifact.sha256):
            return True
        if not self._objects.has(artifact):
            return False
        try:
            self._objects.verify(artifact.sha256)
        except (CorruptObject, OSError):
            return False
        self._good[artifact.sha256] = self._stamp(artifact.sha256)
        return True

    def _stamp(self, sha256: str) -> int:
        """When an object's file was last touched in any way; nobody can set this time. 0 if it is gone."""
        try:
            return os.lstat(self._objects.path(sha256)).st_ctime_ns
        except OSError:
            return 0
