"""A parameter type taken apart: one ``Field`` for each option, file key and environment variable."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from labctl.errors import PluginError
from labctl.model.canonical import canonical
from labctl.model.plan import InputFile
from labctl.parameters.files import input_file

# fmt: off
HOST_OPTIONS = frozenset({
    "file", "preset", "grid", "plan", "on", "jobs", "only", "skip", "from", "like", "no_cache", "seed",
    "gpu", "cpu", "memory", "timeout", "retries", "budget", "stop_at", "tag", "note", "detach", "grace",
    "yes", "no_deploy", "json", "color", "help", "extensions", "plugin",
})
# fmt: on
"""Names that the host keeps for itself, as options or as keys of the YAML file."""


class Field(NamedTuple):
    """One parameter. ``path`` is dotted for a nested type; ``default`` is its checked default.

    ``type`` is the annotation with its bounds, ``help`` the description.
    """

    path: str
    type: Any
    default: Any
    help: str

    @property
    def bare(self) -> Any:
        """The type without its bounds and without None."""
        return _bare(self.type)

    @property
    def is_list(self) -> bool:
        return typing.get_origin(self.bare) in (tuple, list)

    @property
    def choices(self) -> tuple[str, ...]:
        item = self.item if self.is_list else self.bare
        if typing.get_origin(item) is typing.Literal:
            return tuple(str(value) for value in typing.get_args(item))
        return ()

    @property
    def is_file(self) -> bool:
        return (self.item if self.is_list else self.bare) is InputFile

    @property
    def item(self) -> Any:
        """The type of an element of a list parameter."""
        return _bare(typing.get_args(self.bare)[0])

    @property
    def word(self) -> str:
        """The type as help shows it: INT, FLOAT, TEXT, FILE, or the choices."""
        kind = self.item if self.is_list else self.bare
        if self.choices:
            return "|".join(self.choices)
        words = {int: "INT", float: "FLOAT", bool: "BOOL", str: "TEXT", InputFile: "FILE"}
        return words.get(kind, "VALUE") + ("..." if self.is_list else "")

    def from_text(self, value: str | list[str]) -> Any:
        """The value of a command-line option or an environment variable. Raises ValueError."""
        if isinstance(value, str) and self.is_list:
            value = [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, list) and len(value) == 1 and "," in value[0]:
            value = [part.strip() for part in value[0].split(",") if part.strip()]
        return self._converted(value, strict=False)

    def from_data(self, value: Any) -> Any:
        """The value of a YAML or TOML file. Raises ValueError."""
        return self._converted(value, strict=True)

    def _converted(self, value: Any, *, strict: bool) -> Any:
        try:
            found = msgspec.convert(value, self.type, strict=strict, dec_hook=decode)
        except msgspec.ValidationError as error:
            if self.choices and "enum" in str(error):
                raise ValueError(f'"{value}" is not one of {", ".join(self.choices)}') from None
            raise ValueError(_plain_message(str(error), value)) from None
        try:
            canonical(plain(found))
        except ValueError:
            raise ValueError(f"{value!r:.60} is not a finite number") from None
        return found


def fields_of(kind: type[msgspec.Struct], owner: str, *, reserved: bool = True) -> tuple[Field, ...]:
    """The fields of a parameter type, nested ones flattened.

    Raises PluginError for a field without a default, with a default that breaks its own bounds, of a
    type that no option can have, or with a name that the host keeps for itself.
    """
    found = tuple(_walk(kind, "", owner, reserved))
    for field in found:
        try:
            field.from_data(plain(field.default))
        except ValueError as error:
            raise PluginError(f"{owner}: the default of {field.path} is not valid: {error}") from None
    return found


def decode(kind: type, value: Any) -> Any:
    """msgspec's hook for the one type of ours that is not a Struct."""
    if kind is InputFile:
        if isinstance(value, InputFile):
            return value
        if isinstance(value, str):
            return input_file(value)
        if isinstance(value, dict):  # as a record holds it: not digested again
            return InputFile(value["path"], value["sha256"], value["size"])
        raise ValueError("a path is wanted")
    raise TypeError(f"{kind} is no type of a parameter")


