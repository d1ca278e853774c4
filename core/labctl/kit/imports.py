"""The rules about importing a plugin: watched once, and what it costs measured a few times."""

from __future__ import annotations

import ast
import os
import statistics
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from labctl.kit.children import Children, Ended, lines_of
from labctl.kit.rules import Finding, finding
from labctl.kit.target import Target
from labctl.plugins.scan import RESERVED, Entry, module_file, parent_and_kind
from labctl.terminal import plain

HEAVY = (
    "torch", "numpy", "transformers", "modal", "torch_geometric", "pandas", "scipy", "sklearn", "jax",
    "tensorflow", "matplotlib", "peft", "trl", "datasets",
)  # fmt: skip
BUDGET = 12.0  # bare interpreters of CPU time; labctl.api takes 5 of them
TIMES = 3
AGAIN = 2  # on a busy machine: the least of three medians counts


def import_findings(target: Target, children: Children, out: Path) -> Iterator[Finding]:
    """Breaches of C01 to C06."""
    ended = children.python("-m", "labctl.kit.importing", str(out), *dict.fromkeys(values(target.entries)))
    projects = values(target.projects)
    light = [e for e in target.entries if e in target.projects or parent_and_kind(e.group)[0] not in RESERVED]
    lines = list(lines_of(out))
    failed = yield from _ends(lines, ended)
    if ended.out:
        first = plain(ended.out.strip().splitlines()[0])[:60] if ended.out.strip() else ""
        yield finding("C03", "the import writes to standard output", details=(first,))
    for line in lines:
        if "acts" in line:
            yield from _acts(line)
            modules = sorted({value.partition(":")[0] for value in values(light)})
            if modules and not failed:
                yield from _weight(target, modules, line, children)
        if "shapes" in line:
            value, found = line["shapes"]
            if value in values(light):
                yield from (finding(**f) for f in found if value in projects or f["rule"] == "C06")


def values(entries: Iterable[Entry]) -> list[str]:
    """What the entry points name."""
    return [entry.value for entry in entries]


def _ends(lines: list[dict[str, Any]], ended: Ended) -> Generator[Finding, None, bool]:
    """Breaches of C01. Returns whether any import failed."""
    begun = [line["begin"] for line in lines if "begin" in line]
    ends = {line["end"]: line["error"] for line in lines if "end" in line}
    failed = False
    for value in begun:
        error = ends.get(value)
        module = value.partition(":")[0]
        if value not in ends:
            failed = True
            yield finding("C01", f"import of {module} {ended.words}")
        elif error:
            failed = True
            if not error["refused"]:  # that is for C03 to say
                yield finding(
                    "C01", f"import of {module}: {plain(error['text'])[:160]}", where=error["where"]
                )
    if not begun:
        failed = True
        last = (ended.err.strip().splitlines() or [""])[-1]
        yield finding("C01", "it could not be imported", details=(plain(last)[:160],))
    return failed


def _acts(line: dict[str, Any]) -> Iterator[Finding]:
    for said, where in dict.fromkeys(map(tuple, line["acts"][:8])):
        yield finding("C03", f"the import {plain(said)}", where=where)
    if line["threads"]:
        names = ", ".join(plain(name) for name in line["threads"][:4])
        yield finding("C03", "the import leaves threads behind", details=(names,))


def _weight(
    target: Target, modules: list[str], line: dict[str, Any], children: Children
) -> Iterator[Finding]:
    """Breaches of C02 by ``modules``, all that help, plan and price would import."""
    heavy = [name for name in HEAVY if name in line["modules"]]
    code = "import " + ", ".join(modules)
    bare, spent = _seconds(children, code)
    if spent / bare > BUDGET and not heavy:  # a busy machine is asked again
        bare, spent = min([(bare, spent), *(_seconds(children, code) for _ in range(AGAIN))], key=_ratio)
    cost = (
        f"help would load it: {spent * 1000:.0f} ms of CPU time, {spent / bare:.1f} times an empty"
        f" interpreter ({bare * 1000:.0f} ms)"
    )
    for name in heavy:
        yield finding(
            "C02", f"imports {name} at the top", where=_importer(target, modules, name), details=(cost,)
        )
    if spent / bare > BUDGET and not heavy:
        yield finding(
            "C02",
            f"the import costs more than {BUDGET:g} empty interpreters",
            details=(cost, f"median of {TIMES}; python -X importtime -c 'import {modules[0]}' shows what"),
        )


def _seconds(children: Children, code: str) -> tuple[float, float]:
    """CPU seconds of an empty interpreter and of one that runs ``code``: medians, measured in turns."""
    pairs = [(children.python("-c", "pass").cpu, children.python("-c", code).cpu) for _ in range(TIMES)]
    return statistics.median(bare for bare, _ in pairs), statistics.median(spent for _, spent in pairs)


def _ratio(pair: tuple[float, float]) -> float:
    return pair[1] / pair[0]


def _importer(target: Target, modules: list[str], wanted: str) -> str:
    """The line that imports a package, searched from the light modules on through their own imports."""
    todo, seen = list(modules), set(modules)
    tops = {module.partition(".")[0] for module in modules}
    while todo:
        module = todo.pop(0)
        file = module_file(module, target.search)
        if file is None or not file.endswith(".py"):
            continue
        package = module if os.path.basename(file) == "__init__.py" else module.rpartition(".")[0]
        for name, line in _top_imports(file, package):
            if name.partition(".")[0] == wanted:
                return f"{'/'.join(file.split(os.sep)[-2:])}:{line}"
            if name.partition(".")[0] in tops and name not in seen:
                seen.add(name)
                todo.append(name)
    return ""


def _top_imports(file: str, package: str) -> Iterator[tuple[str, int]]:
    """What a module imports when it is imported itself: names and lines."""
    with open(file, encoding="utf-8", errors="replace") as stream:
        todo: list[ast.stmt] = list(ast.parse(stream.read()).body)
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, node.module] if node.module else parents)
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            todo[:0] = [*node.body, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            todo[:0] = [inner for handler in getattr(node, "handlers", []) for inner in handler.body]
