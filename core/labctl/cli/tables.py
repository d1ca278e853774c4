"""Numbers, times and rows as a terminal shows them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from labctl.terminal import write


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print rows under a head; columns in ``right`` are set to the right. Nothing is wrapped."""
    listed = [list(row) for row in rows]
    aligned = set(right)
    widths = [max(len(r[i]) for r in [list(head), *listed]) for i in range(len(head))]
    for row in [list(head), *listed]:
        cells = [
            f"{cell:>{w}}" if i in aligned else f"{cell:{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        write("  ".join(cells).rstrip())


def span(seconds: float) -> str:
    """``4.6 s``, ``1 min 22 s``, ``2 h 5 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"


def clock(when: float, now: time.struct_time | None = None) -> str:
    """``today 14:02``, ``19 Nov 16:30``; with the year if it is another one."""
    moment, now = time.localtime(when), now or time.localtime()
    if moment[:3] == now[:3]:
        return time.strftime("today %H:%M", moment)
    return time.strftime("%d %b %H:%M" if moment[0] == now[0] else "%d %b %Y", moment)


def money(usd: float) -> str:
    return f"${usd:.2f}"


def estimate(value: float | None, low: float | None, high: float | None) -> str:
    """``0.62 [0.55, 0.69]``."""
    if value is None:
        return "-"
    text = f"{value:.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.2g}"
    if low is None or high is None:
        return text
    return f"{text} [{low:.2f}, {high:.2f}]" if abs(high) >= 0.005 else f"{text} [{low:.2g}, {high:.2g}]"


def count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
