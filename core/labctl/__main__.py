"""``labctl``: a fast path for the two questions that need nothing but text, then click."""

from __future__ import annotations

import sys

FAST = {"--json", "--strict"}


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:2] == ["plugins", "list"] and FAST.issuperset(arguments[2:]):
        from labctl.errors import LabError
        from labctl.plugins.listing import show

        try:
            sys.exit(show(arguments[2:]))
        except LabError as error:
            from labctl.cli.errors import report

            sys.exit(report(error))
    from labctl.cli.main import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
