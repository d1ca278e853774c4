"""What a plugin plans: jobs, services and the claims they are to settle."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Operator = Literal[">", ">=", "<", "<="]


class InputFile:
    """A file a user names; digested when it is parsed, read-only in the job.

    ``path`` is absolute, ``sha256`` is of the content (of the tree for a folder), ``size`` in bytes.
    As a parameter's type it takes a path from the command line or from YAML.
    """

    __slots__ = ("path", "sha256", "size")

    def __init__(self, path: str, sha256: str, size: int) -> None:
        self.path = path
        self.sha256 = sha256
        self.size = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InputFile) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __repr__(self) -> str:
        return f"InputFile({self.path!r}, {self.sha256[:8]})"


class Job(msgspec.Struct, frozen=True, tag_field="kind", tag="job"):
    """One call of ``module:function`` with JSON parameters in an environment.

    ``id``: words of letters, digits, ``. _ - =``, joined by ``/``; its first part is its family.
    ``environment``: the name of one of the plan's environments; may be left out if there is but one.
    ``needs``: role -> ids of jobs whose results the function reads through ``job.input(role)``.
    ``tolerant``: runs although a need failed, and is told so.
    ``code``: modules that the function reaches by a string only, so that its key can know them.
    ``seed``: derived from the run's seed and the id when None.
    ``fresh``: in a process that has run nothing before.
    ``seal``: the name of sealed data that the job opens.
    ``timeout``: seconds, at most its environment's. ``estimate``: seconds expected, and ``counts``:
    what it does, how often (``{"games": 40_000}``), for the plan.
    ``lent``: never run here; its result is taken from the run of ``--from``, the cache, or the newest
    run of the project that has it. Without one, those that need it are told so: they are tolerant.
    In a plan with such jobs ``--from`` is for them alone: the others are run.
    """

    id: str
    function: str
    params: dict[str, Any] = {}
    environment: str = ""
    needs: dict[str, tuple[str, ...]] = {}
    files: dict[str, InputFile] = {}
    tolerant: bool = False
    tags: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    seed: int | None = None
    cache: bool = True
    fresh: bool = False
    seal: str | None = None
    timeout: float | None = None
    estimate: float | None = None
    counts: dict[str, int] = {}
    lent: bool = False


class Service(Job, frozen=True, tag_field="kind", tag="service"):
    """A job that answers on a port until it is stopped (``job.port``, ``job.token``, ``job.ready()``)."""


class Prediction(msgspec.Struct, frozen=True):
    """A claim with its rule, registered before the first job of the run starts.

    Supported when the whole interval of the estimate satisfies ``estimate op threshold``, refuted
    when all of it fails to, inconclusive between. ``margin`` (>= 0) moves the threshold to the
    claim's favour: ``>=`` with margin m reads "no worse than threshold - m".
    ``jobs``: ids (``*`` as in file names) whose results it is judged from.
    ``estimand``: what is estimated, in words, with unit and population.
    ``family``: predictions judged together; their p-values are Holm-adjusted.
    ``min_n``: with fewer units than this the verdict is inconclusive.
    """

    id: str
    claim: str
    jobs: tuple[str, ...]
    estimand: str
    op: Operator
    threshold: float
    margin: float = 0.0
    family: str | None = None
    min_n: int = 0
