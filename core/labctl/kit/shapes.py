"""The rules about the object that an entry point names: what it is, and what its hooks look like."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from typing import Any

from labctl import hookspecs
from labctl.kit.importing import short
from labctl.plugins.facade import HOOKS

HOOK_PARAMETERS = {name: tuple(inspect.signature(getattr(hookspecs, name)).parameters) for name in HOOKS}


def shape_findings(found: Any) -> list[dict[str, str]]:
    """Breaches of C04 to C06 as JSON; those of the hooks count for a project only."""
    if found is None:
        return [{"rule": "C06", "text": "the entry point names None", "where": ""}]
    if inspect.isclass(found):
        text = f"the entry point names the class {found.__name__}"
        return [{"rule": "C06", "text": text, "where": _line(found)}]
    marked = dict(_marked(found))
    return [*_names(found, marked), *(f for name in marked for f in _parameters(name, marked[name]))]


def _marked(plugin: Any) -> Iterator[tuple[str, Any]]:
    for name in dir(plugin):
        try:
            value = getattr(plugin, name, None)
        except Exception:  # a property that needs something first
            continue
        if callable(value) and hasattr(value, "labctl_impl"):
            yield name, value


def _names(plugin: Any, marked: dict[str, Any]) -> Iterator[dict[str, str]]:
    for name, function in marked.items():
        if name not in HOOKS:
            near = difflib.get_close_matches(name, HOOKS, 1, 0.5)
            also = f"; did you mean {near[0]}?" if near else ""
            yield {"rule": "C04", "text": f"there is no hook {name}{also}", "where": _line(function)}
    for name in HOOKS:
        function = getattr(plugin, name, None)
        if name not in marked and callable(function):
            text = f"{name} is not marked with @hookimpl, so it is never called"
            yield {"rule": "C04", "text": text, "where": _line(function)}
        elif name == "run" and name not in marked:
            yield {"rule": "C04", "text": "it has no hook run", "where": _line(type(plugin))}


def _parameters(hook: str, function: Any) -> Iterator[dict[str, str]]:
    if hook not in HOOKS:
        return
    given = HOOK_PARAMETERS[hook]
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        near = difflib.get_close_matches(name, given, 1, 0.5)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            text = f"hook {hook} takes any parameters ({parameter}); none are passed to it"
        elif parameter.kind is parameter.KEYWORD_ONLY:
            text = f"hook {hook} has the keyword-only parameter {name}"
        elif name not in given:
            text = f"hook {hook} has the parameter {name}" + (f"; did you mean {near[0]}?" if near else "")
        elif parameter.default is not parameter.empty:
            text = f"hook {hook} has the optional parameter {name}"
        else:
            continue
        yield {"rule": "C05", "text": text, "where": _line(function)}


def _line(value: Any) -> str:
    try:
        code = inspect.unwrap(value)
        return f"{short(inspect.getsourcefile(code) or '')}:{inspect.getsourcelines(code)[1]}"
    except (TypeError, OSError):
        return ""
