"""``labctl.toml`` of the project and of the user."""

from __future__ import annotations

import os

from labctl.errors import UsageError
from labctl.store.home import CONFIGURATION
from labctl.store.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


TABLES = ("limits", "observers", "parameters", "plugins")


class Layer:
    """One configuration file: its path as it is shown, and what it says."""

    __slots__ = ("folder", "path", "values")

    def __init__(self, path: str, values: Mapping[str, Any], folder: str = "") -> None:
        self.path = path
        self.folder = folder
        self.values = values


class Configuration:
    """The project's file over the user's file. ``layers`` is from weak to strong."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers

    def table(self, *keys: str) -> dict[str, Any]:
        """The table at ``keys`` with the project's entries over the user's. {} if there is none."""
        merged: dict[str, Any] = {}
        for layer in self.layers:
            merged.update(self._table_of(layer, keys))
        return merged

    def tables(self, *keys: str) -> list[tuple[str, dict[str, Any]]]:
        """The same table file by file, from weak to strong."""
        found = [(layer.path, self._table_of(layer, keys)) for layer in self.layers]
        return [(path, table) for path, table in found if table]

    def folder(self, path: str) -> str:
        """Where the file that is shown as ``path`` lies."""
        return next((layer.folder for layer in self.layers if layer.path == path), "")

    def blocked(self) -> dict[str, str]:
        """Blocked plugins and where that is said: ``[plugins] block`` and ``LABCTL_BLOCK``."""
        found: dict[str, str] = {}
        for path, table in self.tables("plugins"):
            names = table.get("block", [])
            if not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
                raise UsageError(f"{path}: [plugins] block is a list of names")
            found |= dict.fromkeys(names, path)
        for name in os.environ.get("LABCTL_BLOCK", "").replace(",", " ").split():
            found[name] = "LABCTL_BLOCK"
        return found

    def _table_of(self, layer: Layer, keys: tuple[str, ...]) -> dict[str, Any]:
        value: Any = layer.values
        for depth, key in enumerate(keys, 1):
            value = value.get(key, {})
            if not isinstance(value, dict):
                raise UsageError(f"{layer.path}: {'.'.join(keys[:depth])} is not a table")
        return dict(value)


def load_configuration(project: str) -> Configuration:
    """Read the user's and the project's file. Raises UsageError for one that is not TOML."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    paths = [
        (os.path.join(base, "labctl", CONFIGURATION), os.path.join(base, "labctl", CONFIGURATION)),
        (os.path.join(project, CONFIGURATION), CONFIGURATION),
    ]
    return Configuration([layer for path, shown in paths if (layer := _load(path, shown))])


def _load(path: str, shown: str) -> Layer | None:
    if not os.path.exists(path):
        return None
    import tomllib  # only where there is a file: it costs as much as the rest of `plugins list`

    try:
        with open_plain(path) as file:
            values = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{shown} cannot be read", details=[str(error)]) from None
    unknown = [name for name in values if name not in TABLES]
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], TABLES, 1, 0.5)
        raise UsageError(
            f"{shown} has a table that this version does not know: {unknown[0]}",
            details=["it knows: " + ", ".join(TABLES)],
            hints=[f"did you mean {near[0]}?"] if near else [],
        )
    return Layer(shown, values, os.path.dirname(os.path.abspath(path)))
