"""Which source files a job's function can reach, by reading imports: the *code* part of its key.

Nothing is imported. Inside the closure are plugins' packages and modules of editable or local
projects; everything else counts by the version of its distribution, labctl itself by its contract.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from labctl.model.sha import sha256
from labctl.plugins.scan import Distribution, Entry, module_file, normalised, read

FRESH = 2.0  # seconds: a file younger than this may change again within its time stamp
SKIPPED = frozenset({"__pycache__", "tests", "test"})
SKIPPED_ENDS = (".pyc", ".pyo", ".md", ".rst", ".so", ".pyd", "~", ".swp")


class Source(NamedTuple):
    """A file's digest, the modules it imports (absolute names), and the names it defines."""

    sha256: str
    imports: tuple[str, ...]
    names: tuple[str, ...]


class SourceCache(Protocol):
    def get(self, path: str, mtime_ns: int, size: int) -> Source | None: ...
    def put(self, path: str, mtime_ns: int, size: int, source: Source) -> None: ...


class NoCache:
    def get(self, path: str, mtime_ns: int, size: int) -> Source | None:
        return None

    def put(self, path: str, mtime_ns: int, size: int, source: Source) -> None:
        pass


class Code(NamedTuple):
    """A closure: digests of files by module or data-file name, and versions of what lies outside."""

    files: dict[str, str]
    packages: dict[str, str]
    missing: tuple[str, ...]


