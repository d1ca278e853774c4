"""Finding runs in the list, comparing them, and taking their numbers away."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from labctl.archive.intervals import paired, t_quantile, unpaired
from labctl.archive.numbers import Number, metrics, numbers_in, to_csv
from labctl.store.database import VERSION
from labctl.store.folder import RunFolder
from labctl.store.listing import KNOWN, SORTS
from labctl.store.runs import Store
from labctl.testing import Lab


@pytest.fixture
def several(lab: Lab) -> Lab:
    """Five runs as rows alone."""
    store = Store(str(lab.home))
    made = [
        ("cgt-1", "succeeded", '["night"]', "a first try", "The mean is 3", 5.0, 0.2, '[["P1","supported"]]'),
        ("cgt-2", "failed", "[]", "100% sure", "", 1.0, 0.0, None),
        ("nsm-1", "partial", '["night","big"]', "", "It collapses", 9.0, 1.5,
         '[["P1","supported"],["P2","not judged"]]'),
        ("cgt-10", "interrupted", '["nightly"]', "", "", 2.0, 0.0, None),
        ("nsm-2", "succeeded", "[]", "a_b", "", 3.0, 9.0, None),
    ]  # fmt: skip
    for n, (name, state, tags, note, headline, took, usd, verdicts) in enumerate(made):
        store.db.execute(
            "INSERT INTO run (name, uuid, plugin, distribution, version, state, created, started, ended,"
            " command, executor, tags, note, seed, spent_usd, jobs_total, jobs_done, headline, verdicts)"
            " VALUES (?, ?, ?, 'd', '1', ?, ?, ?, ?, ?, 'local', ?, ?, 0, ?, 3, 1, ?, ?)",
            (name, f"u{n}", name[:3], state, 1e9 + n, 1e9 + n, 1e9 + n + took, f"labctl run {name[:3]}",
             tags, note, usd, headline, verdicts),
        )  # fmt: skip
    store.close()
    return lab


def listed(lab: Lab, *words: str) -> list[str]:
    done = lab("runs", "list", *words)
    assert done.code == 0, done.err
    table = [line.split()[0] for line in done.out.splitlines()[1:]]
    assert [run["name"] for run in lab("runs", "list", "--json", *words).json["runs"]] == table
    return table


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "nsm-2 cgt-10 nsm-1 cgt-2 cgt-1"),
        (["--reverse"], "cgt-1 cgt-2 nsm-1 cgt-10 nsm-2"),
        (["--plugin", "cgt"], "cgt-10 cgt-2 cgt-1"),
        (["--state", "succeeded"], "nsm-2 cgt-1"),
        (["--tag", "night"], "nsm-1 cgt-1"),
        (["--tag", "night", "--tag", "big"], "nsm-1"),
        (["--search", "COLLAPSE"], "nsm-1"),
        (["--search", "run nsm"], "nsm-2 nsm-1"),
        (["--search", "100%"], "cgt-2"),
        (["--search", "%"], "cgt-2"),
        (["--search", "a_b"], "nsm-2"),
        (["--search", "night", "--plugin", "cgt"], "cgt-10 cgt-1"),
        (["--sort", "took"], "nsm-1 cgt-1 nsm-2 cgt-10 cgt-2"),
        (["--sort", "took", "--reverse"], "cgt-2 cgt-10 nsm-2 cgt-1 nsm-1"),
        (["--sort", "cost", "--limit", "2"], "nsm-2 nsm-1"),
        (["--sort", "name"], "cgt-1 cgt-2 cgt-10 nsm-1 nsm-2"),
        (["--search", "nowhere"], ""),
    ],
)
def test_runs_are_found_and_sorted(several: Lab, words: list[str], names: str) -> None:
    assert listed(several, *words) == names.split()


def test_a_list_says_how_many_claims_are_supported(several: Lab) -> None:
    done = several("runs", "list", "--plugin", "nsm", "--reverse")
    assert done.out.splitlines()[1].endswith("1 of 2")
    done = several("runs", "list", "--limit", "2")
    assert "3 more" in done.err


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_can_be_turned_round(several: Lab, sort: str) -> None:
    assert listed(several, "--sort", sort) == listed(several, "--sort", sort, "--reverse")[::-1]


def test_the_list_knows_this_version_of_the_database() -> None:
    assert VERSION in KNOWN  # else it is slow, and does not say so


def test_the_list_imports_nothing_that_it_does_not_need(several: Lab) -> None:
    code = (
        "import sys; from labctl.cli.main import run; run(['runs', 'list']);"
        "print(*sorted({'msgspec', 'json', 'pluggy', 'tempfile', 'shutil', 'labctl.store.queries',"
        " 'labctl.store.runs', 'labctl.archive'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=several.folder, env=several.environment(), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert "nsm-2" in done.stdout
    assert done.stderr.split() == []


def test_an_unknown_command_of_a_group_is_named(lab: Lab) -> None:
    done = lab("runs", "lst")
    assert done.code == 2
    assert "did you mean runs list?" in done.err


# Comparing


def test_runs_that_share_seeds_are_compared_in_pairs(dice: Lab) -> None:
    dice("run", "dice", "--seed", "3")
    dice("run", "dice", "--seed", "3", "--rolls", "50")
    done = dice("runs", "compare", "dice-1", "dice-2", "--json")
    assert done.code == 0, done.err
    (against,) = done.json["contrasts"]
    assert (against["paired"], against["common"], against["shared"]) == (True, 6, 6)
    assert against["method"] == "paired t"
    found = {(row["jobs"], row["name"]): row for row in against["rows"]}
    n = found["roll", "n"]["difference"]
    assert (n["n"], n["mean"], n["low"], n["high"]) == (4, -150.0, -150.0, -150.0)
    one, two = (
        {j["id"]: j["value"] for j in dice.record(run)["jobs"]}["mean"]["mean"]
        for run in ("dice-1", "dice-2")
    )
    assert found["mean", "mean"]["difference"]["mean"] == pytest.approx(two - one)
    rows = {(row["part"], row["name"]): row["values"] for row in done.json["differences"]}
    assert rows["parameter", "rolls"] == ["200", "50"]
    assert not any(part == "code" for part, _ in rows)
    assert ("verdict", "P1") in rows


def test_runs_of_other_seeds_are_compared_unpaired(dice: Lab) -> None:
    dice("run", "dice", "--seed", "3")
    dice("run", "dice", "--seed", "4")
    done = dice("runs", "compare", "dice-1", "dice-2")
    assert "compared unpaired" in done.out
    assert "share the seeds of 0 of 6 jobs" in done.out
    (against,) = dice("runs", "compare", "dice-1", "dice-2", "--json").json["contrasts"]
    assert not against["paired"]


def test_compare_names_the_code_that_changed(dice: Lab) -> None:
    dice("run", "dice")
    tasks = dice.site / "dice_tasks.py"
    tasks.write_text(tasks.read_text() + "\n# a change\n")
    dice("run", "dice")
    rows = dice("runs", "compare", "dice-1", "dice-2", "--json").json["differences"]
    assert [(row["part"], row["name"]) for row in rows if row["part"] == "code"] == [("code", "dice_tasks")]


def test_compare_names_environments_that_differ(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice", "--memory", "2GiB")
    rows = dice("runs", "compare", "dice-1", "dice-2", "--json").json["differences"]
    (here,) = [row["values"] for row in rows if row["part"] == "environment"]
    assert "2048 MiB" in here[1]
    assert "2048 MiB" not in here[0]


def test_a_run_without_a_record_is_compared_by_its_plan(dice: Lab) -> None:
    dice("run", "dice", "--rolls", "50")
    dice("run", "dice", "--rolls", "60")
    (dice.home / "runs" / "dice-2" / "record.json").unlink()
    rows = dice("runs", "compare", "dice-1", "dice-2", "--json").json["differences"]
    found = {row["name"]: row["values"] for row in rows if row["part"] == "parameter"}
    assert found == {"rolls": ["50", "60"]}
    assert {row["part"] for row in rows} == {"parameter"}
    said = dice("runs", "compare", "dice-1", "dice-2")
    assert "dice-2 has no record: it is succeeded; what came out is not compared" in said.out


def test_a_run_and_its_cached_likeness_do_not_differ(dice: Lab) -> None:
    dice("run", "dice")
    dice("run", "dice")
    dice("run", "dice")
    done = dice("runs", "compare", "dice-1", "dice-2", "dice-3", "--json").json
    assert done["differences"] == []
    assert [one["rows"] for one in done["contrasts"]] == [[], []]
    assert dice("runs", "compare", "dice-1").code == 2


def test_intervals_are_those_of_the_tables() -> None:
    for freedom, quantile in ((1, 12.7062047), (2, 4.3026527), (9, 2.2621572), (30, 2.0422725)):
        assert t_quantile(0.975, freedom) == pytest.approx(quantile, rel=1e-7)
    # Student's own sleep data (1908): ten patients, two drugs.
    a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = paired(a, b)
    assert (found.n, found.mean) == (10, pytest.approx(1.58))
    assert (found.low, found.high) == (pytest.approx(0.7001142), pytest.approx(2.4598858))
    free = unpaired(a, b)
    assert (free.low, free.high) == (pytest.approx(-0.2054832, abs=1e-6), pytest.approx(3.3654832, abs=1e-6))
    assert paired([1.0], [2.0]).low is None


# Numbers


def test_metrics_come_as_csv_and_as_json(dice: Lab) -> None:
    dice("run", "dice")
    rows = list(csv.DictReader(io.StringIO(dice("runs", "metrics", "dice-1").out)))
    assert {row["job"] for row in rows} == {f"roll/{i}" for i in range(4)}
    assert {row["name"] for row in rows} == {"mean"}
    values = {j["id"]: j["value"] for j in dice.record("dice-1")["jobs"]}["mean"]["means"]
    assert sorted(float(row["value"]) for row in rows) == sorted(values)
    found = dice("runs", "metrics", "dice-1", "--job", "mean", "--values", "--format", "json").json["numbers"]
    assert {n["name"] for n in found} == {"mean", "half", "n", *(f"means[{i}]" for i in range(4))}
    target = dice.folder / "x.csv"
    assert dice("runs", "metrics", "dice-1", "-o", "x.csv").code == 0
    assert len(target.read_text().splitlines()) == 5
    assert dice("runs", "metrics", "dice-1", "-o", "x.csv").code == 2


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_reckon_is_quoted(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    row = Number("work", "metric", 1, text, None, -3.5, text, "", "")
    found = next(csv.DictReader(io.StringIO(to_csv([row]), newline="")))
    assert found["name"] == found["unit"] == "'" + text
    assert found["value"] == "-3.5"


def test_what_is_torn_or_no_metric_is_passed_over(tmp_path: Any) -> None:
    folder = RunFolder(tmp_path)
    good = {"job": "a", "attempt": 1, "points": [["loss", 0.5, 3, 1e9, "nat", "down"]]}
    lines = [msgspec.json.encode(good), b"[]", b'{"job": 3}', msgspec.json.encode(good)[:-4]]
    folder.metrics.write_bytes(b"\n".join(lines))
    (found,) = metrics(folder)
    assert (found.job, found.name, found.step, found.value, found.unit) == ("a", "loss", 3, 0.5, "nat")


def test_numbers_have_paths() -> None:
    value = {"a": {"b": 1, "c": True}, "d": [1.5, "x"], "e": None, "long": [1] * 100}
    assert dict(numbers_in(value)) == {"a.b": 1.0, "d[0]": 1.5}
    assert dict(numbers_in(7)) == {"value": 7.0}


def test_a_bad_point_costs_itself_alone_and_is_said(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    file = dice.home / "runs" / "dice-1" / "metrics.jsonl"
    good, bad = '["good",1.0,1,5.0,"",""]', '["half",2.0,0.5,5.0,"",""]'
    file.write_text(f'{{"job":"mean","attempt":1,"points":[{good},{bad},{good}]}}\n')
    found = dice("runs", "metrics", "dice-1")
    assert found.out.count("good") == 2
    assert "half" not in found.out
    assert "1 point cannot be read and left out: mean" in found.err
