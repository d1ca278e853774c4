"""The page in a real browser: nothing leaves its chart, nothing runs, nothing is asked of the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from labctl.model.results import Section
from labctl.report.html_page import to_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WIDTHS = (1280, 390)
OUTSIDE = """() => [...document.querySelectorAll('svg text')].flatMap(text => {
  const box = text.getBoundingClientRect(), frame = text.closest('svg').getBoundingClientRect();
  if (!frame.width || !box.width) return [];
  const wide = Math.max(frame.left - box.left, box.right - frame.right);
  const out = Math.max(wide, frame.top - box.top, box.bottom - frame.bottom);
  return out > 0.6 ? [[text.textContent.slice(0, 40), out]] : [];
})"""
OVERLAPS = """() => [...document.querySelectorAll('svg.lc')].flatMap(svg => {
  const all = [...svg.querySelectorAll('text')];
  const boxes = all.map(t => [t.getBoundingClientRect(), t.textContent.slice(0, 30)]);
  const found = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i][0], boxes[j][0]];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 4) found.push([boxes[i][1], boxes[j][1]]);
  }
  return found;
})"""
CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const part = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const light = c => .2126 * part(c[0]) + .7152 * part(c[1]) + .0722 * part(c[2]);
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  // The numbers of a heat map stand on its fullest shade at worst.
  const cells = [...document.querySelectorAll('svg .h7')].map(c => {
    const s = getComputedStyle(c), o = +s.fillOpacity, f = parse(s.fill), p = ground(c);
    return [0, 1, 2].map(i => o * f[i] + (1 - o) * p[i]);
  });
  const low = new Map();
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (['SCRIPT', 'STYLE', 'title', 'desc'].includes(e.tagName)) continue;
    const s = getComputedStyle(e);
    const colour = parse(e.closest('svg') ? s.fill : s.color).slice(0, 3);
    for (const g of e.closest('.t-n') ? cells : [ground(e)]) {
      const r = ratio(colour, g);
      if (r < 4.5) low.set(e.tagName + '.' + (e.getAttribute('class') || ''), r);
    }
  }
  return [...low];
}"""


@contextmanager
def opened(
    browser: Any, path: Path, width: int = 1280, scheme: str = "light", **options: Any
) -> Iterator[Any]:
    """The page, with the checks that hold for every page: no request, message, error or dialog."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: heard.append(request.url) if request.url != path.as_uri() else None)
    try:
        page.goto(path.as_uri())
        yield page
        assert heard == []
    finally:
        context.close()


def written(tmp_path: Path, view: Any) -> Path:
    path = tmp_path / "report.html"
    path.write_text(to_html(view), encoding="utf-8")
    return path


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")


def assert_contained(page: Any, width: int) -> None:
    unfold(page)
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="module")
def crowded(sample: ModuleType) -> Any:
    """The sample with every kind of chart in its first section."""
    view = sample.view()
    every = Section(title="All kinds", charts=sample.six_charts(), rank=-1, headline="Six charts")
    return msgspec.structs.replace(view, sections=(every, *view.sections))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stays_in_its_chart_and_has_contrast(
    browser: Any, tmp_path: Path, crowded: Any, width: int, scheme: str
) -> None:
    with opened(browser, written(tmp_path, crowded), width, scheme) as page:
        assert_contained(page, width)
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("font", ["DejaVu Sans", "Liberation Serif"])
def test_text_stays_in_its_chart_in_other_fonts(
    browser: Any, tmp_path: Path, crowded: Any, font: str
) -> None:
    with opened(browser, written(tmp_path, crowded), bypass_csp=True) as page:
        page.add_style_tag(content=f':root{{--sans:"{font}"}}')
        assert_contained(page, 1280)


def test_hostile_text_runs_nothing_and_breaks_nothing(
    browser: Any, tmp_path: Path, crowded: Any, hostile: ModuleType
) -> None:
    foreign = "document.querySelectorAll('img,iframe,object,embed,form,base,link,foreignObject').length"
    for text in hostile.TEXTS.values():
        with opened(browser, written(tmp_path, hostile.poison(crowded, text))) as page:
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert_contained(page, width)
            assert page.evaluate(f"window.{hostile.MARK}") is None
            assert page.evaluate(foreign) == 0
            assert page.evaluate("document.scripts.length") == 1
            assert page.evaluate("[...document.links].every(a => a.getAttribute('href')[0] === '#')")
            assert page.evaluate("getComputedStyle(document.body).display") == "block"


@pytest.mark.parametrize("name", ["many_jobs", "all_failed"])
@pytest.mark.parametrize("width", WIDTHS)
def test_other_runs_fit_as_well(
    browser: Any, tmp_path: Path, sample: ModuleType, name: str, width: int
) -> None:
    with opened(browser, written(tmp_path, getattr(sample, name)()), width) as page:
        assert_contained(page, width)


def test_the_page_is_whole_without_its_script(browser: Any, tmp_path: Path, sample: ModuleType) -> None:
    path = written(tmp_path, sample.view())
    with opened(browser, path) as page:
        with_script = page.inner_text("main")
        assert page.locator(".copy").count() == page.locator(".cmd").count() > 3
        page.locator(".copy").first.click()
        assert page.locator(".copy").first.inner_text() in ("Copy", "Copied", "Selected")
    with opened(browser, path, java_script_enabled=False) as page:
        without = page.inner_text("main")
        assert page.locator(".copy").count() == 0
    assert [
        row for row in with_script.split("\n") if row not in ("Copy", "Copied", "Selected")
    ] == without.split("\n")


def test_paper_shows_what_is_folded(browser: Any, tmp_path: Path, sample: ModuleType) -> None:
    with opened(browser, written(tmp_path, sample.view())) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert page.evaluate("getComputedStyle(document.querySelector('.toc')).display") == "none"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 0
