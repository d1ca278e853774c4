#!/usr/bin/env python3
"""Write docs/reference/ from the code: commands, parameters, exit codes, public names.

.venv/bin/python tools/reference.py            write the pages
.venv/bin/python tools/reference.py --check    say which pages are stale; exit code 1 if any is
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from labctl.cli.help import EXIT_CODES
from labctl.cli.main import COMMANDS, lab
from labctl.cli.run import HOST
from labctl.errors import BY_CODE
from labctl.kit.rules import GROUPS, RULES
from labctl.parameters.fields import HOST_OPTIONS, Field
from labctl.parameters.layers import variable_of
from labctl.parameters.points import option_of
from labctl.parameters.types import Types
from labctl.plugins.facade import HOOKS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
PUBLIC = {
    "labctl.api": "For authors of plugins",
    "labctl.testing": "For tests of plugins",
    "labctl.spi": "For authors of executors: what the host asks",
    "labctl.worker": "For authors of executors: the far side of a job",
}
NOTE = "<!-- Written by tools/reference.py. Do not edit: change the code and run it again. -->\n"


def main(arguments: list[str]) -> int:
    made = {"cli": cli(), "parameters": parameters(), "exit-codes": exit_codes(), "api": api()}
    made["rules"] = rules()
    stale = []
    for name, lines in made.items():
        path = FOLDER / f"{name}.md"
        text = NOTE + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in arguments:
                FOLDER.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    word = "stale" if "--check" in arguments else "written"
    for path_name in stale:
        print(f"{word}: {path_name}")
    return 1 if stale and "--check" in arguments else 0


# Commands


def cli() -> Iterator[str]:
    yield from (
        "# Commands",
        "",
        "Every command takes `--help`. Data go to standard output, words to standard error. Colour follows"
        " `--color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether a terminal listens. What the exit"
        " codes mean: [exit codes](exit-codes.md).",
        "",
    )
    root = click.Context(lab, info_name="labctl")
    yield from section(lab, root, 2, skip_commands=True)
    for name in COMMANDS:
        command = lab.get_command(root, name)
        assert command is not None
        yield from section(command, click.Context(command, info_name=name, parent=root), 2)


def section(
    command: click.Command, ctx: click.Context, level: int, *, skip_commands: bool = False
) -> Iterator[str]:
    is_run = ctx.command_path == "labctl run"
    usage = "labctl run PROJECT [OPTIONS]" if is_run else f"{ctx.command_path} {usage_of(command, ctx)}"
    yield from (f"{'#' * level} {ctx.command_path}", "", f"`{usage.strip()}`", "", words(command.help), "")
    if is_run:
        yield "A project's own options stand first in its help: [parameters](parameters.md). All runs have:"
        yield ""
    yield from options(HOST if is_run else command.params, ctx)
    if isinstance(command, click.Group) and not is_run and not skip_commands:
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from section(inner, click.Context(inner, info_name=name, parent=ctx), level + 1)


def usage_of(command: click.Command, ctx: click.Context) -> str:
    return " ".join(command.collect_usage_pieces(ctx))


def options(params: Iterable[click.Parameter], ctx: click.Context) -> Iterator[str]:
    rows = [record for param in params if (record := param.get_help_record(ctx))]
    rows = [row for row in rows if row[0].startswith("-") and not row[0].startswith("-h")]
    yield from table(("option", ""), [(f"`{name}`", text) for name, text in rows])


# Parameters


def parameters() -> Iterator[str]:
    yield from (
        "# Parameters",
        "",
        "A plugin's parameters are one type. From it come the options of `labctl run`, the keys of the YAML"
        " file, the environment variables and the record. A value is taken from the first of these that has"
        " it:",
        "",
        "1. an option of the command line, or `--grid NAME=A,B`",
        "2. an environment variable",
        "3. the YAML file given with `-f`",
        "4. `[parameters.PROJECT]` in the project's `labctl.toml`, then in the user's",
        "5. the preset given with `--preset` or by `preset:` in the YAML file",
        "6. the default",
        "",
        "`labctl runs show RUN --parameters` says where each value of a run came from. In the YAML file a"
        " list is a sweep, except for a parameter that is itself a list: there a list of lists is one. Its"
        " keys `plugin`, `preset` and `seed` are the host's.",
        "",
        "The option `window` of an extension `spread-trend` is `--spread-trend.window` on the command line,"
        " `extensions: {spread-trend: {window: 3}}` in the YAML file, `LABCTL_CGT__SPREAD_TREND__WINDOW` in"
        " the environment.",
        "",
        "No parameter of a plugin may have one of these names, which are the host's: "
        + ", ".join(f"`{name}`" for name in sorted(HOST_OPTIONS))
        + ".",
        "",
    )
    for name, plugin, extensions in workspace_plugins():
        kinds = {key: kind for key, made in extensions.items() if (kind := getattr(made, "parameters", None))}
        found = Types(name, plugin.parameters, kinds, plugin.presets)
        yield from (f"## {name}", "", words(plugin.title), "")
        yield from table(
            ("option", "type", "default", "bounds", "variable", ""),
            [parameter_row(name, key, field) for key, field in found.fields().items()],
        )
        yield from (f"### Presets of {name}", "")
        yield from table(
            ("preset", "sets"),
            [
                (f"`{key}`", ", ".join(f"`{n}: {v}`" for n, v in values.items()))
                for key, values in plugin.presets.items()
            ],
        )


def parameter_row(plugin: str, key: str, field: Field) -> tuple[str, ...]:
    shown = " ".join(map(str, field.default)) if isinstance(field.default, tuple) else str(field.default)
    variable = f"LABCTL_{plugin.replace('-', '_').upper()}_{variable_of(key)}"
    return (f"`{option_of(key)}`", field.word, f"`{shown}`", bounds(field.type), f"`{variable}`", field.help)


def bounds(annotation: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}
    found = []
    for meta in typing.get_args(annotation)[1:]:
        if isinstance(meta, msgspec.Meta):
            found += [
                f"{sign} {limit:g}"
                for name, sign in signs.items()
                if (limit := getattr(meta, name)) is not None
            ]
    return ", ".join(found)


def workspace_plugins() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Projects of the workspace with their own extensions; what else is installed here plays no part."""
    for path in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        groups = tomllib.loads(path.read_text(encoding="utf-8"))["project"].get("entry-points", {})
        for name, value in groups.get("labctl.plugins", {}).items():
            group = f"labctl.{name.replace('-', '_')}."
            inner = [p for key, points in groups.items() if key.startswith(group) for p in points.items()]
            yield name, load(value), {key: load(target) for key, target in sorted(inner)}


