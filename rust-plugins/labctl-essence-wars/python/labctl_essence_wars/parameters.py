"""What a user may set of this project. Light."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from labctl.api import InputFile, Param, Parameters

FACTIONS = ("argentum", "symbiote", "obsidion")
CONFIGURATIONS = ("generalist", *FACTIONS)
PAIRS = (("argentum", "symbiote"), ("argentum", "obsidion"), ("symbiote", "obsidion"))
VARIABLES = 25
"""Weights that are searched; three of the 28 stand still."""


class Options(Parameters, frozen=True, kw_only=True):
    """The options of ``labctl run essence-wars``. The defaults take about a minute on two cores."""

    mode: Annotated[
        Literal["full", "train-only", "validate-only"],
        Param(description="train and validate, or one of the two"),
    ] = "full"
    single: Annotated[
        Literal["generalist", "argentum", "symbiote", "obsidion"] | None,
        Param(description="train this configuration alone"),
    ] = None
    sequential: Annotated[bool, Param(description="validate in one job and not in three")] = False
    validation_games: Annotated[
        int, Param(ge=1, le=1_000_000, description="games of each pair of decks in each direction")
    ] = 30
    validation_timeout: Annotated[
        int, Param(ge=1, le=86_400, description="seconds that a validation job may take")
    ] = 3600
    validation_sims: Annotated[
        int, Param(ge=1, le=100_000, description="simulations of both players of a validation")
    ] = 20
    generations: Annotated[int, Param(ge=1, le=100_000, description="generations of CMA-ES")] = 12
    games: Annotated[
        int,
        Param(ge=6, le=1_000_000, description="games of an evaluation, from both seats"),
    ] = 36
    population: Annotated[
        int, Param(ge=0, le=1000, description="candidates of a generation; 0 for 4 + 3 ln n, which is 13")
    ] = 0
    mcts_sims: Annotated[
        int, Param(ge=1, le=100_000, description="simulations of the searching opponents in training")
    ] = 10
    sigma: Annotated[
        float, Param(gt=0.0, le=1.0, description="step size at the start, in units of the weights' ranges")
    ] = 0.15
    rollout: Annotated[
        Literal["truncated", "full", "random", "leaf"], Param(description="how a search values its leaves")
    ] = "truncated"
    configs: Annotated[
        InputFile | None,
        Param(description="a YAML list of tag, mode, args, description: train these, in parallel"),
    ] = None
    train_cores: Annotated[
        int, Param(ge=1, le=256, description="cores of a training, as far as the machine has them")
    ] = 1
    validation_cores: Annotated[
        int, Param(ge=1, le=256, description="cores of a validation, as far as the machine has them")
    ] = 1

    def __post_init__(self) -> None:
        if self.games % 2:
            raise ValueError(f"games is {self.games} and has to be even: each deal is played from both seats")
        if self.single and self.mode == "validate-only":
            raise ValueError("single and mode validate-only do not go together: nothing is trained")
        if self.configs is not None and self.mode == "validate-only":
            raise ValueError("configs and mode validate-only do not go together: nothing is trained")
        if self.configs is not None and self.single:
            raise ValueError("configs and single both say what is trained: leave one out")

    @property
    def trains(self) -> bool:
        return self.mode != "validate-only"

    @property
    def validates(self) -> bool:
        return self.mode != "train-only" and self.configs is None

    @property
    def trained(self) -> tuple[str, ...]:
        """The configurations that this run trains, or would take from another."""
        return (self.single,) if self.single else CONFIGURATIONS

    @property
    def candidates(self) -> int:
        """Candidates of a generation."""
        return self.population or 13


PRESETS: dict[str, dict[str, Any]] = {
    "source": {
        "generations": 100,
        "games": 100,
        "mcts_sims": 50,
        "validation_games": 500,
        "validation_sims": 100,
        "train_cores": 16,
        "validation_cores": 32,
    },
    "quick": {
        "generations": 50,
        "games": 50,
        "mcts_sims": 50,
        "validation_games": 100,
        "validation_sims": 50,
        "train_cores": 16,
        "validation_cores": 32,
    },
}
