"""The process in which light modules are imported and watched.

``python -m labctl.kit.importing OUT VALUE...``: VALUE as in an entry point. Writes JSON lines to OUT, so
that it is known how far it came if the import ends the process. Until the imports are over only the
standard library is used: what is heavy is theirs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGING = frozenset(
    {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
)
STARTING = frozenset({"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"})
NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"})


class Refused(ConnectionRefusedError):
    """What a connection at import gets: a check asks nobody."""


class Watch:
    """Notes what modules do to the world while they are imported."""

    def __init__(self, tops: set[str]) -> None:
        self.acts: list[tuple[str, str]] = []
        self.on = False
        self._tops = tops
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        said = act(event, args)
        if said:
            self.acts.append((said, line_of(self._tops)))
            if event in NETWORK:
                raise Refused("labctl plugins check lets no import use the network")


def act(event: str, args: tuple[Any, ...]) -> str:
    """What an audit event does, in words; empty for what may be done."""
    if event in NETWORK:
        return f"uses the network ({event})"
    if event in STARTING:
        return f"starts a process ({event})"
    if event == "open":
        path, mode, flags = args
        writes = any(c in mode for c in "wax+") if isinstance(mode, str) else bool((flags or 0) & WRITING)
        return f"writes the file {name_of(path)}" if writes and is_file(path) else ""
    if event in CHANGING and args and is_file(args[0]):
        return f"changes a file or folder ({event} {name_of(args[0])})"
    return ""


def is_file(path: Any) -> bool:
    """Whether it is a file of the user: bytecode and devices are not."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    name = os.fsdecode(path)
    prefix = sys.pycache_prefix
    return not (name.startswith("/dev/") or "__pycache__" in name or (prefix and name.startswith(prefix)))


def name_of(path: Any) -> str:
    return os.path.basename(os.fsdecode(path)) or "/"


def line_of(tops: set[str]) -> str:
    """``package/module.py:3`` of the innermost frame that belongs to one of the packages."""
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in tops:
            return f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def short(file: str) -> str:
    return "/".join(file.replace(os.sep, "/").split("/")[-2:])


def main(out: str, values: list[str]) -> None:
    tops = {value.partition(":")[0].partition(".")[0] for value in values}
    watch = Watch(tops)
    objects: dict[str, Any] = {}
    with open(out, "a", encoding="utf-8") as file:

        def say(**line: Any) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()

        before = set(sys.modules)
        for value in values:
            say(begin=value)
            watch.on = True
            try:
                objects[value] = load(value)
            except BaseException as error:  # also sys.exit
                watch.on = False
                say(end=value, error=said_of(error, tops))
            else:
                watch.on = False
                say(end=value, error=None)
        brought = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
        threads = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
        say(modules=brought, acts=watch.acts, threads=threads)
        from labctl.kit.shapes import shape_findings

        for value, found in objects.items():
            say(shapes=[value, shape_findings(found)])
        file.flush()
        sys.stdout.flush()
        os._exit(0)  # threads that an import has left behind must not keep us


def load(value: str) -> Any:
    module, _, attribute = value.partition(":")
    found: Any = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def said_of(error: BaseException, tops: set[str]) -> dict[str, Any]:
    """The error as JSON: its words, the line of the plugin, and the module that is missing."""
    where, trace = "", error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in tops:
            where = f"{short(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = type(error).__name__
    return {"text": text, "where": where, "refused": isinstance(error, Refused)}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
