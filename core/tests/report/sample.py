"""A run as a report shows it, with every kind of part: the numbers are made up."""

from __future__ import annotations

import math
import random

from labctl.model.charts import (
    Bar,
    Bars,
    Forest,
    ForestRow,
    HeatMap,
    Lines,
    Points,
    Scatter,
    Series,
    Span,
    Timeline,
)
from labctl.model.plan import Prediction
from labctl.model.results import Baseline, Evidence, Metric, Section, Step, Table, Verdict
from labctl.report.view import (
    ArtifactRow,
    Cost,
    EnvironmentRow,
    Fact,
    JobRow,
    LeftOut,
    ParameterRow,
    Registration,
    ReportView,
    SealRow,
)

START = 1_795_183_332.0


def recall_bars() -> Bars:
    values = (
        ("soft class minimum", 0.74, 0.62, 0.84, "base"),
        ("loss, EMA", 0.53, 0.40, 0.66, "base"),
        ("logit spread", 0.38, 0.26, 0.51, "base"),
        ("class-accuracy gap", 0.35, 0.24, 0.47, "base"),
        ("persistence", 0.31, 0.21, 0.43, "base"),
        ("gradient norm", 0.21, 0.13, 0.32, "base"),
        ("temperature", 0.17, 0.09, 0.27, "own"),
        ("q_neural", 0.12, 0.06, 0.21, "base"),
        ("effective rank", 0.09, 0.04, 0.17, "base"),
        ("cooling", 0.08, 0.03, 0.16, "own"),
    )
    rows = tuple(Bar(label, v, low, high, tone) for label, v, low, high, tone in values)
    gone = (
        Bar("temperature (legacy)", None, tone="own", note="degenerate: always 0"),
        Bar("confusion", None, tone="own", note="not measured: job failed"),
    )
    return Bars(
        title="chiral: the cheapest signal announces three of four collapses",
        subtitle="Recall at 5 % false alarms, 88 prediction collapses in 240 models.",
        rows=rows + gone,
        reference=0.05,
        reference_label="alarms at random",
        maximum=1.0,
        note="Interval: 95 %, bootstrap over models, 2,000 draws.",
    )


def gain_forest() -> Forest:
    return Forest(
        title="Adding an operator to all monitors: no gain seen",
        subtitle="Change in AUC on held-out models.",
        rows=(
            ForestRow("temperature, chiral", -0.003, -0.012, 0.006, threshold=0.01),
            ForestRow("cooling, chiral", -0.001, -0.006, 0.004, threshold=0.01),
            ForestRow("both, chiral", -0.004, -0.015, 0.006, threshold=0.01, baseline=0.002),
            ForestRow("temperature, simsiam", 0.002, -0.003, 0.007, threshold=0.01),
            ForestRow("confusion, simsiam", 0.004, -0.002, 0.010, threshold=0.01),
            ForestRow("cooling, simsiam", None, note="needs hinges, none here"),
        ),
        reference=0.0,
        reference_label="no change",
        note="Paired bootstrap over models.",
    )


