"""``labctl plugins new``: the files of a distribution that passes its own tests at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from labctl.errors import PluginError, UsageError
from labctl.kit.rules import RULES
from labctl.kit.template import NewFile, files_of
from labctl.model.jobcontext import bad_name
from labctl.plugins.catalogue import OWN, Catalogue, name_problem
from labctl.plugins.load import find_project_row, load_entry
from labctl.plugins.scan import PROJECTS, module_file
from labctl.plugins.versions import release

KIND = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)  # one part of a group: no dot, no slash
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
LONGEST = 60
PAGES = Path(__file__).parent / "templates"


class New(NamedTuple):
    """A distribution that is not written yet. ``command``: what runs it once it is installed."""

    folder: Path
    files: tuple[NewFile, ...]
    command: str


def new_project(name: str, folder: Path | None, catalogue: Catalogue) -> New:
    """A project of its own. Raises UsageError for a name or a folder that cannot be."""
    _check_name(name, PROJECTS)
    taken = catalogue.named(name)
    if taken:
        raise UsageError(
            f"the name {name} is taken: {taken[0].distribution} registers it",
            hints=["labctl plugins list shows the names that are taken"],
        )
    distribution = f"{OWN}-{name}"
    words = _words(name, distribution, OWN, catalogue)
    return New(_free(folder, distribution), _files(words, ["common.md", "project.md"]), f"labctl run {name}")


def new_extension(name: str, extends: str, folder: Path | None, catalogue: Catalogue, home: str) -> New:
    """An extension ``PARENT:KIND``, from the parent's own template if it brings one.

    Raises UsageError, PluginError. The parent's light module is imported.
    """
    parent, colon, kind = extends.partition(":")
    if not (parent and colon and kind):
        raise UsageError(f"--extends {extends}: write it as PLUGIN:KIND", hints=["--extends cgt:operators"])
    if not KIND.fullmatch(kind) or len(kind) > LONGEST:
        raise UsageError(
            f"{kind!r:.80} is no kind: words of lower-case letters and digits, joined by _",
            hints=["--extends cgt:operators"],
        )
    row = find_project_row(catalogue, parent)
    plugin = load_entry(row, catalogue, home)
    kinds = getattr(plugin, "extends", None)
    if isinstance(kinds, Mapping) and kind not in kinds:
        raise UsageError(
            f"{parent} is not extended by {kind}",
            details=["it is extended by: " + (", ".join(map(str, kinds)) or "nothing")],
        )
    group = f"{OWN}.{parent.replace('-', '_')}.{kind}"
    _check_name(name, group)
    taken = [other for other in catalogue.extensions(parent, kind) if other.name == name]
    if taken:
        raise UsageError(f"the name {name} is taken: {taken[0].distribution} registers it in {group}")
    distribution = f"{OWN}-{parent}-{name}"
    words = _words(name, distribution, row.distribution, catalogue)
    words |= {"parent": parent, "kind": kind, "group": group, "parent_distribution": row.distribution}
    pages = ["common.md", "extension.md"]
    files = _files(words, pages)
    if own := _template(plugin, kind, row.distribution):
        try:
            # Its page stands for ours as a whole; what every distribution has stays.
            files = _merged([(PAGES / pages[0]).read_text(encoding="utf-8"), own], words)
        except ValueError as error:
            raise PluginError(
                f"the template of {parent} for {kind} is not right", details=[str(error)]
            ) from None
    return New(_free(folder, distribution), files, f"labctl run {parent} --only {name}")


def write(new: New) -> None:
    """Write the files. Raises UsageError if the disk refuses."""
    try:
        for file in new.files:
            path = new.folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{new.folder} cannot be written", details=[str(error)]) from None


def _check_name(name: str, group: str) -> None:
    problem = name_problem(name, group)
    if not problem and (not NAME.fullmatch(name) or len(name) > LONGEST):
        problem = f"{name!r:.80} is no name: words of lower-case letters and digits, joined by -"
    if problem:
        raise UsageError(problem, hints=["labctl plugins new my-project"])


def _free(folder: Path | None, distribution: str) -> Path:
    found = folder or Path(distribution)
    if os.path.lexists(found) and (not found.is_dir() or any(found.iterdir())):
        raise UsageError(
            f"{found} is not empty", details=["nothing was written"], hints=["another folder: --folder DIR"]
        )
    return found


def _words(name: str, distribution: str, host: str, catalogue: Catalogue) -> dict[str, str]:
    """What templates may name."""
    return {
        "name": name,
        "distribution": distribution,
        "package": distribution.replace("-", "_"),
        "class": "".join(part.capitalize() for part in name.split("-")),
        "requires": host + _bounds(catalogue.distributions[host].version),
        "rules": str(len(RULES)),
        "year": str(time.localtime().tm_year),
    }


def _bounds(version: str) -> str:
    """From this version on, up to the next that may break: 1.4.2 is ``>=1.4,<2``."""
    numbers = (*release(version), 0, 0)
    return f">={numbers[0]}.{numbers[1]},<{numbers[0] + 1}"


def _template(plugin: Any, kind: str, distribution: str) -> str:
    """The parent's page for a kind: ``templates = {"operators": "package:templates/operators.md"}``."""
    templates = getattr(plugin, "templates", None) or {}
    value = templates.get(kind, "") if isinstance(templates, Mapping) else ""
    if not value:
        return ""
    package, _, path = str(value).partition(":")
    file = module_file(package)
    if file is None or bad_name(path):
        raise PluginError(f"{distribution} names the template {value!r:.80}, which is not package:path")
    try:
        return (Path(file).parent / path).read_text(encoding="utf-8")
    except OSError as error:
        raise PluginError(
            f"{distribution} names a template that cannot be read", details=[str(error)]
        ) from None


def _files(words: Mapping[str, str], pages: list[str]) -> tuple[NewFile, ...]:
    return _merged([(PAGES / page).read_text(encoding="utf-8") for page in pages], words)


def _merged(pages: list[str], words: Mapping[str, str]) -> tuple[NewFile, ...]:
    """The files of all pages; of two that have one name, the last. Raises ValueError."""
    found: dict[str, NewFile] = {}
    for page in reversed(pages):
        found = {**found, **{n: f for n, f in files_of(page, words).items() if n not in found}}
    wrong = next((problem for name in found if (problem := bad_name(name))), "")
    if wrong:
        raise ValueError(wrong.replace("job's folder", "new folder"))
    return tuple(found.values())
