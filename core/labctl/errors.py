"""The errors that users see, and the exit code of each.

    LabError                  1
      UsageError              2   the command, a parameter, a file, the configuration
      PluginError             3   a plugin is missing, broken, or returned what it may not
      CredentialError         4   not signed in
      InfrastructureError     5   worth trying again
      BudgetError             7   would cost more than allowed

Each says what failed (``message``), why and where and what was not done (``details``), and what to
type (``hints``). None of them carries a traceback to the terminal.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class LabError(Exception):
    """The root. ``exit_code`` is that of the process when it is not caught."""

    exit_code = 1

    def __init__(self, message: str, *, details: Iterable[str] = (), hints: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.hints = tuple(hints)


class UsageError(LabError):
    exit_code = 2


class PluginError(LabError):
    exit_code = 3


class CredentialError(LabError):
    exit_code = 4


class InfrastructureError(LabError):
    exit_code = 5


class BudgetError(LabError):
    exit_code = 7


BY_CODE: dict[int, type[LabError]] = {
    cls.exit_code: cls
    for cls in (LabError, UsageError, PluginError, CredentialError, InfrastructureError, BudgetError)
}
