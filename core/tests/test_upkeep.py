"""``doctor``, ``config show``, ``completion`` and ``report --markdown``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.testing import Lab


def test_a_doctor_in_an_empty_folder(lab: Lab) -> None:
    done = lab("doctor")
    assert done.code == 0, done.err
    assert "missing   home" in done.out
    assert "Nothing is broken" in done.out
    assert not lab.home.exists()


def test_a_doctor_names_what_is_broken_and_what_helps(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    dice.distribution("labctl-weather", {"labctl.plugins": {"weather": "nowhere:plugin"}}, version="2.0")
    dice.distribution(
        "labctl-tides", {"labctl.plugins": {"tides": "dice_plugin:plugin"}},
        requires=('not-to-be-had>=1; extra == "train"', "msgspec>=99"),
    )  # fmt: skip
    found = dice("doctor")
    assert found.code == 0
    assert "ok        home" in found.out
    assert "1 run," in found.out
    assert "broken    weather" in found.out
    assert "pip install --force-reinstall labctl-weather" in found.out
    assert 'pip install "labctl-tides[train]"' in found.out
    assert "msgspec is" in found.out
    assert "labctl-tides wants >=99" in found.out
    assert dice("doctor", "--strict").code == 3
    rows = dice("doctor", "--json").json["findings"]
    assert {"status", "name", "text", "hint"} == set(rows[0])


def test_a_doctor_finds_a_damaged_home_and_runs_that_were_cut(dice: Lab) -> None:
    import sqlite3

    assert dice("run", "dice").code == 0
    db = sqlite3.connect(dice.home / "labctl.db", isolation_level=None)
    db.execute("UPDATE run SET state = 'interrupted'")
    db.close()
    assert "hint: labctl resume dice-1" in dice("doctor").out
    (dice.home / "labctl.db").write_bytes(b"not a database" * 1000)
    found = dice("doctor", "--strict")
    assert found.code == 3
    assert "labctl db rebuild" in found.out


HUNGRY = """
from labctl.api import Environment, Job, Secret, hookimpl


class Hungry:
    @hookimpl
    def provision(self, ctx):
        return Environment(gpu="H100:64", secrets=(Secret("key", ("NOT_SET_ANYWHERE",)),))

    @hookimpl
    def run(self, ctx, environments):
        yield Job("a", "hungry_plugin:work")


def work(job):
    pass


