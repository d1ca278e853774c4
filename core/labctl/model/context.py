"""What a hook is given to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from labctl.model.plan import InputFile


class Extension(Protocol):
    """A thing that plugs into a plugin. It is imported when it is first asked.

    ``parameters``: its own options, validated, or None if it has none.
    """

    @property
    def name(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def parameters(self) -> Any: ...
    @property
    def failed(self) -> str:
        """Why it was left out; empty while it is in."""

    def value(self, attribute: str, default: Any = None) -> Any:
        """An attribute of the extension, or the default if it has none or could not be imported."""

    def ask(self, method: str, *args: Any) -> tuple[Any, ...]:
        """Call a method and return all that it yields, () if it raised: then it is left out."""


class Context:
    """What a hook knows: the parameters, the seed, the project's folder, the extensions.

    ``parameters`` is an instance of the plugin's own type. ``only`` and ``skip`` are not here: the
    host applies them to the plan.
    """

    __slots__ = ("_extensions", "_file", "parameters", "plugin", "project", "seed")

    def __init__(
        self,
        *,
        plugin: str,
        parameters: Any,
        seed: int,
        project: Path,
        extensions: Callable[[str, Iterable[str]], tuple[Extension, ...]],
        file: Callable[[str], InputFile | None] = lambda path: None,
    ) -> None:
        self.plugin = plugin
        self.parameters = parameters
        self.seed = seed
        self.project = project
        self._extensions = extensions
        self._file = file

    def file(self, path: str) -> InputFile | None:
        """A file or folder of the project (``data/weights.toml``) as a job's input; None without one.

        Raises UsageError for a path that leaves the project, and for what cannot be read.
        """
        return self._file(path)

    def extensions(self, kind: str, *names: str) -> tuple[Extension, ...]:
        """The extensions of ``labctl.<plugin>.<kind>``, by name; only ``names``, if any are given.

        Raises UsageError for a name that is not installed.
        """
        return self._extensions(kind, names)
