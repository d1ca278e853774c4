"""What is promised to authors, and what may not be imported where."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import labctl.api
import labctl.spi
from labctl import hookspecs
from labctl.api import Environment, Job, Prediction
from labctl.model.canonical import canonical, derive_seed, digest
from labctl.testing import Lab

EXPORTED = """
CONTRACT Action Artifact ArtifactError Bar Bars Baseline Chart Context Copy Environment Evidence Extension
Forest ForestRow HeatMap InputFile Job JobContext JobFailure JobResult Lines Metric Param Parameters Points
Prediction Publish Report Results Scatter Secret Section Series Service Span Step Stopped Table Timeline
Verdict digest hookimpl
"""


def test_the_api_exports_what_it_always_did() -> None:
    assert sorted(labctl.api.__all__) == sorted(EXPORTED.split())
    for name in labctl.api.__all__:
        assert hasattr(labctl.api, name)


def test_public_things_are_documented() -> None:
    for module in (labctl.api, labctl.spi):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) or inspect.isfunction(found):
                assert inspect.getdoc(found), f"{module.__name__}.{name}"


def test_hooks_have_the_signatures_of_the_contract() -> None:
    signatures = {
        name: tuple(inspect.signature(getattr(hookspecs, name)).parameters)
        for name in ("provision", "run", "collect", "deploy")
    }
    assert signatures == {
        "provision": ("ctx",),
        "run": ("ctx", "environments"),
        "collect": ("ctx", "results"),
        "deploy": ("ctx", "report"),
    }


def test_digests_are_frozen() -> None:
    """One encoder, for ever: another spelling of a number would empty every cache and registration."""
    values = {
        "1e-7": 1e-7,
        "1e22": 1e22,
        "text": "żółw </script>",
        "nested": {"b": [1, 2.0, None, True], "a": {"z": -0.0}},
        "job": Job("a/b", "m:f", {"lr": 1e-3}, needs={"x": ("c",)}),
        "environment": Environment(packages=("torch>=2",), cpu=1.5),
        "prediction": Prediction("P1", "c", ("a",), "AUC", ">", 0.9, family="f"),
        "empty": {},
        "tuple": (1, 2),
        "seed": derive_seed(0, "train/chiral/0"),
    }
    found = {name: digest(value)[:16] for name, value in values.items()}
    assert found == {
        "1e-7": "5b33e02f2c5103a0",
        "1e22": "9540e265d47f306a",
        "text": "7bb788cfa9f0412e",
        "nested": "523d167e54f7d4b0",
        # A whole job is in no key: its digest changes with each field that is added to it.
        "job": "3381a1081114395d",
        "environment": "a866c05469fa0b07",
        "prediction": "5968f7475e06f36f",
        "empty": "44136fa355b3678a",
        "tuple": "49a64717d5d4cb19",
        "seed": "5f2b37feed31491d",
    }


def test_canonical_refuses_what_json_has_not() -> None:
    for value in (float("nan"), float("inf"), {"x": [float("-inf")]}):
        with pytest.raises(ValueError):
            canonical(value)
    with pytest.raises(TypeError):
        canonical(object())
    assert canonical({"b": 1, "a": (1, 2)}) == b'{"a":[1,2],"b":1}'


def test_a_further_name_moves_no_other_seed() -> None:
    seeds = {name: derive_seed(3, name) for name in ("a", "b", "c")}
    assert len(set(seeds.values())) == 3
    assert seeds["a"] == derive_seed(3, "a")
    assert all(0 <= seed < 2**63 for seed in seeds.values())


HEAVY = {"torch", "transformers", "modal", "numpy", "rich", "asyncio"}
LISTING = HEAVY | {
    "click",
    "pluggy",
    "msgspec",
    "yaml",
    "sqlite3",
    "importlib.metadata",
    "re",
    "json",
    "dataclasses",
}


def modules_of(lab: Lab, *words: str) -> set[str]:
    script = (
        "import sys\nfrom labctl.__main__ import main\nsys.argv = ['labctl', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "open('modules', 'w').write('\\n'.join(sys.modules))\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, *words], cwd=lab.folder, env=lab.environment(), check=True,
        capture_output=True,
    )  # fmt: skip
    return set((lab.folder / "modules").read_text().split())


def test_listing_imports_next_to_nothing(dice: Lab) -> None:
    found = modules_of(dice, "plugins", "list")
    assert not found & LISTING
    assert not {name for name in found if name.startswith(("dice", "labctl_cgt"))}


@pytest.mark.parametrize(
    "words", [("--help",), ("runs", "list"), ("run", "dice", "--help"), ("run", "--help")]
)
def test_help_imports_nothing_heavy_and_no_other_plugin(dice: Lab, words: tuple[str, ...]) -> None:
    found = modules_of(dice, *words)
    assert not found & HEAVY
    assert not {name for name in found if name.startswith("labctl_cgt")}
    assert "dice_tasks" not in found
    if "dice" not in words:
        assert "dice_plugin" not in found


def test_the_hosts_modules_stay_small() -> None:
    root = Path(labctl.api.__file__).parent
    long = {p.name: n for p in root.rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def test_the_two_ways_to_list_say_the_same(dice: Lab) -> None:
    fast = dice("plugins", "list")
    slow = dice("--color", "never", "plugins", "list")
    assert fast == slow
    assert "dice" in fast.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("rum",), 2, "did you mean run?"),
        (("runs", "lits"), 2, "did you mean runs list?"),
        (("run",), 2, "Projects"),
        (("help", "exit-codes"), 0, "interrupted"),
        (("help", "runs", "list"), 0, "the newest first"),
        (("--version",), 0, "labctl "),
        ((), 0, "Projects"),
    ],
)
def test_the_command_line_answers(dice: Lab, words: tuple[str, ...], code: int, message: str) -> None:
    done = dice(*words)
    assert message in done.out + done.err
    assert done.code == code


def test_colour_follows_the_conventions(dice: Lab) -> None:
    assert "\x1b[" not in dice("plugins", "list").out
    dice.variables = {"FORCE_COLOR": "1"}
    assert "\x1b[1m" in dice("plugins", "list").out
    dice.variables = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b[" not in dice("plugins", "list").out
    dice.variables = {"NO_COLOR": "1"}
    assert "\x1b[1m" in dice("--color", "always", "plugins", "list").out
