"""Links lead somewhere, reference pages are fresh, and nothing names this machine or a registry."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ..environments import ROOT  # noqa: TID252 (no package on the path)

PAGES = sorted(path for form in ("*.md", "docs/**/*.md", "*plugins/*/README.md") for path in ROOT.glob(form))
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PUBLIC = ("labctl.api", "labctl.spi", "labctl.worker", "labctl.testing")


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link]
    lost = {p for p in PAGES if p.parts[len(ROOT.parts)] == "docs"} - reached - {ROOT / "docs" / "index.md"}
    assert not lost


def test_the_reference_pages_are_fresh() -> None:
    command = [sys.executable, ROOT / "tools" / "reference.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run: .venv/bin/python tools/reference.py\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    start = page.index(f"\n## {module}\n")
    end = page.find("\n## ", start + 1)
    described = re.findall(r"^### (\S+)$", page[start : end if end > 0 else None], re.MULTILINE)
    assert sorted(described) == sorted(importlib.import_module(module).__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_class_and_function_says_what_it_is(module: str) -> None:
    loaded = importlib.import_module(module)
    ours = [getattr(loaded, name) for name in loaded.__all__]
    silent = [
        made.__name__
        for made in ours
        if callable(made) and str(getattr(made, "__module__", "")).startswith("labctl") and not made.__doc__
    ]
    assert not silent


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def index_hosts() -> set[str]:
    """Hosts of the package indexes that are configured here."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return set(re.findall(r"https?://(?:[^/@'\s]*@)?([^/:'\s]+)", done.stdout))


def test_no_file_names_this_machine_or_a_registry() -> None:
    # In halves, so that this file is not its own finding.
    halves = (("py", "pi.org"), ("python", "hosted.org"), ("crates", ".io"), ("npm", "js."))
    registries = {first + second for first, second in halves} | index_hosts()
    here = {str(path) for path in (ROOT, Path(sys.prefix), Path.home()) if len(path.parts) > 2}
    words = [re.escape(word) for word in sorted(registries | here)]
    found = re.compile("|".join([*words, r"/(?:home|Users)/[a-z]\w*/", r"index-url\s*=\s*\S*://"]))
    hits = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits += [f"{path.relative_to(ROOT)}: {hit}" for hit in found.findall(text)]
    assert not hits


def test_the_picture_of_the_report_is_as_wide_as_a_page_and_small() -> None:
    content = (ROOT / "docs" / "report.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == 1280
    assert len(content) < 250_000
