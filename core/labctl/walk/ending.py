"""The end of a run: collect, judge, write the record and draw the report."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from labctl.errors import LabError
from labctl.model.results import Evidence, JobResult, Section, Verdict
from labctl.planning.plan import PlannedPrediction, at_point
from labctl.plugins.load import describe, save_traceback
from labctl.report.html_page import to_html
from labctl.report.view import ReportView, to_json
from labctl.scheduler.listener import Listener
from labctl.scheduler.scheduler import Scheduler
from labctl.scheduler.state import EXIT_CODES, run_state
from labctl.store.folder import RunFolder, write_json, write_whole
from labctl.store.known import text
from labctl.store.objects import Objects
from labctl.store.queries import attempts_of, find_run, jobs_of
from labctl.store.runs import Store
from labctl.verdicts import counts, judge
from labctl.walk.collect import collect_sections
from labctl.walk.prepare import Prepared
from labctl.walk.record import Ending, make_record, make_view


class Watcher(Listener, Protocol):
    """A listener that is also told of the run as a whole."""

    def began(self, run: str, prepared: Prepared, cached: dict[str, str]) -> None: ...
    def warned(self, text: str) -> None: ...


class Finished(NamedTuple):
    """How a run ended."""

    run: str
    state: str
    exit_code: int
    verdicts: tuple[Verdict, ...]
    headline: str
    report: Path
    seconds: float
    usd: float
    counts: dict[str, int]


def finish(
    prepared: Prepared,
    store: Store,
    watcher: Watcher,
    scheduler: Scheduler,
    run: int,
    name: str,
    first_seen: dict[str, float],
) -> Finished:
    """Bring a driven run to its end. What was found is on record before anything is drawn."""
    folder = store.folder(name)
    results = {i: t.as_result() for i, t in scheduler.tracked.items()}
    desk = scheduler.desk
    states = [result.state for result in results.values()]
    state = run_state(states, bool(desk.stopped_by), desk.cancelled)
    stopped = state in ("interrupted", "cancelled")
    code = 128 + desk.stopped_by if desk.stopped_by and stopped else EXIT_CODES[state]
    for problem in _show_artifacts(results, store, name):
        watcher.warned(problem)
    sections: tuple[tuple[str, Section], ...] = ()
    notes: tuple[str, ...] = ()
    if not stopped:
        try:
            sections, notes = _sections(prepared, store, watcher, results, name)
        except (KeyboardInterrupt, FileNotFoundError) as stop:  # left for whoever resumes the run
            why = str(stop) or "interrupted; the jobs' results are kept"
            watcher.warned(f"the results were not collected: {why}")
            notes = (f"the results were not collected: {str(stop) or 'interrupted'}",)
            state, code = "interrupted", 5 if str(stop) else 128 + signal.SIGINT
    evidence = _evidence(prepared, sections, watcher)
    verdicts = _verdicts(prepared, store, run, results, evidence, first_seen)
    notes += borrowed_words(prepared)
    flat = tuple(section for _, section in sections)
    headline = flat[0].headline if flat else _headline(state, verdicts)
    done = sum(result.ok for result in results.values())
    outcomes = [[v.prediction.id, v.outcome] for v in verdicts]
    row = find_run(store.db, name)._replace(
        state=state, ended=store.clock(), jobs_done=done, headline=headline, verdicts=outcomes,
        spent_usd=desk.purse.spent,
    )  # fmt: skip
    ending = Ending(
        prepared, row, state, code, flat, verdicts, notes, first_seen,
        jobs=jobs_of(store.db, run), attempts=attempts_of(store.db, run), stop_at=desk.purse.stop_at,
    )  # fmt: skip
    view = make_view(ending, store)
    write_json(folder.record, make_record(ending, view))
    with suppress(OSError):
        folder.report.unlink()  # an older page: it is drawn anew, by us or by whoever asks for it
    write_whole(folder.report_data, to_json(view))
    store.finish(
        run, state, jobs_done=done, headline=headline, verdicts=text(outcomes), spent_usd=row.spent_usd
    )
    draw(view, folder, store, watcher)
    seconds = (row.ended or 0.0) - (row.started or row.created)
    return Finished(
        name, state, code, verdicts, headline, folder.report, seconds, row.spent_usd, view.job_counts()
    )


def borrowed_words(prepared: Prepared) -> tuple[str, ...]:
    """Which results came from other runs, and where those were made otherwise than this one asks."""
    runs: dict[str, list[str]] = {}
    for job_id, loan in prepared.loans.items():
        if loan.result.ok:
            runs.setdefault(loan.run, []).append(job_id)
    said = []
    for run, ids in runs.items():
        more = f" and {len(ids) - 6} more" if len(ids) > 6 else ""
        said.append(f"taken from {run}: {', '.join(ids[:6])}{more}")
    return (*said, *dict.fromkeys(loan.differs for loan in prepared.loans.values() if loan.differs))


def draw(view: ReportView, folder: RunFolder, store: Store, watcher: Watcher) -> None:
    """Write ``report.html``. A fault in drawing costs the page and not the run."""
    try:
        write_whole(folder.report, to_html(view).encode("utf-8", "replace"))
    except Exception as error:
        saved = save_traceback(str(store.home), "report", error)
        watcher.warned(f"the report could not be drawn: {describe(error)}; see {saved}")


def _show_artifacts(results: dict[str, JobResult], store: Store, name: str) -> Iterator[str]:
    """Give the run's folder names for what lies in the store. Yields what could not be shown there."""
    objects = Objects(store.home / "objects")
    folder = store.folder(name)
    for result in results.values():
        for artifact in result.artifacts:
            if objects.has(artifact):
                try:
                    objects.link(artifact, folder.artifacts(result.id) / artifact.name)
                except OSError as error:  # it is a view: the artifact itself is in the store
                    yield f"{result.id}/{artifact.name} could not be shown in the run's folder: {error}"


