"""One way in to all charts."""

from __future__ import annotations

from labctl.model.charts import Bars, Chart, Forest, HeatMap, Lines, Scatter, Timeline
from labctl.report.canvas import blank
from labctl.report.chart_words import describe
from labctl.report.markup import Markup


def draw(chart: Chart, uid: str) -> Markup:
    """The chart as an ``svg`` element, about 400 units wide.

    ``uid``: unique in the page and never from data; the ids of title and description begin with it.
    A chart whose fields are not of the types that they should be is replaced by a drawing that says
    so: one bad section must not cost the report of a run.
    """
    try:
        return _draw(chart, uid)
    except Exception as error:
        title = getattr(chart, "title", "Chart")
        return blank(uid, title, f"This chart cannot be drawn: {type(error).__name__}: {error}")


def _draw(chart: Chart, uid: str) -> Markup:  # each kind's module is imported for the first of its charts
    if not isinstance(chart, Chart):
        raise TypeError(f"{type(chart).__name__} is no chart")
    words = describe(chart)
    match chart:
        case Bars():
            from labctl.report.charts_bars import draw_bars

            return draw_bars(chart, uid, words)
        case Forest():
            from labctl.report.charts_bars import draw_forest

            return draw_forest(chart, uid, words)
        case Lines():
            from labctl.report.charts_lines import draw_lines

            return draw_lines(chart, uid, words)
        case Scatter():
            from labctl.report.charts_scatter import draw_scatter

            return draw_scatter(chart, uid, words)
        case HeatMap():
            from labctl.report.charts_heat import draw_heat_map

            return draw_heat_map(chart, uid, words)
        case Timeline():
            from labctl.report.charts_timeline import draw_timeline

            return draw_timeline(chart, uid, words)
