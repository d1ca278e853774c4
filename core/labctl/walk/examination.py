"""What is installed here, missing or old, and the command that helps. Imports no plugin, asks no network."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from labctl.config import Configuration, load_configuration
from labctl.errors import LabError
from labctl.executors import machine
from labctl.observing import find
from labctl.parameters.types import Given
from labctl.plugins.catalogue import Catalogue, Row
from labctl.plugins.listing import open_catalogue
from labctl.plugins.scan import Distribution, metadata, normalised
from labctl.plugins.versions import satisfies, split_requirement
from labctl.store.database import FILE, is_remote, open_for_reading
from labctl.walk.observers import named_observers
from labctl.walk.prepare import limited
from labctl.walk.request import Request

BAD = ("broken", "conflict", "incompatible")
LITTLE = 1 << 30  # bytes of free disk below which that is said


class Finding(NamedTuple):
    """``status``: ok, missing (nothing that works needs it), old, or broken."""

    status: str
    name: str
    text: str
    hint: str = ""


def catalogue_of(folder: str) -> Catalogue:
    """The catalogue, also where the configuration cannot be read: then nothing is blocked."""
    try:
        return open_catalogue(folder)
    except LabError:
        return open_catalogue(folder, {})


def examine(catalogue: Catalogue, home: str, folder: str) -> Iterator[Finding]:
    """Look at the home, the configuration, the plugins and the machine."""
    yield from _home(home)
    yield from _configuration(catalogue, folder)
    yield from _plugins(catalogue)
    yield from _extras(catalogue)
    yield from _machine(catalogue.distributions)


def _home(home: str) -> Iterator[Finding]:
    shown = os.path.relpath(home)
    if not os.path.isdir(home):
        yield Finding("missing", "home", f"{shown} is made by the first run")
        return
    try:
        db = open_for_reading(home)
        sound = db is None or db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        runs = db.execute("SELECT count(*) FROM run").fetchone()[0] if db else 0
        cut = [r[0] for r in db.execute("SELECT name FROM run WHERE state = 'interrupted'")] if db else []
    except (LabError, sqlite3.Error) as error:
        yield Finding("broken", "home", f"{shown}/{FILE}: {error}", "labctl db rebuild")
        return
    if not sound:
        yield Finding("broken", "home", f"{shown}/{FILE} is damaged", "labctl db rebuild")
    else:
        number = f"{runs} run{'' if runs == 1 else 's'}"
        yield Finding("ok", "home", f"{shown}, {number}, {_size(home) / 1e6:,.0f} MB, index sound")
    if not os.access(home, os.W_OK):
        yield Finding("broken", "home", f"{shown} cannot be written", f"chmod u+w {shown}")
    if is_remote(home):
        yield Finding("old", "home", f"{shown} lies on a network file system: slower, and fewer guarantees")
    if cut:
        names = ", ".join(cut[:3]) + (f" and {len(cut) - 3} more" if len(cut) > 3 else "")
        yield Finding("old", "runs", f"interrupted: {names}", f"labctl resume {cut[-1]}")
    free = shutil.disk_usage(home).free
    if free < LITTLE:
        yield Finding("old", "disk", f"{free / 1e6:,.0f} MB are free where the home lies", "labctl db gc")


def _configuration(catalogue: Catalogue, folder: str) -> Iterator[Finding]:
    """What every run would be refused for, table by table."""
    try:
        read = load_configuration(folder)
    except LabError as error:
        yield _wrong(error)
        return
    looks: list[Callable[[], object]] = [read.blocked, partial(limited, Request("", Given()), read)]
    looks += [partial(read.table, "parameters", project) for project in _tables(read)]
    sound = True
    for look in looks:
        try:
            look()
        except LabError as error:
            sound = False
            yield _wrong(error)
    try:
        wanted = named_observers(read)
    except LabError as error:
        yield _wrong(error)
        return
    for name in wanted:
        try:
            find(name, catalogue)
        except LabError as error:
            sound = False
            yield Finding("broken", "observers", f"{name}: {error.message}", *error.hints[:1])
    if sound and read.layers:
        yield Finding("ok", "config", ", ".join(layer.path for layer in read.layers))


def _tables(configuration: Configuration) -> list[str]:
    """The projects of ``[parameters]``; where it is no table itself, a name that shows it."""
    try:
        return list(configuration.table("parameters")) or [""]
    except LabError:
        return [""]


def _wrong(error: LabError) -> Finding:
    return Finding("broken", "config", "; ".join([error.message, *error.details[:1]]), *error.hints[:1])


def _size(home: str) -> int:
    total = 0
    for folder, _, files in os.walk(home):
        for name in files:
            try:
                status = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            total += status.st_size // max(1, status.st_nlink)  # a second name takes no second room
    return total


def _plugins(catalogue: Catalogue) -> Iterator[Finding]:
    projects = catalogue.projects()
    extensions = [row for row in catalogue.rows if row.kind]
    blocked = sum(row.status == "blocked" for row in catalogue.rows)
    also = f"; {blocked} blocked" if blocked else ""
    words = f"{_count(len(projects), 'project')}, {_count(len(extensions), 'extension')}{also}"
    if projects:
        yield Finding("ok", "plugins", words)
    else:
        yield Finding("missing", "plugins", words, "pip install labctl-cgt")
    for row in catalogue.rows:
        if row.status in BAD:
            yield Finding("broken", row.name, row.reason, row.hint)


def _extras(catalogue: Catalogue) -> Iterator[Finding]:
    """Packages that an extra of a project's distribution would bring, and that are not here or too old."""
    rows: dict[str, Row] = {row.distribution: row for row in catalogue.rows if row.status in ("ok", "new")}
    for name, row in rows.items():
        lacking: dict[str, list[str]] = {}
        old: list[tuple[str, str]] = []
        for key, value in metadata(row.entry.distribution):
            if key != "requires-dist":
                continue
            package, bounds, marker = split_requirement(value)
            found = catalogue.distributions.get(normalised(package))
            extra = _extra(marker)
            if found is None and extra:
                lacking.setdefault(extra, []).append(package)
            elif found is not None and not satisfies(found.version, bounds):
                what = f"{package} is {found.version}; {name} wants {bounds}"
                old.append((what, f'pip install "{package}{bounds}"'))
        for extra, packages in lacking.items():
            text = f"{', '.join(sorted(set(packages)))}: only what {name}[{extra}] is for needs it"
            yield Finding("missing", row.name, text, f'pip install "{name}[{extra}]"')
        for text, hint in old:
            yield Finding("old", row.name, text, hint)


def _extra(marker: str) -> str:
    """The extra that a marker such as ``extra == 'train'`` asks for; empty if none."""
    parts = marker.replace("'", '"').split('"')
    return parts[1] if "extra" in marker and len(parts) > 1 else ""


def _machine(known: Mapping[str, Distribution]) -> Iterator[Finding]:
    torch = known.get("torch")
    if torch is not None:
        yield Finding("ok", "torch", torch.version)
    gpus = machine.gpu_indices()
    if gpus:
        yield Finding("ok", "gpu", f"{_count(len(gpus), 'device')}: {', '.join(gpus)}")
    else:
        yield Finding("missing", "gpu", "no CUDA device; only jobs that ask for one need it")


def facts(version: str) -> str:
    """``labctl 0.4.0, Python 3.12.8, Linux x86_64, 2 cores, 7.6 GiB``."""
    memory = f"{machine.memory_mib() / 1024:.1f} GiB"
    system = f"{platform.system()} {platform.machine()}"
    return (
        f"labctl {version}, Python {platform.python_version()}, {system},"
        f" {_count(machine.cores(), 'core')}, {memory}"
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
