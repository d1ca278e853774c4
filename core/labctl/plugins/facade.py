"""A typed facade around pluggy: what a hook returned is what its signature says, or an error that
names the plugin, its version and the hook.

pluggy checks the names of hooks and arguments; it does not check keyword-only parameters, misspelled
optional ones, or anything that is returned.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any, TypeVar

import msgspec
import pluggy

from labctl import hookspecs
from labctl.errors import LabError, PluginError
from labctl.model.canonical import canonical
from labctl.model.context import Context
from labctl.model.machine import Environment
from labctl.model.plainjson import offences
from labctl.model.plan import InputFile, Job, Prediction, Service
from labctl.model.results import Copy, Publish, Report, Results, Section
from labctl.plugins.load import Origin, describe, frame_of, save_traceback
from labctl.plugins.versions import split_requirement
from labctl.terminal import plain, write

TYPES: dict[str, tuple[type[Any], ...]] = {
    "provision": (Environment,),
    "run": (Job, Service, Prediction),
    "collect": (Section,),
    "deploy": (Copy, Publish),
}
HOOKS = tuple(TYPES)
T = TypeVar("T")


class Project:
    """The one plugin that is addressed, behind its four hooks."""

    def __init__(self, plugin: Any, origin: Origin, home: str) -> None:
        self.plugin = plugin
        self.origin = origin
        self.name = origin.name
        self._home = home
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        try:
            self._manager.register(plugin, origin.name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise self._faulty("its hooks are not right", [str(error).splitlines()[-1].strip()]) from None
        self._check_signatures()

    @property
    def hooks(self) -> dict[str, Any]:
        """The functions that implement hooks, by hook."""
        callers = self._manager.get_hookcallers(self.plugin) or []
        return {c.name: i.function for c in callers for i in c.get_hookimpls()}

    def provision(self, ctx: Context) -> tuple[Environment, ...]:
        """The environments, at least one. Raises PluginError."""
        found = self._call("provision", TYPES["provision"], ctx=ctx) if "provision" in self.hooks else ()
        for environment in found:
            for problem in environment_problems(environment):
                raise self.wrong("provision", f"environment {environment.name!r:.60}: {problem}")
        names = [environment.name for environment in found]
        for name in names:
            if names.count(name) > 1:
                raise self.wrong("provision", f"two environments are named {name!r}")
        return found or (Environment(),)

    def run(self, ctx: Context, environments: tuple[Environment, ...]) -> tuple[Job | Prediction, ...]:
        """The plan, in the plugin's order. Raises PluginError."""
        return self._call("run", TYPES["run"], ctx=ctx, environments=environments)

    def collect(self, ctx: Context, results: Results) -> tuple[Section, ...]:
        """The sections, () if the plugin has no such hook. Raises PluginError."""
        if "collect" not in self.hooks:
            return ()
        return self._call("collect", TYPES["collect"], ctx=ctx, results=results)

    def deploy(self, ctx: Context, report: Report) -> tuple[Copy | Publish, ...]:
        """What to put where, () if the plugin has no such hook. Raises PluginError."""
        if "deploy" not in self.hooks:
            return ()
        return self._call("deploy", TYPES["deploy"], ctx=ctx, report=report)

    def wrong(self, hook: str, *details: str) -> PluginError:
        """An error for what a hook returned."""
        verb = {
            "provision": "say what machines it needs",
            "run": "plan its jobs",
            "collect": "say what its results mean",
            "deploy": "say what to deploy",
        }[hook]
        kept = "nothing was started" if hook in ("provision", "run") else "the run's results are kept"
        return PluginError(
            f"{self.name} could not {verb}",
            details=[f"{self.origin}, hook {hook}: {details[0]}", *details[1:], kept],
            hints=[f"this is a fault in {self.origin.distribution}"],
        )

    def items(self, hook: str, **arguments: Any) -> list[Any]:
        """What a hook returned, one by one and as it is: nothing is checked. Raises PluginError."""
        types: tuple[type[Any], ...] = TYPES[hook]
        began = time.perf_counter()
        items: list[Any] | None = None
        try:
            with redirect_stdout(sys.stderr):  # standard output is for what the user asked for
                found = getattr(self._manager.hook, hook)(**arguments)
                items = _flat(found, types)
        except KeyboardInterrupt:
            raise
        except LabError:
            raise
        except BaseException as error:
            raise self._raised(hook, error) from error
        finally:
            if os.environ.get("LABCTL_TRACE", "0") != "0":
                _trace(f"{self.origin}, {hook}({_kinds(arguments)})", items, time.perf_counter() - began)
        if items is None:
            wanted = " or ".join(t.__name__ for t in types)
            raise self.wrong(hook, f"returned {type(found).__name__}, not {wanted} or an iterable of them")
        return items

    def _call(self, hook: str, types: tuple[type[T], ...], **arguments: Any) -> tuple[T, ...]:
        items = self.items(hook, **arguments)
        return tuple(self._valid(hook, index, item, types) for index, item in enumerate(items))

    def _valid(self, hook: str, index: int, item: Any, types: tuple[type[T], ...]) -> T:
        if type(item) not in types:
            wanted = " or ".join(t.__name__ for t in types)
            raise self.wrong(hook, f"item {index} is {type(item).__name__} {item!r:.60}, not {wanted}")
        try:
            return rebuilt(item)  # type: ignore[no-any-return]
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            which = getattr(item, "id", None) or getattr(item, "name", None) or f"item {index}"
            raise self.wrong(hook, f"{type(item).__name__} {which!r:.60}: {error}") from None

    def _raised(self, hook: str, error: BaseException) -> PluginError:
        details = [describe(error)]
        place = frame_of(error, type(self.plugin).__module__.split(".")[0])
        if place:
            details.append(place)
        saved = save_traceback(self._home, self.name, error)
        if saved:
            details.append(f"the full traceback is in {saved}")
        return self.wrong(hook, *details)

    def _check_signatures(self) -> None:
        hooks = self.hooks
        if "run" not in hooks:
            near = [n for n in HOOKS if callable(getattr(self.plugin, n, None))]
            note = f"; mark {near[0]} with @hookimpl" if near else ""
            raise self._faulty("it has no hook run", [f"only run is required{note}"])
        for name, function in hooks.items():
            for parameter in inspect.signature(function).parameters.values():
                if parameter.kind is parameter.KEYWORD_ONLY:
                    raise self._faulty(
                        f"hook {name} has the keyword-only parameter {parameter.name}",
                        ["hooks are called by position"],
                    )
                if parameter.default is not parameter.empty:
                    raise self._faulty(
                        f"hook {name} has the optional parameter {parameter.name}",
                        ["a hook's parameters are those of its specification, without defaults"],
                    )

    def _faulty(self, what: str, details: list[str]) -> PluginError:
        return PluginError(
            f"{self.name} cannot be used: {what}",
            details=[f"{self.origin}, {details[0]}", *details[1:], "nothing was started"],
            hints=["the hooks are: " + ", ".join(HOOKS)],
        )


