"""Input files: a path that a user names, digested where it is parsed."""

from __future__ import annotations

import os

from labctl.model.plan import InputFile


def input_file(path: str) -> InputFile:
    """The file or folder at ``path``. Raises ValueError if it is not there or cannot be one."""
    from pathlib import Path

    from labctl.model.jobcontext import ArtifactError
    from labctl.store.digests import digest_path

    full = os.path.abspath(os.path.expanduser(path))
    try:
        sha256, size, _ = digest_path(Path(os.path.realpath(full)))
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except (OSError, ArtifactError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return InputFile(full, sha256, size)
