"""A lab in a folder: distributions made of text, and the real command line in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Done(NamedTuple):
    """A finished command: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return msgspec.json.decode(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [msgspec.json.decode(line) for line in self.out.splitlines() if line.startswith("{")]


class Lab:
    """``site`` is a folder on the path of every command, ``folder`` the working directory.

    Distributions are written into ``site`` as an installer would leave them.
    """

    def __init__(self, root: Path) -> None:
        self.site = root / "site"
        self.folder = root / "project"
        self.home = self.folder / ".labctl"
        self.variables: dict[str, str] = {}
        self.site.mkdir(parents=True)
        self.folder.mkdir(parents=True)

    def distribution(
        self,
        name: str,
        entry_points: Mapping[str, Mapping[str, str]],
        files: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        summary: str = "",
    ) -> None:
        """Install a distribution: modules by path, entry points by group."""
        for path, text in (files or {}).items():
            target = self.site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text), encoding="utf-8")
        metadata = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True, exist_ok=True)
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (metadata / "METADATA").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
        groups = [
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
            for group, points in entry_points.items()
        ]
        (metadata / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")

    def plugin(self, name: str, source: str, **files: str) -> None:
        """Install a project whose light module is ``<name>_plugin`` with an object ``plugin``.

        ``files``: further modules by name, such as ``tasks="def work(job): ..."``.
        """
        module = f"{name.replace('-', '_')}_plugin"
        modules = {f"{module}.py": source, **{f"{key}.py": text for key, text in files.items()}}
        self.distribution(f"labctl-{name}", {"labctl.plugins": {name: f"{module}:plugin"}}, modules)

    def environment(self) -> dict[str, str]:
        dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "NO_COLOR", "FORCE_COLOR", "LABCTL_HOME")
        kept = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("PYTEST")}
        config = str(self.folder.parent / "config")
        return {**kept, "PYTHONPATH": str(self.site), "XDG_CONFIG_HOME": config, **self.variables}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "labctl", *words]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        where: dict[str, Any] = {"cwd": self.folder, "env": self.environment(), "stdin": subprocess.DEVNULL}
        return subprocess.Popen(self.command(*words), text=True, **where, **options)

    def __call__(self, *words: str, timeout: float = 120.0) -> Done:
        """Run ``labctl WORDS`` to its end."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"labctl {' '.join(words)} did not end\n{out}\n{err}") from None
        return Done(process.returncode, out, err)

    def record(self, run: str) -> Any:
        """The record of a finished run."""
        return msgspec.json.decode((self.home / "runs" / run / "record.json").read_bytes())
