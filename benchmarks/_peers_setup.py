"""Environments of other systems, one each, with pinned versions. Optional: labctl needs none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PINS: dict[str, tuple[str, ...]] = {
    "doit": ("doit==0.37.0",),
    "submitit": ("submitit==1.5.4",),
    "metaflow": ("metaflow==2.19.39",),
    "dvc": ("dvc==3.67.1",),
    "snakemake": ("snakemake==9.27.1",),
    "prefect": ("prefect==3.8.8", "fastapi==0.139.*"),  # with a later FastAPI it cannot be imported
    "ray": ("ray[default]==2.60.0",),
}


def default_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "labctl-peers"


def set_up(folder: Path) -> int:
    """Make what is not there yet. The exit code: 1 if one of them could not be made."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    failed = []
    for name, pins in PINS.items():
        if (folder / name / ".made").exists():
            continue
        print(f"peers: {name}", file=sys.stderr, flush=True)
        python = folder / name / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", str(folder / name)],
            [str(python), "-m", "pip", "install", "-q", *pins],
        ):
            if subprocess.run(command, env=variables, check=False).returncode:
                failed.append(name)
                break
        else:
            (folder / name / ".made").touch()
    if failed:
        print(f"peers: could not be made: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def there(folder: Path) -> list[str]:
    """The peers that can be measured."""
    return [name for name in PINS if (folder / name / "bin" / "python").exists()]


def version(name: str) -> str:
    return PINS[name][0].partition("==")[2]
