"""What a report costs: milliseconds and bytes of six charts and of a page, beside matplotlib if it is there.

Run by hand: ``python benchmarks/report.py``. Each figure is the median of repeated runs.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 15


def sample() -> Any:
    """The data of the report's tests."""
    path = ROOT / "core" / "tests" / "report" / "sample.py"
    spec = importlib.util.spec_from_file_location("report_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def milliseconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """CPU time of ``work``, median."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)


def importing(statement: str) -> float:
    """What an import adds to a bare interpreter, in milliseconds of wall time."""

    def run(code: str) -> float:
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken.append(1000 * (time.perf_counter() - start))
        return statistics.median(taken)

    return run(statement) - run("pass")


def row(name: str, ms: float, text: str | None = None) -> None:
    """One line of the table."""
    data = text.encode() if text is not None else b""
    size = f"{len(data):>9,} {len(gzip.compress(data)):>9,}" if text is not None else ""
    print(f"{name:<38} {ms:>8.1f} {size}")


def six_with_matplotlib(charts: Any) -> str:
    """Roughly the same six charts, as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    bars, forest, lines, scatter, heat, spans = charts
    out = []
    for kind in range(6):
        figure, axes = pyplot.subplots(figsize=(4.2, 3))
        if kind == 0:
            known = [r for r in bars.rows if r.value is not None]
            axes.barh([r.label for r in known], [r.value for r in known])
        elif kind == 1:
            known = [r for r in forest.rows if r.estimate is not None]
            axes.errorbar([r.estimate for r in known], range(len(known)), xerr=0.005, fmt="o")
        elif kind == 2:
            for series in lines.series:
                axes.plot(series.x, series.y, label=series.label)
                axes.fill_between(series.x, series.low, series.high, alpha=0.2)
        elif kind == 3:
            for group in scatter.groups:
                axes.scatter(group.x, group.y)
        elif kind == 4:
            axes.imshow([[float("nan") if v is None else v for v in r] for r in heat.values])
        else:
            for span in spans.spans:
                axes.barh(span.lane, span.end - span.start, left=span.start)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg")
        pyplot.close(figure)
        out.append(buffer.getvalue())
    return "".join(out)


def main() -> None:
    from labctl.report.charts import draw
    from labctl.report.html_page import to_html
    from labctl.report.view import to_json

    data = sample()
    charts, view, many = data.six_charts(), data.view(), data.many_jobs()
    print(f"{'':<38} {'ms':>8} {'bytes':>9} {'gzipped':>9}")
    row("import labctl.report.html_page", importing("import labctl.report.html_page"))

    def six() -> str:
        return "".join(draw(chart, f"c{i}") for i, chart in enumerate(charts))

    row("six charts", milliseconds(six), six())
    row("a page: 10 charts, 7 claims, 13 jobs", milliseconds(lambda: to_html(view)), to_html(view))
    row("a page: 300 jobs", milliseconds(lambda: to_html(many)), to_html(many))
    row("the same as JSON", milliseconds(lambda: to_json(many)), to_json(many).decode())
    if importlib.util.find_spec("matplotlib") is None:
        print("matplotlib is not installed: nothing to compare with.")
        return
    row("import matplotlib.pyplot", importing("import matplotlib.pyplot"))
    row(
        "six charts, matplotlib",
        milliseconds(lambda: six_with_matplotlib(charts), 3),
        six_with_matplotlib(charts),
    )


if __name__ == "__main__":
    main()
