"""``labctl``: a fast path for the two questions that need nothing but text, then click."""

from __future__ import annotations

import gc
import os
import sys

from labctl.leaving import leave, watch_the_end

FAST = {"--json", "--strict"}
YOUNG = 50_000
"""New objects between two looks for cycles: imports make many, and none of them is garbage."""


def main() -> None:
    watch_the_end()
    gc.set_threshold(YOUNG, 10, 10)
    open_streams()
    arguments = sys.argv[1:]
    if arguments[:2] == ["plugins", "list"] and FAST.issuperset(arguments[2:]):
        from labctl.errors import LabError
        from labctl.plugins.listing import show

        try:
            leave(show(arguments[2:]))
        except LabError as error:
            from labctl.cli.errors import report

            leave(report(error))
    from labctl.cli.main import run

    leave(run(arguments))


def open_streams() -> None:
    """Give closed standard streams somewhere to go: sockets that took their numbers would be overwritten."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: fd itself
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
