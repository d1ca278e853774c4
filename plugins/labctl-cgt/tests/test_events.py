"""When a model collapsed, and which of its checks are scored."""

from __future__ import annotations

import numpy as np
import pytest

from labctl_cgt.judging.riskset import risk_set
from labctl_cgt.training.events import NEVER, Courses, courses, gap_courses


def prediction(recall: list[float], other: float = 0.9, alive: list[bool] | None = None) -> Courses:
    low = np.array(recall)[:, None]
    outcome = {"recall_0": low, "recall_1": np.full_like(low, other)}
    return courses("prediction", outcome, np.array(alive or [True] * len(recall))[:, None])


def test_two_checks_in_a_row_make_a_collapse_at_the_first():
    assert prediction([0.7, 0.05, 0.6, 0.05, 0.04, 0.5]).onset[0] == 3


def test_one_bad_check_is_no_collapse():
    assert prediction([0.7, 0.05, 0.6, 0.09]).onset[0] == NEVER


def test_a_model_that_never_learned_cannot_collapse():
    found = prediction([0.0, 0.0, 0.3, 0.0, 0.0])
    assert found.entry[0] == NEVER
    assert found.onset[0] == NEVER
    assert not found.at_risk().any()


def test_divergence_ends_the_observation():
    found = prediction([0.7, 0.7, 0.05, 0.05], alive=[True, True, False, False])
    assert found.onset[0] == NEVER
    assert found.end[0] == 2
    assert found.at_risk()[:, 0].tolist() == [True, True, False, False]


def test_representation_collapse_is_measured_at_its_own_peak():
    rank = np.array([[4.0], [20.0], [3.0], [1.9], [15.0]])
    found = courses("representation", {"effective_rank": rank}, np.ones((5, 1), dtype=bool))
    assert found.onset[0] == 3
    assert found.at_risk()[:, 0].tolist() == [True, True, True, False, False]


def test_the_source_s_gap_is_one_check():
    outcome = {"recall_0": np.array([[0.8], [0.45], [0.9]]), "recall_1": np.array([[0.8], [0.9], [0.9]])}
    assert gap_courses(outcome, np.ones((3, 1), dtype=bool)).onset[0] == 1


def test_scored_are_checks_whose_future_is_known():
    recall = [0.8] * 6 + [0.05, 0.05, 0.05, 0.05]
    risk = risk_set(prediction(recall), 2, np.array([99.0]))
    assert risk.scored[:, 0].tolist() == [True] * 6 + [False] * 4
    assert risk.soon[:, 0].tolist() == [False] * 4 + [True] * 2 + [False] * 4
    healthy = risk_set(prediction([0.8] * 6), 2, np.array([99.0]))
    # A collapse at the last check needs one more to be known, so check 5 is unknown, and 3 looks at it.
    assert healthy.scored[:, 0].tolist() == [True] * 3 + [False] * 3


def test_checks_before_an_unforeseeable_shock_are_not_scored():
    recall = [0.8] * 6 + [0.05] * 4
    risk = risk_set(prediction(recall), 2, np.array([4.5]))
    assert risk.scored[:, 0].tolist() == [True, True, True, False, False, True, False, False, False, False]
    assert risk.soon[:, 0].tolist() == [False] * 5 + [True] + [False] * 4


def test_an_unbalanced_probe_is_refused():
    torch = pytest.importorskip("torch")
    from labctl_cgt.subjects.family import Probe

    Probe(torch.zeros(1, 4, 2), torch.tensor([0, 1, 0, 1]))
    for y in ([0, 1, 1, 1], [0, 0, 0, 0]):
        with pytest.raises(ValueError, match="not balanced"):
            Probe(torch.zeros(1, 4, 2), torch.tensor(y))


test_an_unbalanced_probe_is_refused = pytest.mark.xdist_group("torch")(test_an_unbalanced_probe_is_refused)


def test_a_late_collapse_without_a_shock_is_scored():
    recall = [0.8] * 8 + [0.05] * 2
    assert risk_set(prediction(recall), 2, np.array([np.inf])).soon[:, 0].sum() == 2
