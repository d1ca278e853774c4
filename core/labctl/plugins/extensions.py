"""Extensions of a plugin: imported when first asked; one that fails is left out with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from labctl.errors import PluginError, UsageError
from labctl.model.machine import Environment
from labctl.model.plan import Job, Prediction
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.facade import rebuilt
from labctl.plugins.load import describe, frame_of, load_entry, save_traceback
from labctl.plugins.scan import module_file

_MISSING = object()


class LoadedExtension:
    """One extension. Whatever it does, the plugin that asks it goes on."""

    def __init__(self, row: Row, catalogue: Catalogue, home: str) -> None:
        self.name = row.name
        self.kind = row.kind
        self.distribution = row.distribution
        self.version = row.version
        self.row = row
        self.failed = "" if row.status in ("ok", "new") else row.reason
        if row.status == "broken" and row.reason.startswith("could not be imported"):
            self.failed = ""  # it may have been mended: try again
        self.parameters: Any = None
        self.claimed: dict[tuple[str, str], str] = {}
        self._catalogue = catalogue
        self._home = home
        self._object: Any = _MISSING

    @property
    def parameter_type(self) -> type[msgspec.Struct] | None:
        """The type of its own options, if it has any."""
        found = self.value("parameters")
        if found is None:
            return None
        if not (isinstance(found, type) and issubclass(found, msgspec.Struct)):
            self.failed = "its parameters are not a type of labctl.api.Parameters"
            return None
        return found

    def value(self, attribute: str, default: Any = None) -> Any:
        if not self._load():
            return default
        try:
            return getattr(self._object, attribute, default)
        except Exception as error:
            self._fail(attribute, error)
            return default

    def ask(self, method: str, *args: Any) -> tuple[Any, ...]:
        if not self._load():
            return ()
        try:
            found = getattr(self._object, method)(*args)
            if found is None:
                return ()
            single = isinstance(found, (msgspec.Struct, str, dict))
            items = (found,) if single else tuple(found)
            items = tuple(self._checked(item) for item in items)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail(method, error)
            return ()
        return items

    def _load(self) -> bool:
        if self.failed:
            return False
        if self._object is _MISSING:
            try:
                self._object = load_entry(self.row, self._catalogue, self._home)
            except PluginError as error:
                self.failed = error.details[0].partition(": ")[2] or error.message
        return not self.failed

    def _fail(self, method: str, error: BaseException) -> None:
        place = frame_of(error, self.row.entry.value.split(".")[0]).partition("   ")[0]
        save_traceback(self._home, self.name, error)
        self.failed = f"{method}: {describe(error)}" + (f" ({place})" if place else "")

    def _checked(self, item: Any) -> Any:
        """An item of ours, valid and under the extension's own name. Raises ValueError."""
        if not isinstance(item, (Job, Environment, Prediction)):
            return item
        label = item.name if isinstance(item, Environment) else item.id
        what = f"its {type(item).__name__} {label!r:.80}"
        if not isinstance(item, Prediction) and label != self.name and not label.startswith(self.name + "/"):
            raise ValueError(f"{what} is not named {self.name} or {self.name}/...")
        if self.claimed.setdefault((type(item).__name__, label), self.name) != self.name:
            other = self.claimed[type(item).__name__, label]
            raise ValueError(f"{what} clashes with that of extension {other}")
        try:
            item = rebuilt(item)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise ValueError(f"{what}: {error}") from None
        if isinstance(item, Job) and module_file(item.function.partition(":")[0]) is None:
            raise ValueError(f"{what}: there is no module {item.function.partition(':')[0]}")
        return item


class Extensions:
    """All extensions of one plugin, each made once, so that a failure is remembered."""

    def __init__(self, catalogue: Catalogue, plugin: str, home: str) -> None:
        self.plugin = plugin
        self._all: list[LoadedExtension] = []
        seen: set[tuple[str, str]] = set()
        for row in catalogue.extensions(plugin):
            if (row.kind, row.name) not in seen:
                seen.add((row.kind, row.name))
                self._all.append(LoadedExtension(row, catalogue, home))

    def at_point(self, parameters: Mapping[str, Any]) -> None:
        """Give the extensions their parameters for one point of the grid; names are free again."""
        claimed: dict[tuple[str, str], str] = {}
        for extension in self._all:
            extension.parameters = parameters.get(extension.name)
            extension.claimed = claimed

    def __call__(self, kind: str, names: Iterable[str]) -> tuple[LoadedExtension, ...]:
        """Those of a kind; only ``names``, in that order, if any. Raises UsageError for an unknown one."""
        of_kind = {e.name: e for e in self._all if e.kind == kind}
        wanted = tuple(names)
        for name in wanted:
            if name not in of_kind:
                raise _unknown(self.plugin, kind, name, of_kind)
        return tuple(of_kind[n] for n in wanted) if wanted else tuple(of_kind.values())

    def every(self) -> tuple[LoadedExtension, ...]:
        return tuple(self._all)

    def left_out(self) -> list[tuple[str, str]]:
        """Name and reason of those that failed so far."""
        return [(e.name, re.sub(r"\s+", " ", e.failed)) for e in self._all if e.failed]


def _unknown(plugin: str, kind: str, name: str, known: Iterable[str]) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    hints = [f"did you mean {near[0]}?"] if near else []
    return UsageError(
        f"{plugin} has no {kind.rstrip('s')} named {name}",
        details=["installed: " + (", ".join(known) or "none")],
        hints=[*hints, "all of them: labctl plugins list"],
    )
