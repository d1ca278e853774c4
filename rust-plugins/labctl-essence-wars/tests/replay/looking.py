"""How the tests look at a page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OUTSIDE = """() => [...document.querySelectorAll('body *')].flatMap(e => {
  if (e.closest('.vh, .skip') || !e.getClientRects().length) return [];
  const box = e.getBoundingClientRect(), wide = document.documentElement.clientWidth;
  return box.left < -0.6 || box.right > wide + 0.6 ? [[e.tagName, e.className, box.left, box.right]] : [];
})"""
CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const part = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => .2126 * part(c[0]) + .7152 * part(c[1]) + .0722 * part(c[2]);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].flatMap(e => {
    if (['SCRIPT', 'NOSCRIPT', 'title', 'desc'].includes(e.tagName)) return [];
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) return [];
    const s = getComputedStyle(e);
    const both = [light(parse(e.closest('svg') ? s.fill : s.color)), light(ground(e))].sort((a, b) => b - a);
    return (both[0] + .05) / (both[1] + .05) < 4.5 ? [e.tagName + '.' + e.className] : [];
  });
}"""


@contextmanager
def opened(browser: Any, path: Path, width: int = 1280, address: str = "", **options: Any) -> Iterator[Any]:
    """The page, with the checks that hold for every page: no request, message, error or dialog."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: heard.append(r.url) if r.url.split("#")[0] != path.as_uri() else None)
    try:
        page.goto(path.as_uri() + address)
        yield page
        assert heard == []
    finally:
        context.close()


def where(page: Any) -> str:
    found: str = page.inner_text("#where b")
    return found
