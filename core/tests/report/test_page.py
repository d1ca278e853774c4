"""The page and its JSON form."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from types import ModuleType
from typing import Any

import msgspec
import pytest

from labctl.model.plan import Prediction
from labctl.model.results import Baseline, Evidence, Section, Table, Verdict
from labctl.report.html_failed import log_command
from labctl.report.html_page import to_html
from labctl.report.html_verdicts import needs
from labctl.report.summary import deck, headline, page_title
from labctl.report.view import JobRow, LeftOut, Registration, ReportView, to_json

STATES = ("running", "succeeded", "partial", "failed", "interrupted", "cancelled", "over budget")


def test_the_first_screen_answers_in_order(sample: ModuleType, parsing: ModuleType) -> None:
    page = parsing.assert_sound(to_html(sample.view()), "PWNED")
    asked = [
        "No operator warned",
        "Of seven registered claims",
        "What ran",
        "Did it work",
        "How long",
        "What it cost",
        "Registered",
        "P3.1",
        "What to do next",
        "All warnings compared",
        "What failed",
        "Timeline",
        "Provenance",
    ]
    places = [page.text.index(part) for part in asked]
    assert places == sorted(places)
    for said in (
        "Partly: 11 of 13 jobs",
        "1 failed, 1 skipped",
        "exit code 6",
        "1 min 22 s",
        "2 min 21 s of CPU",
        "expected $0.00, at most $0.00",
        "Before the first job",
        "sha256 9c41e07b",
        "59 of 160",
        "post hoc",
        "above 0.70",
        "at least 0.80",
        "labctl runs logs cgt-14 confusion/chiral",
        "operator.py:88",
    ):
        assert said in page.text
    assert page.text.count("No operator warned") == 1, "the headline is not said twice"
    assert page.text.count("better") >= 2


def test_every_outcome_has_its_glyph_and_its_word(sample: ModuleType) -> None:
    html = to_html(sample.view())
    for outcome in ("supported", "refuted", "inconclusive", "untestable", "degenerate", "not judged"):
        assert re.search(rf'<svg[^>]*class="glyph">.{{0,120}}</svg>{outcome}', html), outcome


@pytest.mark.parametrize("view", ["view", "many_jobs", "all_failed"])
def test_a_page_has_landmarks_captions_and_scopes(sample: ModuleType, parsing: ModuleType, view: str) -> None:
    page = parsing.assert_sound(to_html(getattr(sample, view)()), "PWNED")
    tags = [tag for tag, _ in page.elements]
    assert (
        tags.count("h1")
        == tags.count("main")
        == tags.count("header")
        == tags.count("footer")
        == tags.count("nav")
        == 1
    )
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("scope") for tag, attributes in page.elements if tag == "th")
    named = [a["aria-labelledby"] for tag, a in page.elements if tag == "section"]
    assert set(named) <= set(page.ids)
    assert all("style" not in attributes for _, attributes in page.elements)


def test_the_policy_names_the_very_style_and_script(sample: ModuleType) -> None:
    html = to_html(sample.view())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    said = policy[1].replace("&#39;", "'")
    assert said.startswith("default-src 'none'; ")
    assert "unsafe" not in said
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert body
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in said
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_hostile_text_in_every_field_stays_text(
    sample: ModuleType, hostile: ModuleType, parsing: ModuleType
) -> None:
    for text in hostile.TEXTS.values():
        view = hostile.poison(sample.view(), text)
        html = to_html(view)
        parsing.assert_sound(html, hostile.MARK)
        assert "\u202e" not in html
        assert len(html) < 3_000_000


def test_hostile_text_in_one_field_at_a_time(
    sample: ModuleType, hostile: ModuleType, parsing: ModuleType
) -> None:
    view = sample.view()
    for name in view.__struct_fields__:
        changed = msgspec.structs.replace(
            view, **{name: hostile.poison(getattr(view, name), hostile.TEXTS["mixed"])}
        )
        parsing.assert_sound(to_html(changed), hostile.MARK)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 0, -1, 1e308, 10**400], ids=repr)
def test_odd_numbers_cost_no_page(
    sample: ModuleType, hostile: ModuleType, parsing: ModuleType, number: Any
) -> None:
    view = hostile.renumber(sample.view(), number)
    parsing.assert_sound(to_html(view), hostile.MARK)
    json.loads(to_json(view))


def test_json_is_the_view(sample: ModuleType, hostile: ModuleType) -> None:
    view = sample.view()
    data = json.loads(to_json(view))
    assert data["schema_version"] == 1
    assert data["sections"][0]["charts"][0]["chart"] == "bars"
    assert msgspec.json.decode(to_json(view), type=ReportView) == view
    for text in hostile.TEXTS.values():
        json.loads(to_json(hostile.poison(view, text)).decode("utf-8"))
    broken = msgspec.structs.replace(view, wall_seconds=math.nan)
    assert json.loads(to_json(broken))["wall_seconds"] is None


@pytest.mark.parametrize("state", STATES)
def test_a_run_with_nothing_in_it_has_a_page(parsing: ModuleType, state: Any) -> None:
    view = ReportView(run="x-1", project="x", state=state)
    page = parsing.assert_sound(to_html(view), "PWNED")
    assert headline(view) in page.text
    assert "No claim was registered" in page.text


def test_what_failed_is_grouped_by_cause(sample: ModuleType, parsing: ModuleType) -> None:
    page = parsing.assert_sound(to_html(sample.all_failed()), "PWNED")
    assert "None of 42 jobs succeeded" in page.text
    assert page.text.count("No module named 'torch'") == 1
    assert "and 6 others failed" in page.text
    assert "and 24 others skipped" in page.text


def test_long_lists_are_folded(sample: ModuleType, parsing: ModuleType) -> None:
    html = to_html(sample.many_jobs())
    page = parsing.assert_sound(html, "PWNED")
    assert "280 more jobs" in page.text
    assert "What the workers did" in page.text
    rows = tuple((f"row {i}", i) for i in range(3000))
    section = Section(title="t", tables=(Table("big", ("Name", "n"), rows),))
    page = parsing.assert_sound(
        to_html(ReportView(run="x", project="x", state="succeeded", sections=(section,))), "PWNED"
    )
    assert "980 more rows" in page.text
    assert "first 1,000 of 3,000 rows" in page.text


def test_headlines_are_made_by_rule(sample: ModuleType) -> None:
    view = sample.view()
    assert headline(view) == "No operator warned of collapse better than a cheap baseline"
    bare = msgspec.structs.replace(view, sections=())
    assert headline(bare).startswith("Of seven registered claims one is supported, two are refuted")
    assert page_title(view) == "cgt-14: 1 of 7 claims supported, 1 failed, 1 skipped"
    assert "For two of them a cheap baseline does better." in deck(view)
    jobs = (JobRow(id="a", state="succeeded"), JobRow(id="b", state="cached"))
    fine = ReportView(run="x-1", project="x", state="succeeded", jobs=jobs)
    assert headline(fine) == "All 2 jobs succeeded"
    gone = msgspec.structs.replace(fine, state="interrupted", jobs=(*jobs, JobRow(id="c", state="planned")))
    assert headline(gone) == "The run was interrupted: 2 of 3 jobs done"


def test_sections_come_by_rank(parsing: ModuleType) -> None:
    parts = (Section(title="later", rank=5), Section(title="first", rank=-1), Section(title="second", rank=0))
    page = parsing.Page(to_html(ReportView(run="x", project="x", state="succeeded", sections=parts)))
    assert page.text.index("first") < page.text.index("second") < page.text.index("later")


def test_claims_say_what_they_need() -> None:
    claim = Prediction("P", "c", ("j",), "e", ">=", 0.8, margin=0.05)
    assert needs(Verdict(claim, "supported")) == "at least 0.80 − 0.05"
    assert needs(Verdict(Prediction("P", "c", (), "e", "<", 0.0015), "refuted")) == "below 0.0015"


def test_verdicts_beyond_shares_have_their_own_scales(parsing: ModuleType) -> None:
    claim = Prediction("P", "c", ("j",), "epochs between alarm and collapse", ">", 20.0)
    evidence = Evidence("P", 31.5, 22.0, 41.0, n=12, baseline=Baseline("chance", 12.0))
    view = ReportView(
        run="x", project="x", state="succeeded", verdicts=(Verdict(claim, "supported", evidence),)
    )
    page = parsing.assert_sound(to_html(view), "PWNED")
    assert "Each on its own scale" in page.text
    assert "31.50 [22.00, 41.00]" in page.text
    assert "epochs between alarm and collapse" in page.text


def test_commands_are_quoted_for_a_shell() -> None:
    assert log_command("cgt-14", "a; rm -rf ~") == "labctl runs logs cgt-14 'a; rm -rf ~'"


def test_late_registrations_and_missing_extensions_are_said(parsing: ModuleType) -> None:
    view = ReportView(
        run="x",
        project="x",
        state="succeeded",
        registration=Registration("sha256:" + "ab" * 32, 5.0, False),
        left_out=(LeftOut("spectra", "broken"),),
    )
    text = parsing.assert_sound(to_html(view), "PWNED").text
    assert "After the first job" in text
    assert "Extension spectra left out" in text
    assert "One extension was left out." in text
