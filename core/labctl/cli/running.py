"""What ``labctl run`` does once the command line is read: the walk, and what is said at its end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from labctl.cli.detach import announce, detach, detached
from labctl.cli.price import check_price
from labctl.cli.progress import make_watcher
from labctl.cli.tables import count, estimate, money, span
from labctl.errors import UsageError
from labctl.model.results import Verdict
from labctl.parameters.types import Given
from labctl.planning.overrides import seconds
from labctl.plugins.catalogue import Catalogue
from labctl.plugins.loaded import Loaded
from labctl.store.home import find_home, find_project
from labctl.store.queries import find_run
from labctl.store.runs import Store
from labctl.store.shelf import Shelf
from labctl.terminal import Style, is_terminal, plain, write
from labctl.walk.ending import Finished
from labctl.walk.prepare import Prepared, prepare
from labctl.walk.request import Request
from labctl.walk.run import drive

OVERRIDES = ("gpu", "cpu", "memory", "timeout", "retries")


def run_project(given: Given, values: dict[str, Any], catalogue: Catalogue, loaded: Loaded) -> int:
    """Prepare and drive a run of a project that is loaded; the exit code."""
    folder = find_project()
    home = find_home(folder)
    grace = _seconds("grace", values) or 0.0
    if values["seed"] is not None and not 0 <= values["seed"] < 2**63:
        raise UsageError(f"--seed: {values['seed']} is no seed (0 to 2^63 - 1)")
    if values.get("service") and (values["only"] or values["skip"]):
        raise UsageError("a service runs alone: --only and --skip say nothing to it")
    request = Request(
        plugin=loaded.row.name,
        given=given,
        on=values["on"],
        jobs=values["jobs"] or 0,
        only=values["only"],
        skip=values["skip"],
        source=values["source"],
        use_cache=not values["no_cache"],
        seed=values["seed"],
        like=values["like"],
        budget=values["budget"],
        stop_at=values["stop_at"],
        overrides={option: values[option] for option in OVERRIDES if values[option]},
        tags=tuple(map(_utf8, values["tag"])),
        note=_utf8(values["note"]),
        command=_utf8(shlex.join(["labctl", *sys.argv[1:]])),
        grace=grace,
        executor_options=values["executor_options"],
        service=values.get("service"),
        idle=_seconds("idle", values) or 0.0,
    )
    if values["plan"]:
        return _plan(request, catalogue, loaded, folder, home, as_json=values["json"])
    if values["detach"] and not detached():
        return detach(as_json=values["json"])
    store = Store(home)
    try:
        store.reconcile()
        prepared = prepare(request, catalogue, folder, home, store, loaded=loaded)
        check_price(prepared, yes=values["yes"])
        if request.service is not None:
            finished = _serve(prepared, store, as_json=values["json"])
        else:
            finished = drive(prepared, store, make_watcher(values["json"]), announce=announce)
    finally:
        store.close()
    step = f"labctl serve {request.plugin} {request.service} --from {finished.run}" if request.service else ""
    code = say_finished(finished, as_json=values["json"], step=step)
    if request.service is None:
        deploy_after(finished, prepared.loaded, values)
    return code


def deploy_after(finished: Finished, loaded: Loaded, values: Mapping[str, Any]) -> None:
    """The end of a run of a project that deploys. Others do not pay for its import."""
    if loaded.deploys:
        from labctl.cli.deploy import after_run

        after_run(finished, loaded, yes=values["yes"], no_deploy=values["no_deploy"], as_json=values["json"])


def _seconds(option: str, values: dict[str, Any]) -> float | None:
    try:
        return seconds(values[option]) if values.get(option) else None
    except ValueError as error:
        raise UsageError(f"--{option}: {error}") from None


def _serve(prepared: Prepared, store: Store, *, as_json: bool) -> Finished:
    """Drive a run whose one job is a service, from where an earlier one has stopped."""
    from labctl.cli.serve import ServiceWatcher
    from labctl.walk.serving import carry_over, new_token

    token, request = new_token(), prepared.request
    job = prepared.frozen.plan.jobs[0].id
    watcher = ServiceWatcher(str(store.home), request.plugin, request.service or "", token, as_json)

    def began(name: str) -> None:
        announce(name)
        if request.source is not None:
            source = find_run(store.db, request.source).name
            carry_over(store.folder(source), store.folder(name), job)

    try:
        return drive(prepared, store, watcher, announce=began, token=token)
    finally:
        watcher.close()


def say_finished(finished: Finished, *, as_json: bool, step: str = "") -> int:
    """The end of a run as it was asked for; the exit code. ``step``: what to do next, if that is known."""
    if as_json:
        write(msgspec.json.encode({"event": "ended", **_as_json(finished)}).decode())
    else:
        say_end(finished, step or next_command(finished))
    return finished.exit_code


def _plan(
    request: Request, catalogue: Catalogue, loaded: Loaded, folder: str, home: str, *, as_json: bool
) -> int:
    from labctl.cli.plan import show_plan

    # A plan starts nothing and makes no home; where there is one, it knows what is cached.
    store = Store(home) if os.path.isdir(home) and os.access(home, os.W_OK) else None
    try:
        prepared = prepare(request, catalogue, folder, home, store, loaded=loaded)
        cached = prepared.cached(Shelf(store, prepared.executor)) if store else {}
        show_plan(prepared, cached, as_json=as_json)
    finally:
        if store:
            store.close()
    return 0


def _utf8(text: str) -> str:
    """Words of the command line that are no UTF-8 come as lone surrogates, which no file can hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def say_end(finished: Finished, step: str) -> None:
    """The verdicts and the report's path to standard output, the rest to standard error."""
    err = Style(sys.stderr)
    tally = finished.counts
    done = sum(tally.get(s, 0) for s in ("succeeded", "cached", "reused"))
    others = [f"{n} {state}" for state, n in tally.items() if state not in ("succeeded", "cached", "reused")]
    state = finished.state if finished.state == "succeeded" else err.red(finished.state)
    jobs = ", ".join([f"{count(done, 'job')} done", *others])
    write(
        f"\n{err.bold(finished.run)}  {state}: {jobs}, in {span(finished.seconds)}, {money(finished.usd)}\n",
        err=True,
    )
    for verdict in finished.verdicts:
        say_verdict(verdict)
    if finished.verdicts:
        write("")
    if finished.headline:
        write(plain(finished.headline))
    write(f"Report: {os.path.relpath(finished.report)}")
    write(f"Next:   {step}", err=True)


