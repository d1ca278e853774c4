"""A small SVG writer: everything that is drawn goes through it, so that nothing leaves the chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from labctl.report.markup import Markup, el, escape, line, shorten
from labctl.report.widths import fit, is_measured, text_width

WIDTH = 400.0
"""Units of every chart: text of 13 stays readable when it is drawn 360 pixels wide."""
SIZE = 13.0
ASCENT, DESCENT = 11.0, 4.0

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


def num(value: float) -> str:
    """A coordinate with at most one decimal; what is no number is 0, what is far out is held."""
    if not -1e5 < value < 1e5:
        value = 0.0 if value != value else max(-1e5, min(1e5, value))
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


class Canvas:
    """Collects marks and gives the ``svg`` element. ``height`` may be set until then."""

    def __init__(self, width: float = WIDTH, height: float = 100.0) -> None:
        self.width = width
        self.height = height
        self._marks: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: Anchor = "start",
        style: str = "",
        bold: bool = False,
        room: float | None = None,
        size: float = SIZE,
        quiet: str = "",
    ) -> None:
        """A line of text with its baseline at ``y``, moved and cut as needed to stay in the chart.

        ``room``: the widest it may be. ``quiet``: more text behind it in the second text colour.
        Where it is cut, the whole stands in a ``title``, which readers show on demand.
        """
        whole, tail = line(text).replace("\u00a0", " "), line(quiet).replace("\u00a0", " ")
        limit = self.width - 2 if room is None else max(0.0, min(room, self.width - 2))
        shown = fit(whole, limit, size, bold)
        gap = text_width(" ", size) if tail else 0.0
        left = limit - text_width(shown, size, bold) - gap
        rest = fit(tail, max(left, 0.0), size) if tail and left > 0 else ""
        width = text_width(shown, size, bold) + (gap + text_width(rest, size) if rest else 0.0)
        x = self._held(x, width, anchor)
        if not shown:
            return
        attributes = {
            "x": num(x),
            "y": num(y),
            "class": f"{style} t-b".strip() if bold else style or None,
            "text-anchor": None if anchor == "start" else anchor,
        }
        # A forced length holds for all that an element contains, so each part has its own.
        head: object = shown if is_measured(shown) else el("tspan", self.forced(shown, size, bold), shown)
        title = (
            el("title", None, shorten(f"{whole} {tail}".strip(), 500))
            if (shown, rest) != (whole, tail)
            else None
        )
        span = None
        if rest:
            span = el("tspan", {"class": "t-q", **self.forced(rest, size)}, rest)
        self._marks.append(el("text", attributes, title, head, " " if rest else None, span))

    @staticmethod
    def forced(text: str, size: float, bold: bool = False) -> dict[str, str]:
        """Attributes that hold a text of unknown letters to the width that was reckoned for it."""
        if is_measured(text):
            return {}
        return {"textLength": num(text_width(text, size, bold)), "lengthAdjust": "spacingAndGlyphs"}

    def mark(self, mark: Markup) -> None:
        """An element that no other method makes."""
        self._marks.append(mark)

    def _held(self, x: float, width: float, anchor: Anchor) -> float:
        before = {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        return min(max(x, 1 + before), self.width - 1 - (width - before))

    def path(self, d: str, style: str, title: str = "") -> None:
        """A path; nothing when ``d`` is empty."""
        if d:
            inner = el("title", None, shorten(line(title), 500)) if title else ""
            self._marks.append(
                f'<path class="{escape(style)}" d="{d}">{inner}</path>'
                if inner
                else f'<path class="{escape(style)}" d="{d}"/>'
            )

    def rect(self, x: float, y: float, width: float, height: float, style: str, title: str = "") -> None:
        """A rectangle; never narrower than half a unit, so that what happened can be seen."""
        d = f"M{num(x)} {num(y)}h{num(max(width, 0.5))}v{num(height)}h{num(-max(width, 0.5))}z"
        self.path(d, style, title)

    def rule(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        if y1 == y2:
            self.path(f"M{num(x1)} {num(y1)}H{num(x2)}", style)
        else:
            self.path(f"M{num(x1)} {num(y1)}{f'V{num(y2)}' if x1 == x2 else f'L{num(x2)} {num(y2)}'}", style)

    def dot(self, x: float, y: float, radius: float, style: str) -> None:
        """A filled circle."""
        self._marks.append(f'<circle class="{escape(style)}" cx="{num(x)}" cy="{num(y)}" r="{num(radius)}"/>')

    def finish(self, uid: str, title: str, description: str, style: str = "lc") -> Markup:
        """The ``svg`` element. ``uid`` must be unique in the page; it is not to come from data."""
        head = join_title(uid, title, description)
        return Markup(
            f'<svg class="{escape(style)}" viewBox="0 0 {num(self.width)} {num(self.height)}" role="img"'
            f' aria-labelledby="{escape(uid)}-t {escape(uid)}-d" xmlns="http://www.w3.org/2000/svg">'
            f"{head}{''.join(self._marks)}</svg>"
        )

    def picture(self, style: str = "lc") -> Markup:
        """The ``svg`` element for a drawing that repeats what text beside it says: hidden to readers."""
        return Markup(
            f'<svg class="{escape(style)}" viewBox="0 0 {num(self.width)} {num(self.height)}"'
            f' preserveAspectRatio="xMinYMid meet" aria-hidden="true">{"".join(self._marks)}</svg>'
        )


def join_title(uid: str, title: str, description: str) -> Markup:
    """The title and the message in words that a screen reader reads in place of the drawing."""
    return Markup(
        el("title", {"id": f"{uid}-t"}, shorten(line(title), 300) or "Chart")
        + el("desc", {"id": f"{uid}-d"}, shorten(line(description), 1200) or "No description.")
    )


def polyline(points: Iterable[Point]) -> str:
    """Path data through ``points``, in relative steps, which are shorter to write."""
    d: list[str] = []
    last: tuple[int, int] | None = None
    for x, y in points:
        # Tenths of a unit as whole numbers, so that rounding never adds up along the path.
        here = (round(10 * x), round(10 * y))
        if last is None:
            d.append(f"M{here[0] / 10:g} {here[1] / 10:g}")
        else:
            d.append(
                f"{'l' if len(d) == 1 else ' '}{(here[0] - last[0]) / 10:g} {(here[1] - last[1]) / 10:g}"
            )
        last = here
    return "".join(d)


def polygon(upper: Sequence[Point], lower: Sequence[Point]) -> str:
    """Path data of the area between two lines."""
    return polyline([*upper, *reversed(lower)]) + "z" if upper and lower else ""


def blank(uid: str, title: str, message: str) -> Markup:
    """A chart that says why it shows nothing."""
    canvas = Canvas(height=64)
    canvas.path("M0.5 10.5h399v43h-399z", "c-void")
    canvas.text(WIDTH / 2, 36.5, message, anchor="middle", style="t-q")
    return canvas.finish(uid, title, message)
