"""``--detach``: a run whose host is a process of its own, without a terminal.

The command starts itself again, in a session of its own; the new process says over a pipe what the
run is called once it is on record, and what it says otherwise goes to the run's console log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

import msgspec

from labctl.store.home import find_home, find_project, make_home
from labctl.terminal import Style, write

PIPE = "LABCTL_DETACHED"
CONSOLE = "LABCTL_CONSOLE"


def detached() -> bool:
    """Whether this process is the host of a run that was detached."""
    return PIPE in os.environ


def detach(*, as_json: bool = False) -> int:
    """Start this command again without a terminal; 0 once its run is on record, else its exit code."""
    home = find_home(find_project())
    make_home(home)
    read, write_end = os.pipe()
    with tempfile.NamedTemporaryFile("w+", dir=home, prefix=".console-", delete=False) as console:
        process = subprocess.Popen(
            [sys.executable, "-m", "labctl", *sys.argv[1:]],
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            pass_fds=[write_end], env={**os.environ, PIPE: str(write_end), CONSOLE: console.name},
        )  # fmt: skip
        os.close(write_end)
        with open(read, encoding="utf-8") as pipe:
            name = pipe.readline().strip()  # not to its end: the workers of the run hold it, too
        if not name:
            code = process.wait()
            console.seek(0)
            write(console.read(), err=True, end="")
            os.unlink(console.name)
            return code
    err = Style(sys.stderr)
    process.returncode = 0  # it is nobody's child from now on
    write(f"{err.bold(name)}  goes on without this terminal", err=True)
    write(f"Next:   labctl runs watch {name}", err=True)
    if as_json:
        event = {"event": "detached", "time": time.time(), "run": name}
        write(msgspec.json.encode(event).decode())
    else:
        write(name)
    return 0


def announce(name: str) -> None:
    """Tell the command that detached us what the run is called; a closed terminal no longer ends it."""
    if not detached():
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    console = os.environ.pop(CONSOLE)
    folder = os.path.join(find_home(find_project()), "runs", name)
    os.replace(console, os.path.join(folder, "console.log"))
    with open(int(os.environ.pop(PIPE)), "w", encoding="utf-8") as pipe:
        pipe.write(name + "\n")
    os.environ[PIPE] = ""