def collapse_lines(title: str, low: float, decimals: float = 1.0) -> Lines:
    xs = tuple(float(x) for x in range(-20, 1))
    healthy = tuple(decimals * (0.41 + 0.006 * math.sin(x)) for x in xs)
    falling = tuple(decimals * (0.41 - (0.41 - low) / (1 + math.exp(-(x + 5) * 0.8))) for x in xs)

    def band(ys: tuple[float, ...], width: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(y - width * decimals for y in ys), tuple(y + width * decimals for y in ys)

    return Lines(
        title=title,
        subtitle="chiral, mean of 88 collapsing models and 88 healthy ones at the same step.",
        series=(
            Series("88 healthy (matched)", xs, healthy, *band(healthy, 0.012), tone="cool", dashed=True),
            Series("88 that collapse", xs, falling, *band(falling, 0.018), tone="warm"),
        ),
        x_label="checks before the collapse",
        reference=0.2 * decimals,
        reference_label="alarm",
        note="Band: 95 % interval of the mean, bootstrap over models.",
    )


def plane_scatter() -> Scatter:
    rng = random.Random(7)
    groups = (
        ("healthy", 0.6, 0.8, "cool"),
        ("collapsed", 0.3, 0.3, "warm"),
        ("stopped early", 0.5, 0.4, "base"),
    )
    return Scatter(
        title="Two signals hardly overlap",
        subtitle="Effective rank and soft class minimum at the last check, 180 models.",
        groups=tuple(
            Points(
                label,
                tuple(rng.gauss(cx, 0.1) for _ in range(60)),
                tuple(rng.gauss(cy, 0.08) for _ in range(60)),
                tone,
            )
            for label, cx, cy, tone in groups
        ),
        x_label="effective rank",
        y_label="soft class minimum",
    )


def deck_heat() -> HeatMap:
    names = ("aggro", "burn", "control", "midrange", "ramp", "tempo", "token")
    rng = random.Random(3)
    values = tuple(
        tuple(None if r == c else round(rng.uniform(0.2, 0.8), 2) for c in range(7)) for r in range(7)
    )
    return HeatMap(
        title="Control loses to ramp and beats the rest",
        subtitle="Share of games won by the row, 200 each.",
        rows=names,
        columns=names,
        values=values,
        middle=0.5,
        row_label="wins",
        column_label="against",
    )


def small_timeline() -> Timeline:
    return Timeline(
        title="Two workers were busy for 82 seconds",
        subtitle="Seconds from the start.",
        spans=(
            Span("worker 1", "train/chiral", 0.6, 38, "cool"),
            Span("worker 2", "train/simsiam", 0.7, 44, "cool"),
            Span("worker 1", "temperature", 38.2, 52, "own"),
            Span("worker 2", "confusion", 44.1, 48.9, "bad", "failed"),
            Span("worker 2", "monitors", 50, 66, "base"),
            Span("host", "collect", 78, 81.5, "plain"),
        ),
    )


def six_charts() -> tuple[Bars | Forest | Lines | Scatter | HeatMap | Timeline, ...]:
    lines = collapse_lines("The soft class minimum leaves eight checks ahead", 0.09)
    return recall_bars(), gain_forest(), lines, plane_scatter(), deck_heat(), small_timeline()


def _verdict(
    name: str, claim: str, op: str, threshold: float, outcome: str, jobs: tuple[str, ...], **more: object
) -> Verdict:
    prediction = Prediction(name, claim, jobs, "", op, threshold, family="cgt")  # type: ignore[arg-type]
    return Verdict(prediction, outcome, **more)  # type: ignore[arg-type]


def verdicts() -> tuple[Verdict, ...]:
    def of(
        name: str, estimate: float, low: float, high: float, rival: Baseline, events: int, n: int
    ) -> Evidence:
        return Evidence(name, estimate, low, high, n=n, events=events, baseline=rival)

    chance = Baseline("healthy models", 0.51)
    return (
        _verdict(
            "P3.1",
            "Confusion width tells collapsing models from healthy ones: AUC above 0.70 (simsiam).",
            ">",
            0.70,
            "supported",
            ("confusion/simsiam",),
            baseline_better=True,
            p_adjusted=0.0004,
            evidence=of("P3.1", 0.80, 0.75, 0.85, Baseline("RankMe", 0.89), 59, 160),
        ),
        _verdict(
            "P1.1",
            "Temperature falls over the 20 checks before a collapse, in 80 % of cases (chiral).",
            ">=",
            0.80,
            "refuted",
            ("temperature/chiral",),
            evidence=of("P1.1", 0.58, 0.49, 0.66, chance, 88, 240),
        ),
        _verdict(
            "P1.2-sound",
            "A temperature below 0.2 predicts collapse within 2 epochs: AUC above 0.92 (chiral).",
            ">",
            0.92,
            "refuted",
            ("temperature/chiral",),
            baseline_better=True,
            evidence=of("P1.2-sound", 0.62, 0.55, 0.69, Baseline("soft class minimum", 0.89), 88, 240),
        ),
        _verdict(
            "P1.3",
            "Temperature rises, then falls, and peaks 1 or 2 epochs before the collapse, in more than half.",
            ">",
            0.50,
            "inconclusive",
            ("temperature/chiral",),
            post_hoc=True,
            reason="The interval contains the threshold.",
            evidence=of("P1.3", 0.44, 0.34, 0.55, Baseline("healthy models", 0.41), 88, 240),
        ),
        _verdict(
            "P2.1",
            "Cooling faster than 0.05 per epoch is followed by collapse within 2 epochs, in 80 %.",
            ">=",
            0.80,
            "untestable",
            ("cooling/chiral",),
            evidence=Evidence(
                "P2.1",
                status="untestable",
                note="Cannot happen: with this learning rate the hinges move at most 0.0015 per epoch.",
            ),
        ),
        _verdict(
            "P1.2",
            "A temperature below 0.2 predicts collapse, with the formula as first written.",
            ">",
            0.92,
            "degenerate",
            ("temperature/chiral",),
            evidence=Evidence(
                "P1.2",
                status="degenerate",
                note="Left and Right score the same deterministic output, so all 19,200 readings are 0.",
            ),
        ),
        _verdict(
            "P3.2",
            "Confusion width jumps before a collapse: recall at least 0.75 (chiral).",
            ">=",
            0.75,
            "not judged",
            ("confusion/chiral",),
            reason="The job that measures it failed.",
        ),
    )


def jobs() -> tuple[JobRow, ...]:
    rows = []
    plan = [
        ("train/chiral/0", 0.6, 19.2, 1),
        ("train/chiral/1", 0.7, 19.9, 2),
        ("train/chiral/2", 20.0, 18.1, 1),
        ("train/simsiam/0", 20.8, 17.4, 2),
        ("train/simsiam/1", 38.2, 17.1, 1),
        ("monitors/chiral", 38.4, 5.0, 2),
        ("temperature/chiral", 43.6, 13.6, 2),
        ("cooling/chiral", 55.5, 1.7, 1),
        ("confusion/chiral", 57.2, 2.4, 2),
        ("monitors/simsiam", 57.4, 4.9, 1),
        ("temperature/simsiam", 62.4, 8.9, 1),
        ("confusion/simsiam", 62.9, 10.1, 2),
    ]
    for name, start, took, lane in plan:
        failed = name == "confusion/chiral"
        rows.append(
            JobRow(
                id=name,
                state="failed" if failed else "succeeded",
                seconds=took,
                started=START + start,
                ended=START + start + took,
                lane=f"worker {lane}",
                tries=2 if failed else 1,
                error="ValueError: option list of model 37 is empty, so it has no width" if failed else "",
                where="labctl_cgt_confusion/operator.py:88" if failed else "",
                log="14:03:18.004  model 36/240  width 0.412\n14:03:18.006  model 37/240  draws 0\n"
                "ValueError: option list of model 37 is empty, so it has no width\n"
                if failed
                else "",
            )
        )
    reason = "The operator needs hinges; the subject simsiam has none."
    return (*rows, JobRow(id="cooling/simsiam", state="skipped", reason=reason))


def sections() -> tuple[Section, ...]:
    change = Table(
        "Change in AUC",
        ("Added", "ΔAUC", "Reading"),
        (
            ("temperature, chiral", -0.003, "cannot tell"),
            ("both, chiral", -0.004, "cannot tell"),
            ("temperature, simsiam", 0.002, "no difference"),
        ),
        note="Read with the margin ±0.01, registered beforehand.",
    )
    return (
        Section(
            title="All warnings compared",
            headline="No operator warned of collapse better than a cheap baseline",
            text=(
                "Each warning gets the threshold at which it alarms on 5 % of healthy checks. Recall is the "
                "share of collapses it then announces one check ahead.",
            ),
            charts=(recall_bars(), gain_forest(), plane_scatter(), deck_heat()),
            tables=(change,),
            metrics=(
                Metric("models trained", 400),
                Metric("collapsed", 147, n=400),
                Metric(
                    "cost of an operator", 0.064, 0.05, 0.08, better="down", note="share of a training step"
                ),
            ),
        ),
        Section(
            title="Temperature",
            headline="P1.1 and P1.2 refuted, P1.3 inconclusive.",
            rank=1,
            text=(
                "Half the gap between the best that Left and the worst that Right can do from here, "
                "on the same position.",
            ),
            charts=(
                collapse_lines("Temperature hardly moves before a collapse", 0.36),
                collapse_lines("The soft class minimum leaves eight checks ahead", 0.09),
            ),
            evidence=(Evidence("P1.1"), Evidence("P1.2-sound"), Evidence("P1.3"), Evidence("P1.2")),
        ),
        Section(
            title="Confusion interval",
            headline="P3.1 supported on simsiam; P3.2 not judged on chiral.",
            rank=2,
            text=("The claim holds, and RankMe, which costs less, does better at the same task.",),
            charts=(collapse_lines("RankMe falls earlier and further", 0.14, 29.0),),
            evidence=(Evidence("P3.1"), Evidence("P3.2")),
            next=(
                Step("Look at the readings of one model.", "labctl collect cgt-14 --artifact 'confusion/*'"),
            ),
        ),
    )


def view() -> ReportView:
    """A run of 13 jobs of which one failed and one was skipped, with seven claims."""
    return ReportView(
        run="cgt-14",
        run_id="019aa1c3-7d42-7b1e-9f60-52c1d0e7a914",
        project="cgt",
        project_title="does a model’s game temperature warn of collapse?",
        command="labctl run cgt",
        executor="on this machine, 2 workers",
        state="partial",
        exit_code=6,
        started=START,
        ended=START + 82,
        wall_seconds=82.0,
        cpu_seconds=141.0,
        cost=Cost(0.0, 0.0, 0.0),
        registration=Registration(
            "sha256:9c41e07b5d2f8a63c0e4b7719df1a8265e0c93b4a7d6f21e88c5b03d4f6a1e72", START - 1.2, True
        ),
        plan_digest="sha256:1f7be2c9a4d05e6b",
        verdicts=verdicts(),
        sections=sections(),
        jobs=jobs(),
        next=(
            Step(
                "Read why confusion/chiral failed, then run only that job again (about 3 s).",
                "labctl retry cgt-14 --failed",
            ),
            Step(
                "Settle P1.3: its interval needs about three times as many collapsing models (about 4 min).",
                "labctl run cgt --num-models 1200",
            ),
            Step(
                "Make P2.1 testable: raise the hinges’ learning rate at least 34-fold.",
                "labctl run cgt --hinge-lr 5e-3",
            ),
        ),
        notes=("first run with the confusion extension",),
        tags=("pilot", "paper-draft"),
        parameters=(
            ParameterRow("num_models", "400", "experiment.yaml:3", False),
            ParameterRow("seed", "20261120"),
            ParameterRow("num_epochs", "20"),
            ParameterRow("hinge_lr", "1e-4"),
        ),
        environments=(
            EnvironmentRow("train", "python 3.12, torch 2.13 (CPU), 1 cpu, 2 GiB", "5ad0c3e81f42"),
        ),
        versions={
            "labctl": "0.4.0",
            "labctl-cgt": "0.4.0",
            "labctl-cgt-confusion": "0.3.0",
            "torch": "2.13.0",
            "numpy": "2.4.6",
        },
        left_out=(
            LeftOut(
                "spectra",
                "could not be imported: No module named 'scipy'. The run went on without it.",
                "labctl-cgt-spectra 0.1.0",
                "pip install 'labctl-cgt-spectra[all]'",
            ),
        ),
        seals=(SealRow("holdout-2026", START + 70, "temperature/simsiam", "opened once"),),
        artifacts=(
            ArtifactRow("readings.parquet", "temperature/chiral", 1_400_000, "b71e90d2c4"),
            ArtifactRow("curves.json", "monitors/chiral", 212_000, "77ab01cd3e"),
        ),
        machine=(Fact("Linux", "x86_64"), Fact("cores", "2"), Fact("memory", "8 GiB")),
        labctl_version="0.4.0",
    )


def many_jobs(count: int = 300) -> ReportView:
    """A run of ``count`` jobs on eight workers, one in ten of which failed."""
    rng = random.Random(1)
    free = [0.0] * 8
    rows = []
    for i in range(count):
        lane = min(range(8), key=free.__getitem__)
        took = rng.uniform(0.5, 9)
        failed = i % 10 == 3
        family = ("train", "probe", "temperature")[i % 3]
        error = f"RuntimeError: worker lost at step {i // 40}" if failed else ""
        rows.append(
            JobRow(
                id=f"{family}/shard-{i:03}",
                state="failed" if failed else "succeeded",
                seconds=took,
                error=error,
                started=START + free[lane],
                ended=START + free[lane] + took,
                lane=f"worker {lane + 1}",
            )
        )
        free[lane] += took + 0.05
    return ReportView(
        run="big-3",
        project="big",
        state="partial",
        started=START,
        ended=START + max(free),
        wall_seconds=max(free),
        cpu_seconds=sum(r.seconds for r in rows),
        jobs=tuple(rows),
        executor="on 8 containers",
        command="labctl run big --on modal",
        cost=Cost(1.2, 4.0, 1.31),
        exit_code=6,
    )


def all_failed() -> ReportView:
    """Nothing worked and nothing was claimed."""
    rows = tuple(
        JobRow(
            id=f"train/{i}",
            state="failed",
            seconds=0.2,
            error="ModuleNotFoundError: No module named 'torch'",
            started=START,
            ended=START + 0.2,
            lane="worker 1",
        )
        for i in range(12)
    )
    after = tuple(JobRow(id=f"probe/{i}", state="skipped", reason="needs train") for i in range(30))
    return ReportView(
        run="x-1",
        project="x",
        state="failed",
        jobs=rows + after,
        exit_code=6,
        started=START,
        wall_seconds=0.4,
    )