plugin = Hungry()
"""


def test_a_doctor_says_what_a_project_would_miss(lab: Lab) -> None:
    lab.plugin("hungry", HUNGRY)
    found = lab("doctor", "--for", "hungry")
    assert "broken    hungry on local" in found.out
    assert "NOT_SET_ANYWHERE" in found.out
    assert "wants 64 GPU" in found.out
    assert lab("doctor", "--on", "local").code == 2
    assert "no project named hungri" in lab("doctor", "--for", "hungri").out


def test_a_secret_is_said_to_be_there_and_never_what_it_is(lab: Lab) -> None:
    lab.variables["MY_TOKEN"] = "sesame-open-4711"
    assert "sesame" not in lab("doctor").out + lab("config", "show").out


def test_the_configuration_with_its_origins(dice: Lab) -> None:
    empty = dice("config", "show")
    assert empty.code == 0
    assert "no configuration file says anything" in empty.err
    user = dice.folder.parent / "config" / "labctl"
    user.mkdir(parents=True)
    (user / "labctl.toml").write_text("[parameters.dice]\nrolls = 7\nsides = 8\n")
    (dice.folder / "labctl.toml").write_text("[parameters.dice]\nrolls = 9\n[limits]\nbudget = 5\n")
    shown = dice("config", "show", "--json").json["values"]
    assert {(v["name"], v["value"]) for v in shown} == {
        ("parameters.dice.rolls", 9), ("parameters.dice.sides", 8), ("limits.budget", 5),
    }  # fmt: skip
    origins = {v["name"]: v["origin"] for v in shown}
    assert origins["parameters.dice.rolls"] == "labctl.toml"
    assert origins["parameters.dice.sides"].endswith("config/labctl/labctl.toml")
    dice.variables["LABCTL_DICE_ROLLS"] = "11"
    dice.variables["LABCTL_BLOCK"] = "tides"
    table = dice("config", "show", "dice", "--origins").out
    rows = {line.split()[0]: line for line in table.splitlines()}
    assert "11" in rows["rolls"]
    assert "environment LABCTL_DICE_ROLLS" in rows["rolls"]
    assert "default" in rows["mode"]
    assert "FROM" not in dice("config", "show", "dice").out
    assert "LABCTL_BLOCK" in dice("config", "show", "--origins").out


def completed(lab: Lab, *words: str) -> set[str]:
    """What the shell is told when TAB is typed after ``words``."""
    lab.variables |= {
        "_LABCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["labctl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = lab()
    for name in ("_LABCTL_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
        del lab.variables[name]
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return {line.partition(",")[2] for line in done.out.splitlines()}


def test_the_shell_completes_commands_projects_options_and_runs(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    assert {"run", "runs", "resume", "retry", "report"} <= completed(dice, "r")
    assert completed(dice, "run", "di") == {"dice"}
    assert {"--sides", "--rolls"} <= completed(dice, "run", "dice", "--")
    assert completed(dice, "run", "dice", "--ro") == {"--rolls"}
    assert {"list", "show"} <= completed(dice, "runs", "")
    assert completed(dice, "resume", "dice-") == {"dice-1"}
    assert completed(dice, "runs", "show", "") == {"dice-1", "last"}
    assert completed(dice, "nothing", "") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(lab: Lab, shell: str) -> None:
    done = lab("completion", shell)
    assert done.code == 0, done.err
    assert f"_LABCTL_COMPLETE={shell}_complete" in done.out


def test_bash_takes_its_script(lab: Lab) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    script = lab("completion", "bash").out + "\ncomplete -p labctl\n"
    found = subprocess.run([bash, "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert "_labctl_completion" in found.stdout
    assert lab("completion", "powershell").code == 2


def test_a_report_as_markdown(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    text = dice("report", "--markdown").out
    assert text.startswith("# dice\\-1")
    assert "| supported | P1\\: the mean is high |" in text
    assert dice("report", "last", "--markdown", "-o", "found.md").code == 0
    assert (dice.folder / "found.md").read_text() == text
    assert dice("report", "--markdown", "--json").code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits", "labctl.toml cannot be read"),
        ("[[plugins]]\n", "labctl.toml: plugins is not a table"),
        ("[plugins]\nblock = 3\n", "[plugins] block is a list of names"),
        ("limits = 3\n", "labctl.toml: limits is not a table"),
        ("[limits]\nbudget = 'x'\n", "[limits] budget is not right"),
        ("parameters = 3\n", "labctl.toml: parameters is not a table"),
        ("[parameters]\ndice = 3\n", "parameters.dice is not a table"),
        ("observers = 3\n", "labctl.toml: observers is not a table"),
        ("[observers]\nuse = 'x'\n", "[observers] use is a list of names"),
        ("[observers]\nuse = ['nope']\n", "nope: there is no observer named nope"),
    ],
)
def test_a_doctor_finds_what_every_run_is_refused_for(dice: Lab, text: str, said: str) -> None:
    (dice.folder / "labctl.toml").write_text(text)
    assert dice("run", "dice").code == 2
    found = dice("doctor", "--strict")
    assert found.code == 3, found.err
    assert said in found.out
    assert "1 thing broken" in found.out
    assert "torch" in found.out or "gpu" in found.out, "the rest is looked at, too"


def test_a_doctor_names_a_configuration_that_is_sound(dice: Lab) -> None:
    (dice.folder / "labctl.toml").write_text("[parameters.dice]\nrolls = 9\n")
    found = dice("doctor", "--strict")
    assert found.code == 0, found.out
    assert "ok        config" in found.out


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("words", [("config", "show"), ("plugins", "list"), ("run", "dice"), ("doctor",)])
def test_a_configuration_that_is_no_file_is_not_waited_for(
    dice: Lab, make: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    make(dice.folder / "labctl.toml")
    done = dice(*words, timeout=20)
    assert done.code == (0 if words == ("doctor",) else 2)
    assert "labctl.toml cannot be read" in done.out + done.err


def test_a_file_of_parameters_that_is_a_pipe_is_not_waited_for(dice: Lab) -> None:
    os.mkfifo(dice.folder / "pipe")
    refused = dice("run", "dice", "-f", "pipe", timeout=20)
    assert refused.code == 2, refused.err
    assert "pipe cannot be read: it is a pipe or a device, not a file" in refused.err


def test_parameters_from_another_command(dice: Lab) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    line = f"{shlex.join(dice.command('run', 'dice', '--plan'))} -f <(echo 'sides: 1')"
    done = subprocess.run(
        [bash, "-c", line],
        cwd=dice.folder,
        env=dice.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "sides" in done.stderr, done.stderr


def test_output_that_finds_no_room_is_no_success(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    for words in (
        ("runs", "list"),
        ("runs", "show", "last"),
        ("report", "--json"),
        ("runs", "metrics", "last"),
    ):
        with open("/dev/full", "w") as full:
            process = dice.start(*words, stdout=full)
            _, err = process.communicate(timeout=30)
        assert process.returncode == 5, words
        assert "the disk is full" in err
    with open("/dev/full", "w") as full:
        process = dice.start("run", "dice", "--no-cache", "--json", stdout=full)
        process.communicate(timeout=60)
    assert dice.record("dice-2")["run"]["state"] == "succeeded", (
        "events are told; the run does not wait for them"
    )


def test_a_file_in_a_folders_place_is_what_is_blamed(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    (dice.home / "errors").rmdir() if (dice.home / "errors").is_dir() else None
    (dice.home / "errors").write_text("")
    refused = dice("run", "dice")
    assert refused.code == 5
    assert "errors is no folder" in refused.err
    assert "labctl.db" not in refused.err


def test_an_odd_folder_does_not_make_gc_unusable(dice: Lab) -> None:
    assert dice("run", "dice").code == 0
    odd = dice.home / "runs" / "dice-9"
    for name in ("plan.json", "record.json", "journal.jsonl"):
        (odd / name).mkdir(parents=True)
    done = dice("db", "gc", "--dry-run")
    assert done.code == 0, done.err


def test_a_plan_that_says_odd_things_lends_its_results_all_the_same(dice: Lab) -> None:
    import json

    assert dice("run", "dice").code == 0
    path = dice.home / "runs" / "dice-1" / "plan.json"
    plan = json.loads(path.read_text())
    for keys in ({"roll/0": {"params": 3}}, {"roll/0": {}}, 7):
        path.write_text(json.dumps({**plan, "keys": keys}))
        done = dice("run", "dice", "--from", "dice-1", "--seed", "5")
        assert done.code == 0, done.err