def environment_problems(environment: Environment) -> Iterator[str]:
    """What is wrong with the values of an environment, field by field."""
    words = [("name", environment.name), *(("volumes", volume) for volume in environment.volumes)]
    for field, word in words:
        if not word or not word[0].isalnum() or not all(c.isalnum() or c in "-_." for c in word):
            yield f"{field} {word!r:.40} is no name: letters, digits and -_."
    for field, value in (("cpu", environment.cpu), ("timeout", environment.timeout)):
        if value <= 0:
            yield f"{field} is {value:g}; it has to be above 0"
    if environment.memory_mib <= 0:
        yield f"memory_mib is {environment.memory_mib}; it has to be above 0"
    if environment.retries < 0 or environment.retry_delay < 0 or environment.retry_backoff < 1:
        yield "retries and retry_delay are at least 0, retry_backoff at least 1"
    for requirement in environment.packages:
        if not split_requirement(requirement)[0]:
            yield f"packages has {requirement!r:.40}, which names no package"


def rebuilt(item: T) -> T:
    """``item`` checked field by field against its type; a list becomes the tuple it stands for.

    msgspec checks nothing in constructors, so a plugin's object is taken apart and put together.
    Raises msgspec.ValidationError, TypeError or ValueError that names the field.
    """
    if isinstance(item, Job):
        wrong = offences(item.params, "params")
        if wrong:
            raise ValueError("; ".join(wrong[:4]))
        needs = {role: (ids,) if isinstance(ids, str) else tuple(ids) for role, ids in item.needs.items()}
        item = msgspec.structs.replace(item, needs=needs)
    if isinstance(item, Copy) and isinstance(item.check, Job):
        item = msgspec.structs.replace(item, check=rebuilt(item.check))
    plain = msgspec.to_builtins(item, enc_hook=_take_apart)
    canonical(plain)
    return msgspec.convert(plain, type(item), dec_hook=_put_together)


def _flat(found: Any, types: tuple[type[Any], ...]) -> list[Any] | None:
    """The items of what a hook returned; None if it is neither an item, nor an iterable, nor None."""
    if found is None:
        return []
    if isinstance(found, types):
        return [found]
    if isinstance(found, (str, bytes, dict)) or not isinstance(found, Iterable):
        return None
    return list(found)


def _kinds(arguments: Mapping[str, Any]) -> str:
    """Names of arguments, and how many there are of what can be counted; never a value."""
    sized = {name: isinstance(value, (tuple, Mapping)) for name, value in arguments.items()}
    return ", ".join(f"{n}[{len(v)}]" if sized[n] else n for n, v in arguments.items())


def _trace(call: str, items: Iterable[Any] | None, seconds: float) -> None:
    """One line on standard error for ``LABCTL_TRACE``: types only, so that no secret is in it."""
    counts: dict[str, int] = {}
    for item in items or ():
        counts[type(item).__name__] = counts.get(type(item).__name__, 0) + 1
    made = ", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing"
    said = made if items is not None else "no answer"
    write(f"trace: {call} -> {plain(said)}  {seconds * 1000:.1f} ms", err=True)


def _take_apart(value: Any) -> Any:
    if isinstance(value, InputFile):
        return {"path": value.path, "sha256": value.sha256, "size": value.size}
    raise TypeError(f"{type(value).__name__} {value!r:.40} has no JSON form")


def _put_together(kind: type, value: Any) -> Any:
    if kind is InputFile:
        return InputFile(**value)
    raise TypeError(f"{kind} cannot be read from JSON")
