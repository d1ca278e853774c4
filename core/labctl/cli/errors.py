"""How an error looks: what failed, indented why and where, an empty line, what to type."""

from __future__ import annotations

import sys

from labctl.errors import LabError
from labctl.terminal import Style, write


def report(error: LabError) -> int:
    """Print an error to standard error; the exit code."""
    style = Style(sys.stderr)
    write(f"{style.red('error:')} {error.message}", err=True)
    for line in error.details:
        write(f"  {line}", err=True)
    if error.hints:
        write("", err=True)
    for hint in error.hints:
        first, *rest = hint.splitlines() or [""]
        write(f"{style.cyan('hint:')} {first}", err=True)
        for line in rest:
            write(f"      {line}", err=True)
    return error.exit_code


def warn(text: str) -> None:
    write(f"{Style(sys.stderr).yellow('warning:')} {text}", err=True)
