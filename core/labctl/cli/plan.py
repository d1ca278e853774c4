"""``labctl run PROJECT --plan``: what would run, on what, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from labctl.cli.tables import count, money, span, table
from labctl.planning.forecast import makespan
from labctl.planning.freeze import plan_record
from labctl.planning.plan import PlannedJob
from labctl.terminal import plain, write
from labctl.walk.prepare import Prepared

FOLD = 4  # jobs whose ids differ in the last number only, from which on they share a row


def show_plan(prepared: Prepared, cached: Mapping[str, str], *, as_json: bool) -> None:
    """Print the plan to standard output. Nothing was started."""
    if as_json:
        record = plan_record(prepared.frozen)
        record |= {"cached": dict(cached), "price": prepared.price._asdict(), "seed": prepared.seed}
        record["left_out"] = dict(prepared.loaded.extensions.left_out())
        write(msgspec.json.encode(record).decode())
        return
    row = prepared.loaded.row
    slots = prepared.request.jobs or prepared.executor.slots
    where = "on this machine" if prepared.executor.store == "local" else f"on {prepared.executor.name}"
    write(
        f"Plan of {row.name} {row.version} {where}, {count(slots, 'job')} at a time. Nothing was started.\n"
    )
    jobs = prepared.frozen.plan.jobs
    rows = [
        [job.id, _needs(job), job.environment.name, _expected(prepared, job), _state(prepared, cached, job)]
        for job in jobs
    ]
    table(["JOB", "NEEDS", "ENVIRONMENT", "EXPECTED", "STATE"], rows, right=[3])
    write("")
    _environments(prepared)
    _last_lines(prepared, cached)


def _environments(prepared: Prepared) -> None:
    rows = [
        [
            e.name,
            e.python or "any",
            f"{e.cpu:g}",
            f"{e.memory_mib} MiB",
            e.gpu or "none",
            span(e.timeout),
            str(e.retries + 1),
        ]
        for e in prepared.frozen.plan.environments()
    ]
    table(["ENVIRONMENT", "PYTHON", "CPU", "MEMORY", "GPU", "TIMEOUT", "TRIES"], rows, right=[2, 3, 5, 6])
    write("")


def _last_lines(prepared: Prepared, cached: Mapping[str, str]) -> None:
    claims = prepared.frozen.registrations
    if claims:
        digest = prepared.frozen.registration[:8]
        write(f"Claims     {len(claims)}, to be registered before the first job (sha256 {digest})")
    for name, reason in prepared.loaded.extensions.left_out():
        write(f"Left out   extension {name}: {plain(reason)}")
    todo = [job for job in prepared.frozen.plan.jobs if job.id not in cached and job.id not in prepared.loans]
    if todo and all(job.id in prepared.seconds for job in todo):
        slots = prepared.request.jobs or prepared.executor.slots
        write(f"Time       about {span(makespan(todo, prepared.seconds, slots))}")
    counts: dict[str, int] = {}
    for job in todo:
        for what, number in job.counts.items():
            counts[what] = counts.get(what, 0) + number
    if counts:
        words = ", ".join(f"{number:,} {plain(what)}" for what, number in counts.items())
        write(f"Work       {words}")
    price = prepared.price
    if price.worst == 0:
        write("Price      $0.00, this machine")
    else:
        _priced(prepared)
    write(f"\nTo run it: {prepared.request.command.replace(' --plan', '')}")


def _priced(prepared: Prepared) -> None:
    price = prepared.price
    write(f"Price      expected  {money(price.expected)}   jobs x usual seconds x rate")
    lead = f"at most   {money(price.worst)}"
    for name, number, timeout, tries, rate, _ in price.lines:
        write(f"           {lead}   {number} x {timeout:g} s x {tries} tries x ${rate:g}/h   {name}")
        lead = " " * (len(lead) - 1) + "+"
    for source, date in {(r.source, r.date) for r in price.rates if r.total}:
        write(f"           Prices of {date or 'unknown date'}, {source}")


def _expected(prepared: Prepared, job: PlannedJob) -> str:
    found = prepared.seconds.get(job.id)
    return span(found) if found is not None else "-"


def _state(prepared: Prepared, cached: Mapping[str, str], job: PlannedJob) -> str:
    if job.id in prepared.loans:
        return f"reused, {prepared.loans[job.id].run}"
    return f"cached, {cached[job.id]}" if job.id in cached else "to run"


def _needs(job: PlannedJob) -> str:
    ids = [i for needs in job.needs.values() for i in needs]
    if len(ids) < FOLD:
        return ", ".join(ids) or "-"
    families = dict.fromkeys(i.rpartition("/")[0] or i for i in ids)
    if len(families) < FOLD:
        return ", ".join(f"{family}/*" for family in families)
    return count(len(ids), "job")
