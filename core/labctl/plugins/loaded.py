"""The addressed plugin, loaded: its hooks, its extensions and all the parameters they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from labctl.errors import PluginError
from labctl.model.context import Context
from labctl.parameters.fields import Field, decode, fields_of
from labctl.parameters.files import project_file
from labctl.parameters.types import EXTENSIONS, Point, Types
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.extensions import Extensions
from labctl.plugins.facade import Project
from labctl.plugins.load import Origin, find_project_row, load_entry


class Loaded(NamedTuple):
    """A project ready to be asked."""

    row: Row
    project: Project
    extensions: Extensions
    types: Types
    fields: dict[str, Field]

    @property
    def title(self) -> str:
        return str(getattr(self.project.plugin, "title", "") or "")

    @property
    def deploys(self) -> bool:
        """Whether its runs are to be deployed at their end: it says so, and has the hook."""
        declared = getattr(self.project.plugin, "deploys", False) is True
        return declared and "deploy" in self.project.hooks

    def context(self, point: Point, seed: int, folder: str) -> Context:
        """The context of one point of the grid; the extensions get their parameters of that point."""
        from pathlib import Path

        self.extensions.at_point(point.extensions)
        return Context(
            plugin=self.row.name,
            parameters=point.parameters,
            seed=seed,
            project=Path(folder),
            extensions=self.extensions,
            file=lambda path: project_file(folder, path),
        )


def load_project(catalogue: Catalogue, name: str, home: str) -> Loaded:
    """Import the light module of one project and of its extensions. Raises PluginError.

    An extension that cannot be imported, or whose parameters are not right, is left out.
    """
    row = find_project_row(catalogue, name)
    plugin = load_entry(row, catalogue, home)
    project = Project(plugin, Origin(row), home)
    own = getattr(plugin, "parameters", None)
    if own is not None and not (isinstance(own, type) and issubclass(own, msgspec.Struct)):
        raise PluginError(
            f"{name} cannot be used: its parameters are not a type",
            details=[f"{project.origin}: parameters is {own!r:.60}"],
            hints=["make it a class of labctl.api.Parameters"],
        )
    presets = getattr(plugin, "presets", {})
    if not isinstance(presets, Mapping):
        raise PluginError(f"{name} cannot be used: its presets are not a mapping")
    extensions = Extensions(catalogue, name, home)
    kinds: dict[str, type[msgspec.Struct]] = {}
    for extension in extensions.every():
        kind = extension.parameter_type
        if kind is None:
            continue
        try:
            fields_of(kind, f"extension {extension.name}", reserved=False)
        except (PluginError, TypeError, NameError) as error:
            extension.failed = str(error)
            continue
        if extension.name in kinds:
            extension.failed = f"another extension named {extension.name} has options, too"
            continue
        kinds[extension.name] = kind
    siblings = frozenset(other.name for other in catalogue.projects() if other.name != name)
    types = Types(name, own, kinds, presets, siblings)
    try:
        fields = types.fields()
    except (TypeError, NameError) as error:  # an annotation that names what is not there
        raise PluginError(
            f"{name} cannot be used: its parameters cannot be read",
            details=[f"{project.origin}: {type(error).__name__}: {error}"],
        ) from None
    return Loaded(row, project, extensions, types, fields)


def point_from_record(loaded: Loaded, label: str, record: Mapping[str, Any]) -> Point:
    """A point of the grid as it was recorded, put together again in another process."""
    own: dict[str, Any] = {}
    extensions: dict[str, dict[str, Any]] = {name: {} for name in loaded.types.extensions}
    for key, value in record.items():
        table, path = own, key
        if key.startswith(EXTENSIONS + "."):
            _, name, path = key.split(".", 2)
            if name not in extensions:
                continue
            table = extensions[name]
        *parents, last = path.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    types = loaded.types
    return Point(
        label=label,
        parameters=msgspec.convert(own, types.own, dec_hook=decode) if types.own else None,
        extensions={
            name: msgspec.convert(extensions[name], kind, dec_hook=decode)
            for name, kind in types.extensions.items()
        },
        origins={},
        record=dict(record),
    )
