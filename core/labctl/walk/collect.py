"""Having the results collected, in a process of its own, and keeping what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from labctl.collecting import Collected, CollectRequest
from labctl.model.canonical import digest
from labctl.model.results import JobResult
from labctl.planning.closure import Closures
from labctl.planning.keys import result_digest
from labctl.store.database import transaction
from labctl.store.runs import Store
from labctl.store.shelf import Shelf
from labctl.walk.prepare import Prepared

TIMEOUT = 300.0  # seconds


def collect_sections(
    prepared: Prepared, results: dict[str, JobResult], store: Store, run: str, log: Path
) -> dict[str, Collected]:
    """Sections by point. The same results and the same code are not collected twice."""
    if "collect" not in prepared.loaded.project.hooks:
        return {}
    request = _request(prepared, results, store, run)
    key = _key(prepared, request)
    row = store.db.execute("SELECT sections FROM collected WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return msgspec.json.decode(row[0], type=dict[str, Collected])
    found = _in_a_process(request, log)
    if not any(collected.error for collected in found.values()):
        content = msgspec.json.encode(found).decode()
        with transaction(store.db):
            store.db.execute("INSERT OR REPLACE INTO collected VALUES (?, ?, ?)", (key, time.time(), content))
    return found


def _request(prepared: Prepared, results: dict[str, JobResult], store: Store, run: str) -> CollectRequest:
    shelf = Shelf(store, prepared.executor)
    by_point: dict[str, list[JobResult]] = {point.label: [] for point in prepared.resolved.points}
    for job in prepared.frozen.plan.jobs:
        result = results[job.id]
        paths = {a.name: str(shelf.take(a)) for a in result.artifacts}
        by_point[job.point].append(msgspec.structs.replace(result, id=job.local_id, paths=paths))
    return CollectRequest(
        run=run,
        plugin=prepared.request.plugin,
        folder=prepared.folder,
        home=str(store.home),
        seed=prepared.seed,
        points={point.label: point.record for point in prepared.resolved.points},
        results=by_point,
    )


def _key(prepared: Prepared, request: CollectRequest) -> str:
    catalogue = prepared.catalogue
    modules = [prepared.loaded.row.entry.value.partition(":")[0]]
    modules += [e.row.entry.value.partition(":")[0] for e in prepared.loaded.extensions.every()]
    closures = Closures([row.entry for row in catalogue.rows], catalogue.distributions)
    results = {
        label: [
            [r.state in ("succeeded", "cached", "reused"), str(r.error or ""), *result_digest(r)] for r in rs
        ]
        for label, rs in request.results.items()
    }
    code = closures.of(modules)
    return digest([code.files, code.packages, request.points, request.seed, results])


def _in_a_process(request: CollectRequest, log: Path) -> dict[str, Collected]:
    labels = list(request.points)
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    variables["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    work = Path(request.home) / "work" / request.run  # swept with the run's other work
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder, open(log, "ab") as output:
        out = Path(folder) / "sections.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "labctl.collecting", str(out), str(os.getpid())],
            stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=request.folder,
            env=variables, start_new_session=True,
        )  # fmt: skip
        try:
            process.communicate(msgspec.json.encode(request), timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return _all(labels, f"collect was still running after {TIMEOUT:g} s; it was ended")
        finally:
            _end(process)
        if process.returncode != 0 or not out.exists():
            return _all(labels, f"collect ended with exit code {process.returncode}; see {log.name}")
        return msgspec.json.decode(out.read_bytes(), type=dict[str, Collected])


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _all(labels: list[str], error: str) -> dict[str, Collected]:
    return {label: Collected(error=error) for label in labels}