def load(value: str) -> Any:
    module, _, attribute = value.partition(":")
    return getattr(importlib.import_module(module), attribute)


# Exit codes


def exit_codes() -> Iterator[str]:
    yield from (
        "# Exit codes",
        "",
        "The same for every command. A refuted claim is a result, not a failure.",
        "",
    )
    classes = {str(code): kind.__name__ for code, kind in BY_CODE.items()}
    rows = []
    for line in EXIT_CODES.splitlines():
        code, _, text = line.partition(" ")
        rows.append((code, text.strip(), f"`{classes[code]}`" if code in classes and code != "1" else ""))
    yield from table(("code", "meaning", "error in the code"), rows)
    yield "`labctl help exit-codes` prints this list."


# Rules


def rules() -> Iterator[str]:
    yield from (
        "# Rules",
        "",
        "What `labctl plugins check` holds a plugin to: [publish a plugin](../publish-a-plugin.md). An error"
        " makes its exit code 1, a warning only with `--strict`. A rule that is mostly an error may warn of"
        " what is only doubtful.",
        "",
    )
    for group, purpose in GROUPS.items():
        found = [rule for rule in RULES.values() if rule.group == group]
        yield from (f"## {group.capitalize()} rules", "", purpose, "")
        for rule in found:
            yield from (
                f"### {rule.id}",
                "",
                f"*{rule.level}*: the {code(rule.asks)}.",
                "",
                code(rule.why),
                "",
            )
            yield from (f"Fix: {code(rule.fix)}.", "")


def code(text: str) -> str:
    """A sentence in which two underscores make nothing bold."""
    return re.sub(r"__\w+__", r"`\g<0>`", text)


# Public names


def api() -> Iterator[str]:
    yield from (
        "# Public names",
        "",
        "All that a plugin, an executor or a test may import of labctl. Other modules are the host's own and"
        " change without notice. The hooks of a plugin are "
        + ", ".join(f"`{hook}`" for hook in HOOKS)
        + ": [write a plugin](../write-a-plugin.md).",
        "",
    )
    for module, purpose in PUBLIC.items():
        loaded = importlib.import_module(module)
        yield from (f"## {module}", "", f"{purpose}.", "")
        for name in sorted(loaded.__all__, key=str.lower):
            yield from described(name, getattr(loaded, name), module)


