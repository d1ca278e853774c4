"""Input files: a path that a user names, digested where it is parsed."""

from __future__ import annotations

import os

from labctl.model.plan import InputFile


def project_file(folder: str, path: str) -> InputFile | None:
    """A file or folder inside a project, None if it is not there. Raises UsageError."""
    from labctl.errors import UsageError
    from labctl.model.jobcontext import bad_name

    problem = bad_name(path)
    if problem:
        raise UsageError(f"{path!r:.80} is no file of the project: {problem.replace('job', 'project')}")
    full = os.path.join(folder, path)
    if not os.path.exists(full):
        return None
    try:
        return input_file(full)
    except ValueError as error:
        raise UsageError(str(error), details=["nothing was started"]) from None


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
