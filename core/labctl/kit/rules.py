"""The rules that ``labctl plugins check`` holds a plugin to: what each asks, why, and the cure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

Level = Literal["error", "warning"]
Group = Literal["static", "import", "behaviour"]
GROUPS: dict[Group, str] = {
    "static": "By reading files. Nothing of the plugin is run.",
    "import": "The light modules are imported once, in a process of their own that is watched.",
    "behaviour": "The hooks are called in a process of their own, with the preset `smoke` or `quick` if there"
    " is one, else with the defaults. An extension is checked through the plan of its parent.",
}


class Rule(NamedTuple):
    """``asks`` completes "the plugin's ..."; ``why`` is what goes wrong otherwise."""

    id: str
    level: Level
    group: Group
    asks: str
    why: str
    fix: str

    @property
    def slug(self) -> str:
        """``asks`` as a part of a Python name."""
        return "_".join("".join(c if c.isalnum() else " " for c in self.asks.lower()).split())


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One breach of one rule. ``where``: file and line, or the hook. ``details``: what was seen."""

    rule: str
    text: str
    level: Level = "error"
    where: str = ""
    details: tuple[str, ...] = ()
    fix: str = ""


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What came of checking one distribution. ``skipped``: rule -> why it could not be checked."""

    distribution: str
    version: str
    entries: tuple[str, ...]
    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    skipped: dict[str, str]

    @property
    def errors(self) -> int:
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors


def finding(rule: str, text: str, **more: Any) -> Finding:
    """A finding with its rule's own level and cure, where none are given."""
    made = {"level": RULES[rule].level, "fix": RULES[rule].fix, **more}
    return Finding(rule=rule, text=text, **made)


# fmt: off
RULES: dict[str, Rule] = {rule.id: rule for rule in (
    Rule(
        "L01", "error", "static", "entry points lead to a file",
        "An entry point is all that labctl reads to know of a plugin. One that leads nowhere is a row"
        " with the status broken, for every user.",
        'write it as NAME = "package.module:object" in pyproject.toml, and install again',
    ),
    Rule(
        "L02", "error", "static", "names are allowed and free",
        "A project's name is a word of the command line, of YAML files and of environment variables. If"
        " two distributions register one name, labctl runs neither and names both.",
        "lower-case letters, digits and -; labctl plugins list shows the names that are taken",
    ),
    Rule(
        "L04", "error", "static", "dependency on its host is there, bounded and met",
        "Without it the plugin can be installed beside a labctl that it was not made for, and fails in"
        " the middle of something. An upper bound keeps the next break of the contract away.",
        'dependencies = ["labctl>=0.1,<1"] in pyproject.toml; an extension names its parent\'s distribution',
    ),
    Rule(
        "L05", "error", "static", "package has src layout and empty __init__ files",
        "Python runs every __init__ on the way to a module, so all that one imports is part of the key of"
        " every job: an edit anywhere then runs everything again. Without a src folder tests import what"
        " lies there and not what is installed.",
        "empty the __init__ files; import from the modules themselves",
    ),
    Rule(
        "L07", "warning", "static", "metadata have a licence and a summary",
        "The summary is what labctl shows beside the name. What has no licence nobody may use.",
        'license = "..." and description = "..." in pyproject.toml',
    ),
    Rule(
        "C01", "error", "import", "import ends well",
        "Help, plan and price import the light module. One that raises, hangs or exits takes them all away.",
        "import in tasks.py what may be missing, and name its functions by string",
    ),
    Rule(
        "C02", "error", "import", "import is light",
        "Help, plan and price import the light module, also on a machine that has none of the heavy"
        " packages. A second of start-up is a second for every command.",
        "import it in tasks.py, name the function by string",
    ),
    Rule(
        "C03", "error", "import", "import has no side effects",
        "An import that prints spoils what is piped to a program; files, threads and connections are not"
        " expected of somebody who asks for help.",
        "do it in a job; if it must be the light module, in a function",
    ),
    Rule(
        "C04", "error", "import", "hooks have names that are known",
        "A hook of another name is never called, and one that is not marked neither.",
        "the hooks are provision, run, collect and deploy, each marked with @hookimpl; run is required",
    ),
    Rule(
        "C05", "error", "import", "hooks have the parameters that they are given",
        "Hooks are called by position with what their specification names. A parameter by keyword only,"
        " with a default or of another name is never filled.",
        "provision(ctx), run(ctx, environments), collect(ctx, results), deploy(ctx, report)",
    ),
    Rule(
        "C06", "error", "import", "entry point names an object",
        "A class has nobody to be its self, and None has no hooks.",
        "make an instance in the module, plugin = Name(), and name that",
    ),
    Rule(
        "B01", "error", "behaviour", "plan is the same each time",
        "The cache knows a job again by its parameters. A plan that differs each time is never cached,"
        " and its predictions are registered anew in every run. It is asked twice in one process, and"
        " once in another where sets have another order.",
        "take the seed from ctx.seed; sort sets; leave out the time of day",
    ),
    Rule(
        "B02", "error", "behaviour", "jobs survive JSON",
        "Jobs travel to workers and into keys and records as JSON. What is no JSON would be lost or"
        " changed on the way.",
        "parameters of a job are text, numbers, true and false, None, lists and dicts with text as keys",
    ),
    Rule(
        "B03", "error", "behaviour", "functions exist by name",
        "A function that is named by a string is looked up only when its job starts, perhaps hours later.",
        'write it as "package.module:function"; the function is defined in that module',
    ),
    Rule(
        "B04", "error", "behaviour", "jobs have ids of their own and need each other in no circle",
        "Results are found by id, and a job is ready when its needs have ended.",
        "give each job an id of its own; needs name ids of the same plan, environments those of provision",
    ),
    Rule(
        "B05", "error", "behaviour", "hook collect accepts that every job failed",
        "The report of a failed run is the one that somebody reads most carefully. If collect raises"
        " there is none.",
        "check result.ok before the result is used; return a section that says so",
    ),
    Rule(
        "B06", "error", "behaviour", "hook deploy stays inside the project",
        "Deploying changes the user's own files. labctl refuses what lies outside of the project, in"
        " .labctl or in .git, and then nothing at all is put in place.",
        "paths are relative, with / between their parts and without ..",
    ),
    Rule(
        "B07", "error", "behaviour", "plan works from end to end",
        "labctl run PROJECT --plan is what a careful user types first. It is asked with the defaults and"
        " with every preset. A project with a parameter that has to be given, so that its default is None,"
        " may fail with the defaults if it brings a preset quick or smoke.",
        "labctl run PROJECT --plan shows the same error",
    ),
    Rule(
        "B08", "error", "behaviour", "smallest job runs",
        "A plan says only what would be done. One job that needs no other is run on this machine. Left"
        " out with --no-run.",
        "labctl runs logs RUN JOB shows what it said; a preset named quick or smoke makes it short",
    ),
)}
# fmt: on
