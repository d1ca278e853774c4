"""A shell that a page's commands are typed into, one after another, with a terminal to write to."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import uuid
from pathlib import Path

TIMEOUT = 120.0  # seconds of one command
ROWS, COLUMNS = 50, 100
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Shell:
    """bash whose output and errors go to one terminal. ``cd`` and variables last, as for a reader."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._mark = uuid.uuid4().hex
        self._screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=terminal,
            stderr=terminal,
            cwd=folder,
            env={**variables, "NO_COLOR": "1", "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(terminal)

    def __call__(self, command: str) -> tuple[int, str]:
        """Exit code and output of one line. What was redrawn is there as often as it was drawn."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\necho {self._mark} $?\n".encode())
        self._process.stdin.flush()
        timer = threading.Timer(TIMEOUT, os.killpg, (self._process.pid, signal.SIGKILL))
        timer.start()
        output = b""
        try:
            while not (ended := re.search(rf"{self._mark} (\d+)\r\n".encode(), output)):
                if not (more := os.read(self._screen, 1 << 16)):
                    raise EOFError
                output += more
        except (OSError, EOFError):  # nobody has the terminal open any more
            raise AssertionError(f"the shell ended in: {command}\n{output.decode()}") from None
        finally:
            timer.cancel()
        return int(ended[1]), CONTROL.sub("", output[: ended.start()].decode())

    @property
    def folder(self) -> Path:
        return Path(self("pwd")[1].strip())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        os.close(self._screen)
