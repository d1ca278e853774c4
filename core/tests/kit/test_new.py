"""``labctl plugins new``: what is written, and what is refused. tests/packaging installs it."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from labctl.kit.template import files_of
from labctl.testing import Lab

HOST = """
from labctl.api import *


class Host:
    extends = {"parts": "a part", "pieces": "a piece"}
    templates = {"pieces": "host_data:page.md", "lost": "host_data:lost.md", "above": "host_data:../page.md"}

    @hookimpl
    def run(self, ctx, environments):
        yield Job("base", "host_tasks:work")


plugin = Host()
"""
PAGE = "`src/{{package}}/plugin.py`: a piece\n\n```python\nplugin = {{name!r}}\n```\n"


def with_host(lab: Lab, page: str = "", source: str = HOST) -> None:
    lab.plugin("host", source, host_tasks="def work(job): return 1")
    (lab.site / "host_data").mkdir(exist_ok=True)
    (lab.site / "host_data" / "__init__.py").touch()
    (lab.site / "host_data" / "page.md").write_text(page)


def test_a_project_is_written_and_said(lab: Lab) -> None:
    done = lab("plugins", "new", "deep-tides")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "labctl-deep-tides/"
    assert lines[1].split() == ["pyproject.toml", "entry", "point", "labctl.plugins:", "deep-tides"]
    assert done.err.splitlines()[-3:] == [
        "Next: cd labctl-deep-tides",
        "      pip install -e .",
        "      labctl run deep-tides",
    ]
    root = lab.folder / "labctl-deep-tides"
    for line in lines[1:-1]:
        assert (root / line.split()[0]).is_file()
    assert all((root / name).is_file() for name in lines[-1].split())
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["labctl.plugins"] == {"deep-tides": "labctl_deep_tides.plugin:plugin"}
    assert project["dependencies"] == ["labctl>=0.1,<1"]
    assert (root / "src/labctl_deep_tides/__init__.py").read_text() == ""
    assert "class DeepTides:" in (root / "src/labctl_deep_tides/plugin.py").read_text()
    assert not [
        path for path in root.rglob("*") if path.is_file() and "{{" in path.read_text().replace("${{", "")
    ]


@pytest.mark.parametrize("words", [("tides",), ("likeness", "--extends", "cgt:operators")])
def test_what_is_written_passes_every_rule_and_is_in_order(lab: Lab, words: tuple[str, ...]) -> None:
    done = lab("plugins", "new", *words, "--folder", "made")
    assert done.code == 0, done.err
    run = [] if len(words) == 1 else ["--no-run"]  # tests/packaging runs it
    checked = lab("plugins", "check", "./made", "--strict", *run)
    assert checked.code == 0, checked.out
    for command in (["format", "--check", "--isolated"], ["check", "--isolated", "--select", "E,F,W,B,UP"]):
        ruff = [sys.executable, "-m", "ruff", *command, lab.folder / "made"]
        done_ruff = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done_ruff.returncode == 0, done_ruff.stdout


@pytest.mark.parametrize(
    "name", ["Tides", "9tides", "ti des", "../tides", "tides-", "a--b", "plugins", "", "é", "a" * 61]
)
def test_a_bad_name_is_refused(lab: Lab, name: str) -> None:
    done = lab("plugins", "new", name)
    assert done.code == 2, done
    assert "hint:" in done.err
    assert list(lab.folder.iterdir()) == []


def test_a_name_that_is_taken_is_refused(lab: Lab) -> None:
    assert "labctl-cgt registers it" in lab("plugins", "new", "cgt").err
    done = lab("plugins", "new", "cooling", "--extends", "cgt:operators")
    assert (done.code, list(lab.folder.iterdir())) == (2, [])
    assert "labctl-cgt registers it in labctl.cgt.operators" in done.err


def test_a_folder_that_is_not_empty_is_refused(lab: Lab) -> None:
    (lab.folder / "labctl-tides").mkdir()
    (lab.folder / "labctl-tides" / "mine.txt").write_text("mine")
    (lab.folder / "file").touch()
    done = lab("plugins", "new", "tides")
    assert done.code == 2
    assert "error: labctl-tides is not empty" in done.err
    assert [path.name for path in (lab.folder / "labctl-tides").iterdir()] == ["mine.txt"]
    assert lab("plugins", "new", "tides", "--folder", "file").code == 2
    (lab.folder / "empty").mkdir()
    assert lab("plugins", "new", "tides", "--folder", "empty").code == 0


@pytest.mark.parametrize(
    ("extends", "code", "words"),
    [
        ("cgt", 2, "write it as PLUGIN:KIND"),
        ("cgd:operators", 3, "did you mean cgt?"),
        ("cgt:operator", 2, "it is extended by: operators, subjects"),
    ],
)
def test_a_parent_that_cannot_be(lab: Lab, extends: str, code: int, words: str) -> None:
    done = lab("plugins", "new", "likeness", "--extends", extends)
    assert done.code == code
    assert words in done.err


def test_a_parent_without_a_template_gets_the_general_one(lab: Lab) -> None:
    with_host(lab)
    done = lab("plugins", "new", "first", "--extends", "host:parts")
    assert done.code == 0, done.err
    assert "labctl run host --only first" in done.err
    project = tomllib.loads((lab.folder / "labctl-host-first/pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"labctl.host.parts": {"first": "labctl_host_first.plugin:plugin"}}
    assert project["dependencies"] == ["labctl-host>=1.0,<2"]
    assert lab("plugins", "check", "./labctl-host-first", "--strict").code == 0


def test_a_parents_own_template_is_filled_in(lab: Lab) -> None:
    with_host(lab, PAGE.replace("{{name!r}}", "'{{name}} {{requires}}'"))
    assert lab("plugins", "new", "first", "--extends", "host:pieces", "--folder", "made").code == 0
    made = (lab.folder / "made/src/labctl_host_first/plugin.py").read_text()
    assert made == "plugin = 'first labctl-host>=1.0,<2'\n"
    assert (lab.folder / "made/LICENSE").is_file()
    assert not (lab.folder / "made/src/labctl_host_first/tasks.py").exists()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("`a.py`:\n\n```\n{{nome}}\n```\n", "{{nome}} is no word"),
        ("`../a.py`:\n\n```\nx\n```\n", "stays inside"),
    ],
)
def test_a_template_that_is_not_right_is_its_parents_fault(lab: Lab, page: str, words: str) -> None:
    with_host(lab, page)
    done = lab("plugins", "new", "first", "--extends", "host:pieces")
    assert done.code == 3
    assert words in done.err
    assert list(lab.folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["lost", "above"])
def test_a_template_that_cannot_be_read(lab: Lab, kind: str) -> None:
    with_host(lab, PAGE, HOST.replace('"pieces": "a piece"', f'"{kind}": "a piece"'))
    done = lab("plugins", "new", "first", "--extends", f"host:{kind}")
    assert done.code == 3
    assert "template" in done.err


def test_a_page_may_hold_fences_in_fences() -> None:
    page = "`README.md`: {{lines}} lines\n\n````markdown\n# x\n\n```console\n$ ls\n```\n````\n\n"
    page += "`e`:\n\n```\n```\n"
    found = files_of(page, {})
    assert found["README.md"].text == "# x\n\n```console\n$ ls\n```\n"
    assert found["README.md"].remark == "5 lines"
    assert found["e"].text == ""


def test_a_template_is_in_no_jobs_key(lab: Lab) -> None:
    """An edit of a page must not make every training run again."""
    from labctl.planning.closure import Closures
    from labctl.plugins.scan import distributions, entries

    found = distributions()
    code = Closures(entries(found.values()), found).of(["labctl_cgt.training.train"])
    assert any(name.startswith("labctl_cgt") for name in code.files)
    assert not [name for name in code.files if "templates" in name]


@pytest.mark.parametrize("kind", ["../x", "parts.more", "Parts", "a b", "parts]", "x" * 61])
def test_a_kind_that_is_no_part_of_a_group_is_refused(lab: Lab, kind: str) -> None:
    with_host(lab, source=HOST.replace("    extends =", "    other ="))
    refused = lab("plugins", "new", "tide", "--extends", f"host:{kind}")
    assert refused.code == 2, refused.out
    assert "is no kind" in refused.err
    assert not list(lab.folder.iterdir())


def test_nobody_takes_the_name_of_the_host(lab: Lab) -> None:
    refused = lab("plugins", "new", "labctl")
    assert refused.code == 2, refused.out
    assert "the name labctl is reserved" in refused.err