def say_verdict(verdict: Verdict) -> None:
    style = Style(sys.stdout)
    prediction, evidence = verdict.prediction, verdict.evidence
    word = style.bold(f"{verdict.outcome:13}")
    note = "  post hoc" if verdict.post_hoc else ""
    if evidence is None or verdict.outcome in ("untestable", "degenerate", "not judged"):
        write(f"{word} {prediction.id:14} {_wrapped(plain(verdict.reason) + note, 29)}")
        return
    measured = estimate(evidence.estimate, evidence.low, evidence.high)
    write(f"{word} {prediction.id:14} {measured:20} needs {prediction.op} {prediction.threshold:g}{note}")
    if evidence.note:
        write(style.dim(f"{'':28} {plain(evidence.note)}"))
    if evidence.baseline is not None:
        base = evidence.baseline
        better = ", better" if verdict.baseline_better else ""
        text = (
            f"best cheap baseline: {plain(base.name)} {estimate(base.estimate, base.low, base.high)}{better}"
        )
        write(style.dim(f"{'':28} {text}"))


def _wrapped(text: str, indent: int) -> str:
    """``text`` in lines of the terminal's width, all but the first indented; in a pipe, one line."""
    if not is_terminal(sys.stdout):
        return text
    width = max(40, shutil.get_terminal_size().columns - indent)
    import textwrap

    return ("\n" + " " * indent).join(textwrap.wrap(text, width))


def next_command(finished: Finished) -> str:
    if finished.state in ("partial", "failed"):
        return f"labctl retry {finished.run} --failed"
    if finished.state in ("interrupted", "cancelled"):
        return f"labctl resume {finished.run}"
    if finished.state == "over budget":
        return f"labctl resume {finished.run} --stop-at USD"
    return f"labctl runs show {finished.run}"


def _as_json(finished: Finished) -> dict[str, Any]:
    plain_form: dict[str, Any] = msgspec.to_builtins(finished._asdict(), enc_hook=str)
    return {**plain_form, "report": str(finished.report)}
