"""The sentences at the top of a report, made by rule from verdicts and counts."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.model.results import DONE
from labctl.report.markup import line
from labctl.report.numbers import in_words, listed, plural
from labctl.report.view import ReportView

_FAILED = ("failed", "timed out", "interrupted", "cancelled", "over budget", "skipped")
_CLAIMS = {
    "supported": ("is supported", "are supported"),
    "refuted": ("is refuted", "are refuted"),
    "inconclusive": ("needs more data", "need more data"),
    "untestable": ("cannot be tested as written", "cannot be tested as written"),
    "degenerate": ("is degenerate", "are degenerate"),
    "not judged": ("was not judged", "were not judged"),
}
_STATES = {
    "running": "The run is still going",
    "interrupted": "The run was interrupted",
    "cancelled": "The run was cancelled",
    "over budget": "The run stopped before it would have cost more than allowed",
}


def outcome_counts(view: ReportView) -> dict[str, int]:
    """Verdicts by outcome, in the order in which a report speaks of them."""
    counts = dict.fromkeys(_CLAIMS, 0)
    for verdict in view.verdicts:
        counts[verdict.outcome if verdict.outcome in counts else "not judged"] += 1
    return {outcome: count for outcome, count in counts.items() if count}


def done_of_all(view: ReportView) -> tuple[int, int]:
    """How many jobs have a result, of how many."""
    counts = view.job_counts()
    return sum(n for state, n in counts.items() if state in DONE), sum(counts.values())


def shortfall(counts: Mapping[str, int], words: bool = False) -> str:
    """``1 failed, 1 skipped``: jobs without a result, by state."""
    parts = [f"{in_words(counts[s]) if words else f'{counts[s]:,}'} {s}" for s in _FAILED if counts.get(s)]
    return ", ".join(parts)


def headline(view: ReportView) -> str:
    """The first section's headline; without one, what the verdicts say; without any, the state."""
    sections = view.ordered_sections()
    if sections and line(sections[0].headline):
        return line(sections[0].headline)
    counts = outcome_counts(view)
    if view.verdicts and set(counts) != {"not judged"}:
        return _sentence(_of_all(view))
    return state_line(view)


def _of_all(view: ReportView) -> str:
    """``of seven registered claims one is supported and six are refuted``."""
    said = claims_in_words(outcome_counts(view))
    if len(view.verdicts) == 1:
        return f"the registered claim{said.removeprefix('one')}"
    return f"of {plural(len(view.verdicts), 'registered claim', words=True)} {said}"


def claims_in_words(counts: Mapping[str, int]) -> str:
    """``one is supported, two are refuted and one was not judged``."""
    parts = [f"{in_words(n)} {_CLAIMS[o][n != 1]}" for o, n in counts.items()]
    return listed(parts)


def state_line(view: ReportView) -> str:
    """The state of the run in a sentence."""
    done, total = done_of_all(view)
    if view.state in _STATES:
        known = f": {done:,} of {plural(total, 'job')} done" if total else ""
        return _STATES[view.state] + known
    if not total:
        return "Nothing ran"
    if done == total:
        return f"All {plural(total, 'job')} succeeded" if total > 1 else "The job succeeded"
    if not done:
        return f"None of {plural(total, 'job')} succeeded" if total > 1 else "The job failed"
    return f"{done:,} of {plural(total, 'job')} succeeded, {shortfall(view.job_counts())}"


def deck(view: ReportView) -> str:
    """What stands under the headline: claims, baselines that do better, jobs without a result."""
    out = []
    title = headline(view)
    claims = _of_all(view)
    if view.verdicts and _sentence(claims) != title:
        out.append(claims)
    better = sum(verdict.baseline_better for verdict in view.verdicts)
    if better:
        out.append(f"For {in_words(better)} of them a cheap baseline does better")
    post_hoc = sum(verdict.post_hoc for verdict in view.verdicts)
    if post_hoc:
        rest = "rests" if post_hoc == 1 else "rest"
        out.append(f"{in_words(post_hoc)} {rest} on results that are older than its registration")
    state = state_line(view)
    # With claims to tell of, the facts below say how the jobs went.
    if state != title and (not view.verdicts or view.state in _STATES):
        out.append(state)
    if not view.verdicts:
        out.append("No claim was registered")
    if view.left_out:
        was = "was" if len(view.left_out) == 1 else "were"
        out.append(f"{plural(len(view.left_out), 'extension', words=True)} {was} left out")
    return " ".join(f"{_sentence(part)}." for part in out)


def page_title(view: ReportView) -> str:
    """The title of the page: run, claims, failures."""
    parts = []
    if view.verdicts:
        supported = outcome_counts(view).get("supported", 0)
        parts.append(f"{supported} of {plural(len(view.verdicts), 'claim')} supported")
    missing = shortfall(view.job_counts())
    parts.append(missing or state_line(view))
    return f"{line(view.run)}: {', '.join(parts)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
