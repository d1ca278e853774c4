"""The process in which a plugin's ``collect`` runs: ``python -m labctl.collecting OUT HOST``.

It may import numpy; if it hangs or crashes, it costs the report and not the run. The request comes
as JSON on standard input, the sections go as JSON to the file OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from labctl.errors import LabError
from labctl.executors.processes import die_with
from labctl.model.results import JobResult, Results, Section
from labctl.plugins.listing import open_catalogue
from labctl.plugins.loaded import load_project, point_from_record


class CollectRequest(msgspec.Struct):
    """Everything ``collect`` sees. Points are by label; results have the plugin's own job ids."""

    run: str
    plugin: str
    folder: str
    home: str
    seed: int
    points: dict[str, dict[str, Any]]
    results: dict[str, list[JobResult]]


class Collected(msgspec.Struct):
    """The sections of one point, or why there are none."""

    sections: tuple[Section, ...] = ()
    error: str = ""


def collect(request: CollectRequest) -> dict[str, Collected]:
    """Ask the plugin at each point of the grid."""
    loaded = load_project(open_catalogue(request.folder), request.plugin, request.home)
    found: dict[str, Collected] = {}
    for label, record in request.points.items():
        point = point_from_record(loaded, label, record)
        ctx = loaded.context(point, request.seed, request.folder)
        results = Results({result.id: result for result in request.results[label]})
        try:
            found[label] = Collected(loaded.project.collect(ctx, results))
        except LabError as error:
            found[label] = Collected(error="; ".join([error.message, *error.details[:2]]))
    return found


def main() -> None:
    die_with(int(sys.argv[2]))  # a host that is killed leaves nobody behind
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=CollectRequest)
    content = msgspec.json.encode(collect(request))
    Path(sys.argv[1]).write_bytes(content)


if __name__ == "__main__":
    main()
