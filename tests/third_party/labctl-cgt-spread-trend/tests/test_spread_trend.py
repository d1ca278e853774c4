from __future__ import annotations

import torch
from labctl_cgt_spread_trend.measure import slopes


def test_the_slope_of_a_line_is_its_slope() -> None:
    lines = torch.arange(6.0)[:, None] * torch.tensor([2.0, -0.5])
    found = slopes(lines, 3)
    assert found[:3].isnan().all()
    assert torch.allclose(found[3:], torch.tensor([2.0, -0.5]).expand(3, 2))
