"""The public names as lines of text: what a plugin, an executor or a test can rely on."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

MODULES = ("labctl.api", "labctl.spi", "labctl.worker", "labctl.testing")


def lines() -> list[str]:
    """One line for each name, field and method, sorted."""
    found: set[str] = set()
    for module in MODULES:
        loaded = importlib.import_module(module)
        for name in loaded.__all__:
            found.update(_of(f"{module}.{name}", getattr(loaded, name)))
    return sorted(found)


def _of(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield name
        if issubclass(value, msgspec.Struct):
            for place, parameter in enumerate(inspect.signature(value).parameters.values()):
                if parameter.kind is not parameter.KEYWORD_ONLY:
                    yield f"{name} at {place} takes {parameter.name}"
            for field in msgspec.structs.fields(value):
                annotation = value.__annotations__.get(field.name) or _inherited(value, field.name)
                default = "" if field.default is msgspec.NODEFAULT else f" = {field.default!r}"
                yield f"{name}.{field.name}: {annotation}{default}"
        yield from _methods(name, value)
    elif callable(value):
        yield from _signature(name, value)
    else:
        yield f"{name} = {value!r}"


def _inherited(kind: type, field: str) -> Any:
    return next(k.__annotations__[field] for k in kind.__mro__ if field in getattr(k, "__annotations__", {}))


def _methods(name: str, kind: type) -> Iterator[str]:
    for key, value in inspect.getmembers(kind):
        owner = next((k for k in kind.__mro__ if key in vars(k)), object)
        if (key.startswith("_") and key != "__init__") or not owner.__module__.startswith("labctl"):
            continue
        if inspect.isfunction(value):
            yield from _signature(f"{name}.{key}", value)
        elif isinstance(value, property):
            yield f"{name}.{key} (property)"


def _signature(name: str, value: Any) -> Iterator[str]:
    """A line for each parameter, so that a further optional one adds a line and changes none."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        yield f"{name}()"
        return
    yield f"{name}() -> {_plain(signature.return_annotation)}"
    for place, parameter in enumerate(signature.parameters.values()):
        where = "by name" if parameter.kind is parameter.KEYWORD_ONLY else f"at {place}"
        yield f"{name}() {where} takes {_plain(parameter)}"


def _plain(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


if __name__ == "__main__":
    print("\n".join(lines()))
