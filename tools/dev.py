#!/usr/bin/env python3
"""Set up the workspace and do things in it. Standard library only.

    python3 tools/dev.py run      set up, then run `labctl run cgt`
    python3 tools/dev.py test     set up, then lint and run every test; arguments go to pytest alone
    python3 tools/dev.py setup    set up and no more
    python3 tools/dev.py lint     linters, types, import contracts
    python3 tools/dev.py bench    the benchmarks but peers; or `bench NAME ... [-- ARGUMENTS]`
    python3 tools/dev.py drills   kill, fill, cut and corrupt: every drill, and 200 kills of the host
    python3 tools/dev.py fuzz     100,000 games of Essence Wars against the slow model of its rules
    python3 tools/dev.py pins     write constraints.txt anew from what is installed

LABCTL_TORCH=cpu|none chooses torch's CPU build, or does without; LABCTL_DEV_INSTALLER=pip does
without uv.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".labctl-stamp"
RUST = ROOT / "rust-plugins"
RUST_STAMP = VENV / ".labctl-rust-stamp"
CONSTRAINTS = ROOT / "constraints.txt"
LEAST = (3, 11, 4)
TRAINED = ("labctl-cgt",)
"""Packages whose heavy dependencies are in their extra [train]."""
LONG = ("peers", "tuning", "validation")
"""Benchmarks that run only when they are named: they take minutes, or environments of their own."""


def main(arguments: list[str]) -> int:
    command, *rest = arguments or ["help"]
    known = {"run": run, "test": test, "setup": setup, "lint": lint, "bench": bench}
    known |= {"drills": drills, "fuzz": fuzz, "pins": pins}
    if command not in known:
        print(__doc__)
        return 0 if command in ("help", "-h", "--help") else 2
    if sys.version_info < LEAST:
        need = ".".join(map(str, LEAST))
        say(f"labctl needs Python {need} or newer; this is {sys.version.split()[0]}")
        return 2
    os.chdir(ROOT)
    return known[command](rest)


def run(rest: list[str]) -> int:
    if code := setup([]):
        return code
    return call([VENV / "bin" / "labctl", "run", *(rest or ["cgt"])])


def test(rest: list[str]) -> int:
    if code := setup([]):
        return code
    if not rest and (code := lint([])):
        return code
    if browser() is None:
        say("Chromium is not here, so the tests in a browser are skipped: apt-get install chromium")
    if not rest and (code := rust_tests()):
        return code
    workers = ["-n", str(min(2, os.cpu_count() or 1))] if not rest else []
    return call([PYTHON, "-m", "pytest", *workers, *(rest or ["--durations=10"])])


def lint(rest: list[str]) -> int:
    tool = VENV / "bin"
    for command in (
        [tool / "ruff", "check", "."],
        [tool / "ruff", "format", "--check", "."],
        [tool / "mypy", "core/labctl", *sorted(ROOT.glob("plugins/*/src")), *sorted(RUST.glob("*/python"))],
        [tool / "lint-imports"],
    ):
        # Without cargo the plugins in Rust are not installed; their Python is looked at all the same.
        if code := call([*command], {"PYTHONPATH": os.pathsep.join(map(str, RUST.glob("*/python")))}):
            say(f"{Path(command[0]).name} found something")
            return code
    return rust_lint()


def rust_lint() -> int:
    if shutil.which("cargo") is None:
        return 0  # said by setup
    for words in (("fmt", "--check"), ("clippy", "-q", "--release", "--all-targets", "--", "-D", "warnings")):
        if code := cargo(*words):
            say(f"cargo {words[0]} found something")
            return code
    return 0


def rust_tests() -> int:
    return 0 if shutil.which("cargo") is None else cargo("test", "-q", "--release")


def cargo(*words: str) -> int:
    environment = {**os.environ, "PYO3_PYTHON": str(PYTHON)}
    return subprocess.run(["cargo", *words], cwd=RUST, env=environment, check=False).returncode


def bench(rest: list[str]) -> int:
    if code := setup([]):
        return code
    cut = rest.index("--") if "--" in rest else len(rest)
    names, arguments = rest[:cut], rest[cut + 1 :]
    folders = ("benchmarks/*.py", "plugins/*/benchmarks/*.py", "rust-plugins/*/benchmarks/*.py")
    found = [script for folder in folders for script in sorted(ROOT.glob(folder))]
    scripts = {script.stem: script for script in found if not script.stem.startswith("_")}
    if unknown := [name for name in names if name not in scripts]:
        say(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(scripts)}")
        return 2
    for name in names or [name for name in scripts if name not in LONG]:
        say(f"{scripts[name].relative_to(ROOT)}")
        if code := call([PYTHON, scripts[name], *arguments]):
            return code
    return 0


def drills(rest: list[str]) -> int:
    if code := setup([]):
        return code
    where = ["core/tests/survival/test_drills.py", "core/tests/drills", "core/tests/deploy/test_killed.py"]
    number = {"LABCTL_DRILLS": os.environ.get("LABCTL_DRILLS", "200"), "LABCTL_DEPLOY_DRILLS": "1"}
    return call([PYTHON, "-m", "pytest", "-n", str(min(2, os.cpu_count() or 1)), *where, *rest], number)


def fuzz(rest: list[str]) -> int:
    if code := setup([]):
        return code
    where = "rust-plugins/labctl-essence-wars/tests/model/test_games.py"
    number = {"LABCTL_FUZZ": os.environ.get("LABCTL_FUZZ", "100000")}
    return call([PYTHON, "-m", "pytest", "-q", "-s", where, "-k", "games", *rest], number)


def pins(rest: list[str]) -> int:
    """Versions only: an address of a package registry has no place in the repository."""
    frozen = subprocess.run([PYTHON, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    lines = [li for li in frozen.stdout.splitlines() if "==" in li and not li.startswith(("-e", "#"))]
    head = "# Versions that are tested together. Written by: python3 tools/dev.py pins\n"
    CONSTRAINTS.write_text(head + "\n".join(sorted(lines, key=str.lower)) + "\n", encoding="utf-8")
    return 0


def setup(rest: list[str]) -> int:
    """Make .venv as the pyproject files and constraints.txt say, unless it is so already."""
    stamp = wanted_stamp()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == stamp and PYTHON.exists():
        return build_rust()
    STAMP.unlink(missing_ok=True)
    if not PYTHON.exists() and (code := make_venv()):
        return code
    installer = find_installer()
    say(f"installing into .venv with {Path(installer[0]).name}")
    packages = [argument for path in members() for argument in ("-e", str(path))]
    if code := install(installer, [*packages, *development_tools()]):
        say("the packages could not be installed")
        return code
    install_torch(installer)
    call([PYTHON, "-m", "compileall", "-q", "core", *map(str, ROOT.glob("plugins/*/src"))])
    STAMP.write_text(stamp, encoding="utf-8")
    RUST_STAMP.unlink(missing_ok=True)
    return build_rust()


def build_rust() -> int:
    """Build and install the plugins in Rust, unless they are as their sources say already."""
    plugins = sorted(path.parent for path in RUST.glob("*/pyproject.toml"))
    if shutil.which("cargo") is None:
        names = ", ".join(path.name for path in plugins)
        say(f"cargo is not here, so {names} is left out: install Rust with rustup, then do this again")
        return 0
    stamp = sources_stamp()
    if RUST_STAMP.exists() and RUST_STAMP.read_text(encoding="utf-8") == stamp:
        return 0
    say(f"building {', '.join(path.name for path in plugins)}")
    if code := install(find_installer(), [argument for path in plugins for argument in ("-e", str(path))]):
        say("the plugins in Rust could not be built; the others work")
        return code
    call([PYTHON, "-m", "compileall", "-q", *RUST.glob("*/python")])
    RUST_STAMP.write_text(sources_stamp(), encoding="utf-8")  # the build has written modules and a lock
    return 0


def sources_stamp() -> str:
    """What the compiled modules depend on, and whether they are there."""
    digest = hashlib.sha256()
    wanted = {".rs", ".toml", ".lock"}
    for path in sorted(RUST.rglob("*")):
        if path.suffix in wanted and "target" not in path.relative_to(RUST).parts:
            digest.update(f"{path.relative_to(RUST)}\0".encode() + path.read_bytes())
    built = sorted(path.name for path in RUST.glob("*/python/*/*.so"))
    return f"{digest.hexdigest()} {built}"


def members() -> list[Path]:
    """The distributions of the workspace, labctl first."""
    return [ROOT, *sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml"))]  # Rust: build_rust


def development_tools() -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["dependency-groups"]["dev"])


def install_torch(installer: list[str]) -> None:
    """The [train] extras. A failure costs only what needs them: that says so itself."""
    flavour = os.environ.get("LABCTL_TORCH", "")
    if flavour == "none":
        return
    extras = [f"{name}[train]" for name in TRAINED]
    if flavour == "cpu" and "uv" in Path(installer[0]).name:
        if install(installer, ["--torch-backend=cpu", *extras]) == 0:
            return
        say("torch's CPU build could not be had; taking the default build")
    if install(installer, extras):
        say('torch could not be installed; what needs it will say: pip install "labctl-cgt[train]"')


def make_venv() -> int:
    uv = shutil.which("uv") if os.environ.get("LABCTL_DEV_INSTALLER") != "pip" else None
    if uv:
        return call([uv, "venv", "--seed", "-q", "--python", sys.executable, VENV])
    code = call([sys.executable, "-m", "venv", VENV])
    if code:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        say(f"the environment could not be made; on Debian: apt-get install python{version}-venv")
    return code


def find_installer() -> list[str]:
    """uv from the path, else uv installed into the environment, else pip."""
    pip = [str(PYTHON), "-m", "pip", "install", "-q"]
    if os.environ.get("LABCTL_DEV_INSTALLER") == "pip":
        return pip
    uv = shutil.which("uv") or str(VENV / "bin" / "uv")
    if not Path(uv).exists():
        call([*pip, "uv"])
    if not Path(uv).exists():
        say("uv could not be had; pip does the same, slower")
        return pip
    return [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(PYTHON)]


def install(installer: list[str], arguments: list[str]) -> int:
    return call(
        [*installer, "-c", CONSTRAINTS, *arguments], {**pip_settings(), "PYTHONDONTWRITEBYTECODE": ""}
    )


def pip_settings() -> dict[str, str]:
    """The user's pip configuration in uv's words: uv does not read it."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rpartition(".")[2])
        text = value.strip().strip("'\"")
        if name and text and name not in os.environ and (name != "UV_FIND_LINKS" or Path(text).exists()):
            found[name] = text
    return found


def wanted_stamp() -> str:
    digest = hashlib.sha256()
    for path in [Path(__file__), CONSTRAINTS, *(member / "pyproject.toml" for member in members())]:
        digest.update(path.read_bytes() if path.exists() else b"")
    digest.update(f"{sys.version_info} {ROOT} {os.environ.get('LABCTL_TORCH', '')}".encode())
    return digest.hexdigest()


def browser() -> str | None:
    return next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)


def call(command: list[object], extra: dict[str, str] | None = None) -> int:
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    variables.update({k: v for k, v in (extra or {}).items() if v})
    return subprocess.run([str(word) for word in command], env=variables, check=False).returncode


def say(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
