"""Processes of a check: what they see, how long they may take, what they cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from labctl.executors.processes import descendants
from labctl.kit.target import Target

POLL = 0.005  # seconds


class Ended(NamedTuple):
    """How a process ended. ``code`` is None if it was still running and was ended."""

    code: int | None
    out: str
    err: str
    cpu: float

    @property
    def words(self) -> str:
        """How it ended, for a message."""
        if self.code is None:
            return "was still running at the end of its time"
        return f"ended the process with code {self.code}"


class Children:
    """Starts the processes of one check in a project folder of their own.

    They see labctl, the target, its parents and what it requires; other plugins are blocked. Nothing
    of the user's configuration, and none of labctl's variables, reaches them. ``limit`` in seconds.
    """

    def __init__(self, target: Target, folder: Path, limit: float) -> None:
        self.limit = limit
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "labctl.toml").touch()  # the search for a home ends here
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LABCTL_") and k != "FORCE_COLOR"}
        path = [*target.path, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._variables = {
            **kept,
            "PYTHONPATH": os.pathsep.join(path),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "LABCTL_BLOCK": " ".join(target.blocked()),
            "NO_COLOR": "1",
        }
        self._variables.pop("PYTHONDONTWRITEBYTECODE", None)
        if target.path:  # a source folder stays as it is
            self._variables["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")

    def python(self, *words: str, limit: float = 0.0, **variables: str) -> Ended:
        """Run ``python WORDS`` to its end, or to the end of its time."""
        # Files and no pipes: a process that the plugin has left behind may hold its end for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.project,
                env={**self._variables, **variables},
                start_new_session=True,
            )
            end = time.monotonic() + (limit or self.limit)
            found = os.wait4(process.pid, os.WNOHANG)
            while found[0] == 0 and time.monotonic() < end:
                time.sleep(POLL)
                found = os.wait4(process.pid, os.WNOHANG)
            late = found[0] == 0
            if late:
                for pid in descendants(process.pid):
                    _kill_one(pid)
                _kill(process.pid)
                found = os.wait4(process.pid, 0)
            _kill(process.pid)  # whoever it has left behind
            process.returncode = os.waitstatus_to_exitcode(found[1])
            said, complained = _text(out), _text(err)
        usage = found[2]
        code = None if late else process.returncode
        return Ended(code, said, complained, usage.ru_utime + usage.ru_stime)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON lines that a process has written; a last one that is not whole is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _kill_one(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