def _sections(
    prepared: Prepared, store: Store, watcher: Watcher, results: dict[str, JobResult], name: str
) -> tuple[tuple[tuple[str, Section], ...], tuple[str, ...]]:
    """The sections with their points, in order, and what went wrong."""
    log = store.folder(name).notices
    try:
        found = collect_sections(prepared, results, store, name, log)
    except LabError as error:
        watcher.warned(f"the results were not collected: {error.message}")
        return (), (error.message,)
    sections: list[tuple[str, Section]] = []
    notes: list[str] = []
    for label, collected in found.items():
        if collected.error:
            notes.append(f"{label + ': ' if label else ''}{collected.error}")
            watcher.warned(f"the results were not collected: {notes[-1]}")
        for section in collected.sections:
            titled = _at_its_point(section, label)
            sections.append((label, titled))
    sections.sort(key=lambda pair: pair[1].rank)
    return tuple(sections), tuple(notes)


def _at_its_point(section: Section, label: str) -> Section:
    """In a sweep a section says of which point it speaks."""
    if not label:
        return section
    headline = f"{label}: {section.headline}" if section.headline else ""
    return msgspec.structs.replace(section, title=at_point(section.title, label), headline=headline)


def _verdicts(
    prepared: Prepared,
    store: Store,
    run: int,
    results: dict[str, JobResult],
    evidence: dict[str, Evidence],
    first_seen: dict[str, float],
) -> tuple[Verdict, ...]:
    claims = prepared.frozen.plan.predictions
    made = dict(store.db.execute("SELECT id, made FROM job WHERE run = ? AND made IS NOT NULL", (run,)))
    made |= {job_id: loan.made for job_id, loan in prepared.loans.items() if loan.result.ok}
    registered = {c.id: first_seen[prepared.frozen.registrations[c.id]] for c in claims}
    return judge(
        [msgspec.structs.replace(c.prediction, id=c.id) for c in claims],
        evidence,
        post_hoc={
            c.id: any(made.get(j, registered[c.id]) < registered[c.id] for j in _basis(prepared, c.jobs))
            for c in claims
        },
        missing={c.id: _why_missing(c, results) for c in claims},
        families=prepared.families,
    )


def _basis(prepared: Prepared, jobs: Iterable[str]) -> set[str]:
    """Jobs with all that they rest on: a judge that is run again does not make its data younger."""
    needs = {job.id: [i for ids in job.needs.values() for i in ids] for job in prepared.frozen.plan.jobs}
    found: set[str] = set()
    todo = list(jobs)
    while todo:
        job = todo.pop()
        if job not in found:
            found.add(job)
            todo += needs.get(job, [])
    return found


def _evidence(
    prepared: Prepared, sections: tuple[tuple[str, Section], ...], watcher: Watcher
) -> dict[str, Evidence]:
    """Evidence by claim. What names no claim, or a claim that has some already, is said and left out."""
    claims = {claim.id for claim in prepared.frozen.plan.predictions}
    found: dict[str, Evidence] = {}
    for label, section in sections:
        for brought in section.evidence:
            name = at_point(brought.prediction, label)
            if name in found:
                watcher.warned(f"{section.title} brings evidence for {name} a second time: it is left out")
            elif name in claims:
                found[name] = msgspec.structs.replace(brought, prediction=name)
            elif not prepared.request.only:
                watcher.warned(f"{section.title} brings evidence for {name}, which is no registered claim")
    return found


def _why_missing(claim: PlannedPrediction, results: dict[str, JobResult]) -> str:
    for job in claim.jobs:
        result = results.get(job)
        if result is not None and not result.ok:
            return f"job {job} {result.state}"
    return "no evidence was brought for it"


SENTENCES = {
    "succeeded": "The run succeeded.",
    "partial": "The run succeeded in part.",
    "failed": "The run failed.",
    "over budget": "The run is over budget.",
    "interrupted": "The run was interrupted.",
    "cancelled": "The run was cancelled.",
}


def _headline(state: str, verdicts: tuple[Verdict, ...]) -> str:
    if not verdicts:
        return SENTENCES[state]
    return ", ".join(f"{number} {outcome}" for outcome, number in counts(verdicts).items())