def described(name: str, value: Any, module: str) -> Iterator[str]:
    yield from (f"### {name}", "")
    home = getattr(value, "__module__", "") or ""
    if inspect.isclass(value) and name in named_elsewhere(module):
        yield from (f"As in [{named_elsewhere(module)[name]}](#{name.lower()}).", "")
    elif value is msgspec.Meta:
        yield from (
            '`Annotated[int, Param(ge=1, description="...")]`: bounds and help of a parameter. It is'
            " `msgspec.Meta`: `ge`, `gt`, `le`, `lt`, `multiple_of`, `pattern`, `min_length`, `max_length`,"
            " `description`.",
            "",
        )
    elif isinstance(value, types.UnionType):
        yield from ("One of " + ", ".join(f"`{kind.__name__}`" for kind in typing.get_args(value)) + ".", "")
    elif inspect.isclass(value):
        yield from class_lines(name, value)
    elif callable(value):
        yield from (f"`{name}{signature(value)}`", "", words(value.__doc__), "")
    else:
        assert not home or home == module, name
        yield from (f"`{value!r}`. {words(attribute_doc(module, name))}", "")


def named_elsewhere(module: str) -> dict[str, str]:
    """Names of the other pages of this list that were described before, with where."""
    found: dict[str, str] = {}
    for other in PUBLIC:
        if other == module:
            break
        found |= dict.fromkeys(importlib.import_module(other).__all__, other)
    return found


def class_lines(name: str, kind: type) -> Iterator[str]:
    yield from (words(kind.__doc__), "")
    if issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        hints = kind.__annotations__
        rows = [(f"`{f.name}`", f"`{hint(hints.get(f.name, f.type))}`", default_of(f)) for f in fields]
        if rows:
            yield from table(("field", "type", "default"), rows)
    members = [
        (key, member)
        for key, member in vars(kind).items()
        if not key.startswith(("_", "test_")) and (inspect.isfunction(member) or isinstance(member, property))
    ]
    derived = issubclass(kind, (msgspec.Struct, BaseException)) or getattr(kind, "_is_protocol", False)
    if "__init__" in vars(kind) and not derived:
        yield from (f"`{name}{signature(vars(kind)['__init__'])}`", "")
    if getattr(kind, "_is_protocol", False):
        yield from (f"- `{key}: {hint(made)}`" for key, made in kind.__annotations__.items())
    for key, member in members:
        function = member.fget if isinstance(member, property) else member
        shown = key if isinstance(member, property) else key + signature(member)
        text = " ".join(words(function.__doc__).split())
        yield f"- `{shown}`" + (f": {lowered(text)}" if text else "")
    yield ""


def attribute_doc(module: str, name: str) -> str:
    """The text below an assignment in a module."""
    source = inspect.getsource(importlib.import_module(module))
    found = re.search(rf'^{name} = .*\n"""(.+?)"""', source, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def signature(function: Any) -> str:
    text = str(inspect.signature(function)).replace("'", "")
    text = re.sub(r"\bself, |\bself\b", "", text)
    text = re.sub(r"<function .*? at 0x[0-9a-f]+>", "...", text)
    return text.removesuffix(" -> None")


def hint(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("typing.", "")


def default_of(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return f"`{field.default!r}`"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{field.default_factory()!r}`"
    return "required"


# Words


def words(text: str | None) -> str:
    """A docstring as Markdown: paragraphs, code marked by single backquotes, examples fenced."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text or "").split("\n\n"):
        if paragraph.startswith("    "):
            paragraphs.append(f"```python\n{textwrap.dedent(paragraph)}\n```")
        else:
            # A line that begins with a name in code begins an item of a list.
            items = re.split(r"\n(?=``[^`]+``(?:, ``[^`]+``)*:)", paragraph)
            items = [" ".join(item.split()).replace("``", "`") for item in items]
            listed = len(items) > 1 and items[0].startswith("`")
            paragraphs.append("\n".join(f"- {item}" for item in items) if listed else "\n\n".join(items))
    return "\n\n".join(paragraphs)


def lowered(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    rows = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    if not rows:
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