def plain(value: Any) -> Any:
    """A parameter's value as JSON: an input file is its path, digest and size."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a parameter type."""
    return msgspec.json.schema(kind, schema_hook=_schema)


def _encode(value: Any) -> Any:
    if isinstance(value, InputFile):
        return {"path": value.path, "sha256": value.sha256, "size": value.size}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _schema(kind: type) -> dict[str, Any]:
    if kind is InputFile:
        return {"type": "string", "format": "path"}
    raise TypeError(f"{kind} has no schema")


def _walk(kind: type[msgspec.Struct], prefix: str, owner: str, reserved: bool) -> Iterator[Field]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for info in msgspec.structs.fields(kind):
        path = prefix + info.name
        if reserved and not prefix and info.name in HOST_OPTIONS:
            raise PluginError(
                f"{owner} cannot be used: its parameter {info.name} has the name of a host option",
                details=[f"--{info.name.replace('_', '-')} belongs to labctl run"],
                hints=[f"rename the field in {kind.__module__}.{kind.__qualname__}"],
            )
        default = _default(info)
        annotation = hints[info.name]
        bare = _bare(annotation)
        if inspect.isclass(bare) and issubclass(bare, msgspec.Struct):
            yield from _walk(bare, path + ".", owner, reserved)
            continue
        if default is msgspec.NODEFAULT:
            raise PluginError(
                f"{owner} cannot be used: its parameter {path} has no default",
                hints=["every parameter has one: None says that it has to be given"],
            )
        yield Field(path, annotation, default, _description(annotation))


def _default(info: Any) -> Any:
    if info.default is not msgspec.NODEFAULT:
        return info.default
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return msgspec.NODEFAULT


def _bare(annotation: Any) -> Any:
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(rest) == 1:
            return _bare(rest[0])
    return annotation


def _description(annotation: Any) -> str:
    if typing.get_origin(annotation) is typing.Annotated:
        for meta in typing.get_args(annotation)[1:]:
            if isinstance(meta, msgspec.Meta) and meta.description:
                return meta.description
        return _description(typing.get_args(annotation)[0])
    return ""


def _in_words(wanted: str) -> str:
    """``int >= 2`` is a whole number of at least 2; ``array of length >= 1`` a list of 1 or more."""
    kinds = (("int", "a whole number"), ("float", "a number"), ("str of length", "text of a length"))
    bounds = ((">=", "of at least"), ("<=", "of at most"), (">", "above"), ("<", "below"))
    for word, plain_word in (*kinds, ("array of length", "a list of a length"), ("str", "text")):
        if wanted.startswith(word + " "):
            rest = wanted[len(word) + 1 :].removesuffix(" | null")
            for sign, said in bounds:
                if rest.startswith(sign):
                    return f"{plain_word} {said} {rest[len(sign) :].strip()}"
    return wanted


def _plain_message(message: str, value: Any) -> str:
    """msgspec's sentence in ours: "ten" is not a whole number."""
    said = message.partition(" - at `")[0]
    shown = f'"{value}"' if isinstance(value, str) else repr(value)
    kinds = {"`int`": "a whole number", "`float`": "a number", "`bool`": "true or false", "`str`": "text"}
    if said.startswith("Expected "):
        wanted = said.removeprefix("Expected ").partition(", got")[0]
        for word, plain_word in kinds.items():
            if wanted == word or wanted == f"{word} | `null`":
                return f"{shown:.60} is not {plain_word}"
        return f"{shown:.60} is not {_in_words(wanted.replace('`', ''))}"
    return f"{shown:.60}: {said[0].lower()}{said[1:]}".replace("`", "")
