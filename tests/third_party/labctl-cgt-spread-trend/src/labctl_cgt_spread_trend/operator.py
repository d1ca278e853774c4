"""What the operator reads, what warns, and what is claimed. Light: no torch here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from labctl.api import Param, Parameters
from labctl_cgt.operator import Claim, Indicator, Operator, Request


class Options(Parameters):
    """The options ``--spread-trend.*`` of ``labctl run cgt``."""

    window: Annotated[int, Param(ge=1, le=20, description="epochs that the slope is taken over")] = 2


class SpreadTrend(Operator):
    name = "spread-trend"
    measure = "labctl_cgt_spread_trend.measure:spread_trend"
    needs = ("embeddings",)
    indicators = (Indicator(name="slope", label="spread trend", risk="low", mode="sound", unit="per epoch"),)
    parameters = Options

    def claims(self, request: Request) -> Iterator[Claim]:
        yield Claim(
            id=f"S1/{request.subject.name}",
            claim="A shrinking spread tells checks shortly before a collapse from others: AUC above 0.7.",
            indicator="slope",
            metric="auc",
            op=">",
            threshold=0.7,
        )


spread_trend = SpreadTrend()
