"""``labctl completion SHELL``: what makes the shell complete commands, projects, options and runs."""

from __future__ import annotations

import click

from labctl.errors import UsageError
from labctl.terminal import write

SHELLS = ("bash", "zsh", "fish")
WHERE = {
    "bash": 'eval "$(labctl completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(labctl completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "labctl completion fish > ~/.config/fish/completions/labctl.fish",
}


@click.command()
@click.argument("shell", metavar="bash|zsh|fish")
def completion(shell: str) -> None:
    """Print the script that makes a shell complete labctl's words."""
    from click.shell_completion import get_completion_class

    from labctl.cli.main import lab

    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise UsageError(f"there is no completion for {shell}", details=["there is: " + ", ".join(SHELLS)])
    write(kind(lab, {}, "labctl", "_LABCTL_COMPLETE").source())
    write(f"# To use it: {WHERE[shell]}", err=True)
