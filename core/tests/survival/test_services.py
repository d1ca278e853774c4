"""Services: reached by their token, stopped from anywhere, never on record with their secret."""

from __future__ import annotations

import signal
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from labctl.testing import Lab
from labctl.walk.serving import url_of

PLUGIN = """
from typing import Annotated

from labctl.api import Environment, Job, Param, Parameters, Service, hookimpl


class Options(Parameters):
    words: Annotated[str, Param(description="what it says first")] = "hello"


class Echo:
    parameters = Options

    @hookimpl
    def provision(self, ctx):
        return Environment(name="desk", timeout=120)

    @hookimpl
    def run(self, ctx, environments):
        yield Job("greeting", "echo_tasks:greet", {"words": ctx.parameters.words})
        yield Service("echo", "echo_tasks:echo", needs={"greeting": ("greeting",)})
        yield Service("deaf", "echo_tasks:deaf")


plugin = Echo()
"""

TASKS = """
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit


def greet(job, *, words):
    job.artifact("greeting.txt").write_text(words)


def echo(job):
    words = job.input("greeting").path("greeting.txt").read_text()
    heard = job.checkpoint.path / "heard"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            if query.get("token") != [job.token]:
                self.send_response(403)
                self.end_headers()
                return
            job.touch()
            with open(heard, "a") as file:
                file.write(query.get("say", [""])[0] + ";")
            job.checkpoint.commit()
            self.send_response(200)
            self.end_headers()
            self.wfile.write((words + " " + heard.read_text()).encode())

    server = HTTPServer(("127.0.0.1", job.port), Handler)
    server.timeout = 0.05
    print("the token is", job.token, flush=True)
    job.ready("/talk")
    while not job.should_stop():
        server.handle_request()
    job.artifact("heard.txt").write_text(heard.read_text() if heard.exists() else "")


def deaf(job):
    job.ready()
    while True:
        time.sleep(0.05)
"""


@pytest.fixture
def echo(lab: Lab) -> Lab:
    lab.plugin("echo", PLUGIN, echo_tasks=TASKS)
    assert lab("run", "echo").code == 0
    return lab


@pytest.fixture
def serving(echo: Lab) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def serve(*words: str) -> subprocess.Popen[str]:
        process = echo.start("serve", "echo", *words)
        started.append(process)
        return process

    yield serve
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """The bare address that a service says it is reached at."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Open:  http://127.0.0.1:"), line
    return line.split()[1]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_service_answers_to_its_token_until_ctrl_c(echo: Lab, serving: Any) -> None:
    process = serving("echo")
    bare = address(process)
    assert bare.endswith("/talk")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(bare)
    whole = echo("services", "url").out.strip()
    assert whole.startswith(bare + "?token=")
    assert get(whole + "&say=one") == "hello one;"
    listed = echo("services", "list")
    assert "echo-2" in listed.out
    assert bare in listed.out
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    record = echo.record("echo-2")
    assert record["run"]["state"] == "succeeded"
    assert [job["state"] for job in record["jobs"]] == ["succeeded"]
    assert record["jobs"][0]["artifacts"][0]["name"] == "heard.txt"
    assert echo("services", "list").out == ""


def test_the_token_is_in_one_file_of_its_owner_and_nowhere_else(echo: Lab, serving: Any) -> None:
    process = serving("echo")
    address(process)
    token = echo("services", "url").out.strip().partition("token=")[2]
    note = echo.home / "services" / "echo-2.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert token in note.read_text()
    assert token not in echo("services", "list", "--json").out
    assert echo("services", "stop").code == 0
    process.communicate(timeout=30)
    holders = [
        path for path in echo.home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]
    assert holders == []
    assert "the token is [secret]" in (echo.home / "runs/echo-2/logs/echo.1.log").read_text()


def test_a_service_goes_on_from_where_an_earlier_one_stopped(echo: Lab, serving: Any) -> None:
    process = serving("echo")
    address(process)
    get(echo("services", "url").out.strip() + "&say=one")
    assert echo("services", "stop", "echo-2").code == 0
    assert process.wait(30) == 0
    again = serving("echo", "--from", "echo-2")
    address(again)
    assert get(echo("services", "url", "echo-3").out.strip() + "&say=two") == "hello one;two;"


def test_a_service_takes_what_it_needs_from_the_run_that_is_named(echo: Lab, serving: Any) -> None:
    assert echo("run", "echo", "--words", "good day").code == 0
    process = serving("echo", "--from", "echo-1")
    address(process)
    assert get(echo("services", "url").out.strip()).startswith("hello")


def test_what_a_service_needs_must_be_there(lab: Lab) -> None:
    lab.plugin("echo", PLUGIN, echo_tasks=TASKS)
    refused = lab("serve", "echo", "echo")
    assert refused.code == 2
    assert "greeting" in refused.err


def test_a_service_that_nobody_uses_stops_by_itself(echo: Lab, serving: Any) -> None:
    process = serving("echo", "--idle", "1s")
    address(process)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert echo.record("echo-2")["run"]["state"] == "succeeded"


def test_a_service_ends_with_its_time_and_keeps_what_it_made(echo: Lab, serving: Any) -> None:
    process = serving("echo", "--timeout", "1s")
    address(process)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert echo.record("echo-2")["jobs"][0]["artifacts"][0]["name"] == "heard.txt"


def test_a_deaf_service_is_ended_after_its_grace(echo: Lab, serving: Any) -> None:
    process = serving("deaf", "--grace", "1s")
    address(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert echo.record("echo-2")["jobs"][0]["state"] == "interrupted"


def test_a_service_whose_host_was_killed_is_gone(echo: Lab, serving: Any) -> None:
    process = serving("echo")
    bare = address(process)
    process.kill()
    process.communicate()
    end = time.monotonic() + 10
    while True:
        try:
            get(bare)
        except urllib.error.HTTPError:
            pass
        except OSError:
            break
        assert time.monotonic() < end
    assert echo("services", "list").out == ""
    assert not list((echo.home / "services").iterdir())
    refused = echo("services", "url")
    assert refused.code == 2


def test_names_that_are_no_service(echo: Lab) -> None:
    refused = echo("serve", "echo", "greeting")
    assert refused.code == 2
    assert "there are: echo, deaf" in refused.err
    assert "labctl serve echo echo" in refused.err
    assert "PROJECT" not in refused.err
    inline = echo("serve", "echo", "echo", "--on", "inline")
    assert inline.code == 2
    assert "runs no services" in inline.err
    assert echo("services", "stop").code == 2
    assert echo("services", "halt").code == 2


def test_a_detached_service_is_reached_and_stopped(echo: Lab) -> None:
    started = echo("serve", "echo", "echo", "--detach")
    assert started.code == 0, started.err
    assert started.out == "echo-2\n"
    end = time.monotonic() + 15
    while not (echo.home / "services" / "echo-2.json").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert get(echo("services", "url").out.strip()).startswith("hello")
    assert echo("services", "stop").code == 0
    console = (echo.home / "runs" / "echo-2" / "console.log").read_text()
    assert "token=" not in console


COMMANDS = """
import click


