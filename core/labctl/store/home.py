"""Where a project keeps its records: the ``.labctl`` folder, searched upwards from here."""

from __future__ import annotations

import os

FOLDER = ".labctl"
CONFIGURATION = "labctl.toml"


def find_project(start: str | None = None) -> str:
    """The nearest folder upwards that holds ``.labctl`` or ``labctl.toml``, else ``start`` itself."""
    here = os.path.abspath(start or os.getcwd())
    folder = here
    while True:
        for mark in (FOLDER, CONFIGURATION):
            if os.path.exists(os.path.join(folder, mark)):
                return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return here
        folder = parent


def find_home(project: str) -> str:
    """The home's path, whether it is there or not. ``LABCTL_HOME`` overrides."""
    chosen = os.environ.get("LABCTL_HOME")
    return os.path.abspath(os.path.expanduser(chosen)) if chosen else os.path.join(project, FOLDER)


def make_home(home: str) -> None:
    """Make the home: 0700, ignored by git, with its folders. Raises OSError."""
    os.makedirs(home, mode=0o700, exist_ok=True)
    for name in ("runs", "errors"):
        os.makedirs(os.path.join(home, name), mode=0o700, exist_ok=True)
    ignore = os.path.join(home, ".gitignore")
    if not os.path.exists(ignore):
        with open(ignore, "w", encoding="utf-8") as file:
            file.write("*\n")
