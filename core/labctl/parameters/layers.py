"""Flags over environment over YAML file over project over user over preset over defaults.

Each value keeps where it came from. What is wrong is collected, so that a user sees all of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from labctl.config import Configuration
from labctl.errors import UsageError
from labctl.model.canonical import canonical
from labctl.parameters.fields import Field
from labctl.parameters.points import Sweep, option_of, points_of
from labctl.parameters.types import EXTENSIONS, Given, Origin, Resolved, Types


class Like(NamedTuple):
    """The parameters of an earlier run, by key, at each of its points; ``defaults`` were not chosen."""

    run: str
    points: tuple[Mapping[str, Any], ...]
    defaults: frozenset[str]


def resolve(types: Types, given: Given, configuration: Configuration, like: Like | None = None) -> Resolved:
    """Merge the layers and check the result. Raises UsageError with every mistake.

    With ``like`` an earlier run's parameters stand in for all but what is typed now.
    """
    merge = _Merge(types)
    file_values = merge.read_file(given.file)
    if like is not None:
        merge.like(like)
    else:
        merge.preset(given.preset or merge.text_of(file_values, "preset"))
        for path, table in configuration.tables("parameters", types.plugin):
            merge.data(table, Origin("configuration", path), configuration.folder(path))
    merge.file_layer(given.file, file_values)
    if like is None:
        merge.environment(os.environ)
    merge.flags(given.flags)
    merge.grid(given.grid)
    points, wrong = points_of(types, merge.values, merge.origins)
    merge.mistakes += wrong
    seed = merge.seed(file_values)
    if merge.mistakes:
        raise merge.error()
    return Resolved(points, seed)


class _Merge:
    def __init__(self, types: Types) -> None:
        self.types = types
        self.fields = types.fields()
        self.values: dict[str, Any] = {k: f.default for k, f in self.fields.items()}
        self.origins: dict[str, Origin] = dict.fromkeys(self.fields, Origin("default"))
        self.mistakes: list[str] = []
        self.sources: list[str] = []
        self.document: Any = None

    def read_file(self, path: str | None) -> dict[str, Any]:
        if path is None:
            return {}
        from labctl.parameters.yamlfile import read_yaml  # 3 interpreters: only where there is a file

        self.document, found = read_yaml(path, os.path.basename(path))
        if self.document is None:
            raise UsageError(f"{path} {found[0].message}")
        for mistake in found:
            self._in_file(*mistake)
        values: dict[str, Any] = self.document.values
        named = values.get("plugin", self.types.plugin)
        if named != self.types.plugin:
            self._in_file(self.document.places.get(("plugin",)), f"is for {named}, not {self.types.plugin}")
        return values

    def preset(self, name: str | None) -> None:
        if name is None:
            return
        if name not in self.types.presets:
            import difflib

            near = difflib.get_close_matches(name, self.types.presets, 1)
            also = (
                f"; did you mean {near[0]}?"
                if near
                else f"; there are: {', '.join(self.types.presets) or 'none'}"
            )
            self.mistakes.append(f"preset {name}: {self.types.plugin} has no such preset{also}")
            return
        self.data(self.types.presets[name], Origin("preset", name))

    def data(self, values: Mapping[str, Any], origin: Origin, folder: str = "") -> None:
        """A layer of typed values, nested as its file is. ``folder``: where its relative paths begin."""
        for key, value in self._leaves(values):
            problem = self._set(key, value, origin, folder=folder)
            if problem:
                self.mistakes.append(f"{origin}: {problem}")

    def like(self, like: Like) -> None:
        """The values of an earlier run. A file is named by its path and read anew."""
        origin = Origin("like", like.run)
        for key in like.points[0]:
            if key not in self.fields:
                if key not in like.defaults:
                    self.mistakes.append(f"--like {like.run}: {self._unknown(key)}")
                continue
            values = list({canonical(p[key]): _path_of(p[key]) for p in like.points}.values())
            try:
                found = [self.fields[key].from_data(value) for value in values]
            except ValueError as error:
                self.mistakes.append(f"--like {like.run}: {key}: {error}")
                continue
            self.values[key] = found[0] if len(found) == 1 else Sweep(found)
            self.origins[key] = origin

    def file_layer(self, path: str | None, values: dict[str, Any]) -> None:
        rest = {k: v for k, v in values.items() if k not in ("preset", "plugin", "seed")}
        written = {name.replace("-", "_"): name for name in rest}
        for key, value in self._leaves(rest):
            first, *others = key.split(".")
            parts = (written.get(first, first), *others)
            place = self.document.keys.get(parts) or self.document.places.get(parts)
            where = f"{self.document.name}:{place[0]}:{place[1]}" if place else self.document.name
            folder = os.path.dirname(os.path.abspath(path or ""))
            problem = self._set(key, value, Origin("file", where), sweeps=True, folder=folder)
            if problem:
                wrong_key = key not in self.fields
                mark = place if wrong_key else self.document.places.get(parts, place)
                self._in_file(mark, problem)

    def environment(self, environ: Mapping[str, str]) -> None:
        prefix = f"LABCTL_{self.types.plugin.replace('-', '_').upper()}_"
        names = {prefix + variable_of(key): key for key in self.fields}
        others = tuple(f"LABCTL_{other.replace('-', '_').upper()}_" for other in self.types.siblings)
        others = tuple(other for other in others if other.startswith(prefix))  # nsm and nsm-audit
        for name in sorted(environ):
            if not name.startswith(prefix) or (name not in names and name.startswith(others)):
                continue
            key = names.get(name)
            if key is None:
                import difflib

                near = difflib.get_close_matches(name, names, 1)
                also = f"; did you mean {near[0]}?" if near else ""
                self.mistakes.append(f"environment: {name}: no such parameter{also}")
                continue
            self._set_text(key, environ[name], Origin("environment", name))

    def flags(self, flags: Mapping[str, str | list[str]]) -> None:
        for key, text in flags.items():
            self._set_text(key, text, Origin("flag", option_of(key)))

    def grid(self, grids: Iterable[str]) -> None:
        for grid in grids:
            name, equals, text = grid.partition("=")
            key = self._key(name.strip().lstrip("-"))
            field = self.fields.get(key)
            if not equals or not text:
                self.mistakes.append(f"--grid {grid}: write it as name=a,b")
            elif field is None:
                self.mistakes.append(f"--grid {grid}: {self._unknown(key)}")
            else:
                self._sweep_texts(key, field, [part.strip() for part in text.split(",")])

    def seed(self, values: dict[str, Any]) -> int | None:
        """The file's own ``seed``, a whole number from 0 to 2^63 - 1."""
        seed = values.get("seed")
        if seed is None:
            return None
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            self._in_file(
                self.document.places.get(("seed",)), f"seed: {seed!r:.40} is no seed (0 to 2^63 - 1)"
            )
            return None
        return seed

    def text_of(self, values: dict[str, Any], key: str) -> str | None:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            self._in_file(self.document.places.get((key,)), f"{key}: a name is wanted")
            return None
        return value

    def error(self) -> UsageError:
        count = f"{len(self.mistakes)} errors" if len(self.mistakes) > 1 else "an error"
        where = self.document.name if self.document else f"the parameters of {self.types.plugin}"
        lines = [line for mistake in self.mistakes for line in mistake.split("\n")]
        verb = "has" if self.document else "have"
        return UsageError(
            f"{where} {verb} {count}",
            details=lines,
            hints=[f"all parameters: labctl run {self.types.plugin} --help"],
        )

    def _leaves(self, values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
        for name, value in values.items():
            key = f"{prefix}{name}".replace("-", "_") if not prefix else f"{prefix}{name}"
            inner = any(k.startswith(key + ".") for k in self.fields) or key == EXTENSIONS
            if isinstance(value, Mapping) and inner:
                yield from self._leaves(value, key + ".")
            else:
                yield key, value

    def _set(self, key: str, value: Any, origin: Origin, *, sweeps: bool = False, folder: str = "") -> str:
        field = self.fields.get(key)
        if field is None:
            return self._unknown(key)
        if field.is_file and folder:
            value = _anchored(value, folder)
        try:
            if sweeps and isinstance(value, list) and value and self._is_sweep(field, value):
                self.values[key] = Sweep([field.from_data(item) for item in value])
            else:
                self.values[key] = field.from_data(value)
        except ValueError as error:
            return f"{key}: {error}"
        self.origins[key] = origin
        return ""

    def _is_sweep(self, field: Field, value: list[Any]) -> bool:
        return isinstance(value[0], list) if field.is_list else True

    def _set_text(self, key: str, text: str | list[str], origin: Origin) -> None:
        try:
            self.values[key] = self.fields[key].from_text(text)
        except ValueError as error:
            self.mistakes.append(f"{origin.place}: {error}")
        self.origins[key] = origin

    def _sweep_texts(self, key: str, field: Field, texts: list[str]) -> None:
        try:
            self.values[key] = Sweep([field.from_text(text) for text in texts])
        except ValueError as error:
            self.mistakes.append(f"--grid {key}: {error}")
        self.origins[key] = Origin("flag", "--grid")

    def _key(self, name: str) -> str:
        """The key that a name on the command line means: ``confusion.depth`` is an extension's."""
        owner, dot, rest = name.partition(".")
        if dot and owner in self.types.extensions:
            return f"{EXTENSIONS}.{owner}.{rest.replace('-', '_')}"
        return name if name in self.fields else name.replace("-", "_")

    def _unknown(self, key: str) -> str:
        import difflib

        near = difflib.get_close_matches(key, list(self.fields), 1, 0.6)
        return f"{key}: no such parameter" + (f"; did you mean {near[0]}?" if near else "")

    def _in_file(self, place: tuple[int, int] | None, message: str) -> None:
        from labctl.parameters.yamlfile import Mistake

        self.mistakes.append("\n".join(self.document.shown(Mistake(place, message))))


def _anchored(value: Any, folder: str) -> Any:
    """Paths in a file begin at the file, wherever the command is typed."""
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    return os.path.join(folder, os.path.expanduser(value)) if isinstance(value, str) else value


def _path_of(value: Any) -> Any:
    """A recorded input file as the user would name it."""
    if isinstance(value, Mapping) and set(value) == {"path", "sha256", "size"}:
        return value["path"]
    return [_path_of(item) for item in value] if isinstance(value, list) else value


def variable_of(key: str) -> str:
    """What follows ``LABCTL_PLUGIN_`` in the environment variable of a parameter."""
    if key.startswith(EXTENSIONS + "."):
        _, name, rest = key.split(".", 2)
        return f"_{name}__{rest.replace('.', '__')}".replace("-", "_").upper()
    return key.replace(".", "__").upper()