@click.group()
def echo():
    "What the project echo can do by itself."


@echo.command()
@click.argument("word")
def say(word):
    "Say a word."
    click.echo(word.upper())
"""


def test_a_plugin_brings_commands_of_its_own(lab: Lab) -> None:
    files = {"echo_commands.py": COMMANDS, "bad_commands.py": "import nothing_there", "odd.py": "thing = 3"}
    points = {
        "echo": "echo_commands:echo", "bad": "bad_commands:bad", "odd": "odd:thing", "gone": "gone:thing",
    }  # fmt: skip
    lab.distribution("labctl-echo", {"labctl.commands": points}, files, summary="echoes")
    assert lab("echo", "say", "yes").out == "YES\n"
    helped = lab("--help")
    assert helped.code == 0
    assert "of labctl-echo: echoes" in helped.out
    broken = lab("bad")
    assert broken.code == 3
    assert "No module named 'nothing_there'" in broken.err
    assert "this is a fault in labctl-echo" in broken.err
    assert lab("odd").code == 3
    assert lab("gone").code == 3
    near = lab("ehco", "say", "x")
    assert near.code == 2
    assert "did you mean echo?" in near.err


def test_a_command_of_a_plugin_never_hides_one_of_ours(lab: Lab) -> None:
    lab.distribution(
        "labctl-evil", {"labctl.commands": {"runs": "evil:runs"}}, {"evil.py": "raise SystemExit"}
    )
    assert lab("runs", "list").code == 0


def test_a_service_that_was_cut_is_served_again_and_not_resumed(echo: Lab, serving: Any) -> None:
    process = serving("echo")
    address(process)
    process.kill()
    process.communicate()
    refused = echo("resume", "echo-2")
    assert refused.code == 2
    assert "labctl serve echo echo --from echo-2" in refused.err


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({"port": 5, "path": "/talk?a=1"}, "http://127.0.0.1:5/talk?a=1"),
        ({"port": 5, "path": "@evil.example/\x1b[31m#x"}, "http://127.0.0.1:5/@evil.example/%1B%5B31m%23x"),
        ({"port": "5@evil.example", "path": ""}, "http://127.0.0.1:0/"),
        ({"port": 5, "url": "https://there.example/\x1b#x"}, "https://there.example/%1B%23x"),
    ],
)
def test_what_a_service_says_of_its_path_moves_nobody_elsewhere(said: dict[str, object], url: str) -> None:
    assert url_of(said) == url