class Closures:
    """Closures of functions on the path of this interpreter, with the files' digests remembered."""

    def __init__(
        self,
        entries: Iterable[Entry],
        distributions: Mapping[str, Distribution],
        cache: SourceCache | None = None,
        path: list[str] | None = None,
    ) -> None:
        self._path = [p or os.getcwd() for p in (path or sys.path)]
        self._distributions = distributions
        self._cache = cache or NoCache()
        self._plugins = {e.value.partition(":")[0].split(".")[0] for e in entries} - {"labctl"}
        self._outside = _outside_folders()
        self._files: dict[str, str | None] = {}
        self._sources: dict[str, Source] = {}
        self._closures: dict[tuple[str, ...], Code] = {}
        self._versions: dict[str, str] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._paths: dict[tuple[str, ...], list[str]] = {}

    def of(self, modules: Iterable[str]) -> Code:
        """The closure of modules; ``missing`` are those that cannot be found."""
        wanted = tuple(sorted(set(modules)))
        if wanted not in self._closures:
            self._closures[wanted] = self._walk(wanted)
        return self._closures[wanted]

    def defines(self, module: str, name: str) -> bool:
        """Whether a module defines a name, as far as reading tells; True where it does not tell."""
        file = self._find(module)
        if file is None or not file.endswith(".py"):
            return True
        names = self._source(module, file).names
        return name in names or "*" in names or "__getattr__" in names

    def exists(self, module: str) -> bool:
        return self._find(module) is not None or module.split(".")[0] in sys.builtin_module_names

    def changed(self, modules: Iterable[str]) -> str:
        """A file of the closure of ``modules`` that is no longer what was read; empty if there is none."""
        for path in self._paths.get(tuple(sorted(set(modules))), ()):
            try:
                status = os.stat(path)
            except OSError:
                return path
            if (status.st_mtime_ns, status.st_size) != self._stamps[path]:
                return path
        return ""

    def _walk(self, wanted: tuple[str, ...]) -> Code:
        files: dict[str, str] = {}
        packages: dict[str, str] = {}
        missing = [m for m in wanted if not self.exists(m)]
        paths: list[str] = []
        todo = list(wanted)
        seen: set[str] = set()
        while todo:
            module = todo.pop()
            if module in seen or not module:
                continue
            seen.add(module)
            top = module.split(".")[0]
            if not self._is_inside(top):
                version = self._version_of(top)
                if version:
                    packages[top] = version
                continue
            todo += [module.rpartition(".")[0]]  # Python runs every package on the way
            file = self._find(module)
            if file is None:
                continue
            source = self._source(module, file)
            paths.append(file)
            files[module] = source.sha256
            todo += source.imports
            if os.path.basename(file) == "__init__.py":
                folder = os.path.dirname(file)
                data = self._data_files(module, folder)
                files |= data
                paths += [os.path.join(folder, name.partition(":")[2]) for name in data]
        self._paths[wanted] = paths
        return Code(dict(sorted(files.items())), dict(sorted(packages.items())), tuple(missing))

    def _is_inside(self, top: str) -> bool:
        if top == "labctl" or top in sys.stdlib_module_names:
            return False
        if top in self._plugins:
            return True
        place = self._find(top) or self._namespace(top)
        return place is not None and not os.path.realpath(place).startswith(self._outside)

    def _version_of(self, top: str) -> str:
        """What stands for a package outside: its distribution's version, else its file's digest."""
        if top == "labctl" or top in sys.stdlib_module_names or top in sys.builtin_module_names:
            return ""
        if top not in self._versions:
            named = self._distributions.get(normalised(top))
            found = named or owner_of(top, self._distributions.values())
            file = self._find(top)
            if found is not None:
                self._versions[top] = found.version if named else f"{found.name} {found.version}"
            elif file is not None:
                self._versions[top] = self._source(top, file).sha256
            else:
                self._versions[top] = ""
        return self._versions[top]

    def _find(self, module: str) -> str | None:
        if module not in self._files:
            self._files[module] = module_file(module, self._path)
        return self._files[module]

    def _namespace(self, module: str) -> str | None:
        """The folder of a package without an ``__init__``, if there is one."""
        relative = module.replace(".", os.sep)
        folders = (os.path.join(folder, relative) for folder in self._path)
        return next((folder + os.sep for folder in folders if os.path.isdir(folder)), None)

    def _source(self, module: str, file: str) -> Source:
        if file not in self._sources:
            status = os.stat(file)
            self._stamps[file] = (status.st_mtime_ns, status.st_size)
            young = time.time() - status.st_mtime < FRESH
            found = None if young else self._cache.get(file, status.st_mtime_ns, status.st_size)
            if found is None:
                found = read_source(file, module, os.path.basename(file) == "__init__.py")
                self._cache.put(file, status.st_mtime_ns, status.st_size, found)
            self._sources[file] = found
        return self._sources[file]

    def _data_files(self, package: str, folder: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in _data_paths(folder):
            status = os.stat(path)
            self._stamps[path] = (status.st_mtime_ns, status.st_size)
            known = self._cache.get(path, status.st_mtime_ns, status.st_size)
            if known is None or time.time() - status.st_mtime < FRESH:
                import hashlib  # data may be long

                with open(path, "rb") as file:
                    known = Source(hashlib.file_digest(file, "sha256").hexdigest(), (), ())
                self._cache.put(path, status.st_mtime_ns, status.st_size, known)
            found[f"{package}:{os.path.relpath(path, folder)}"] = known.sha256
        return found


def read_source(file: str, module: str, is_package: bool) -> Source:
    """Digest and imports of a Python file. A file that does not parse has no imports."""
    with open(file, "rb") as stream:
        raw = stream.read()
    digested = sha256(raw).hexdigest()
    if not file.endswith(".py"):
        return Source(digested, (), ("*",))
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError):
        return Source(digested, (), ("*",))
    package = module if is_package else module.rpartition(".")[0]
    imports = sorted({name for node in ast.walk(tree) for name in _imported(node, package)})
    return Source(digested, tuple(imports), tuple(sorted(set(_defined(tree.body)))))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")
            parents = parents[: len(parents) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        yield base
        # "from package import name" may name a module: what is none is not found, and costs nothing.
        yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _defined(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for field in ("body", "orelse", "finalbody"):
                yield from _defined(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _defined(handler.body)


def owner_of(top: str, distributions: Iterable[Distribution]) -> Distribution | None:
    """The distribution that installed a top-level module of another name, by its list of files."""
    listed = list(distributions)
    for distribution in listed:
        if top in read(distribution, "top_level.txt").split():
            return distribution
    for distribution in listed:
        record = "\n" + read(distribution, "RECORD")
        if f"\n{top}/" in record or f"\n{top}.py," in record:
            return distribution
    return None


def _data_paths(folder: str) -> Iterator[str]:
    """All files below a package that are no code, also those of packages below it."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in SKIPPED or name.startswith(".") or name.endswith(SKIPPED_ENDS):
            continue
        if os.path.isdir(path):
            if not os.path.islink(path):
                yield from _data_paths(path)
        elif not name.endswith(".py") and os.path.isfile(path):
            yield path


def _outside_folders() -> tuple[str, ...]:
    # The module sysconfig says the same at the cost of reading all of the build's variables.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    roots = (os.path.join(sys.prefix, "lib"), os.path.join(sys.exec_prefix, sys.platlibdir))
    paths = {os.path.realpath(os.path.dirname(os.__file__))}
    paths |= {os.path.realpath(os.path.join(root, version)) for root in roots}
    paths |= {
        os.path.realpath(p) for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")
    }
    return tuple(path + os.sep for path in paths)
