"""Fresh virtual environments, without the network: what they lack they see in this one's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of --build-isolation
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_QUIET": "1",
}
OUTER = Path(sysconfig.get_path("purelib"))


class Venv:
    """An environment in ``folder``. ``see``: further folders on its path, after its own packages."""

    def __init__(self, folder: Path, see: Iterable[Path] = ()) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.python = self.bin / "python"
        call([sys.executable, "-m", "venv", "--without-pip", folder])
        self.site = next(folder.glob("lib/python3.*/site-packages"))
        (self.site / "zz_last.pth").write_text("".join(f"{path}\n" for path in see))

    def install(self, *arguments: str | Path) -> None:
        """``pip install`` by the outer environment's pip: nothing is downloaded."""
        call([*self.pip, "install", *arguments], env={**os.environ, **OFFLINE})

    @property
    def pip(self) -> list[str | Path]:
        """The outer environment's pip for this one; with ``OFFLINE`` it downloads nothing."""
        return [sys.executable, "-m", "pip", "--python", self.python]

    def script(self, name: str, *words: str | Path) -> None:
        """A command ``name`` that passes its arguments on to ``words``."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\nexec {" ".join(map(str, words))} "$@"\n')
        path.chmod(0o755)

    def take(self, *names: str) -> None:
        """Copy installed distributions from the outer environment, with their metadata."""
        for name in names:
            for file in distribution(name).files or ():
                source = Path(str(file.locate()))
                if ".." in file.parts or not source.exists():
                    continue  # scripts, which lie elsewhere; bytecode that was never compiled
                target = self.site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def variables(venv: Venv, **more: str) -> dict[str, str]:
    """Environment variables of a user who has activated ``venv`` and set nothing else of ours."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "NO_COLOR", "FORCE_COLOR", "MAKEFLAGS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith(("LABCTL_", "PYTEST", "COV_"))
    }
    return {**kept, "PATH": f"{venv.bin}{os.pathsep}{kept['PATH']}", **OFFLINE, "COLUMNS": "100", **more}


def call(command: list[str | Path], **options: object) -> str:
    """Run a command that has to succeed; its output."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return str(done.stdout)
