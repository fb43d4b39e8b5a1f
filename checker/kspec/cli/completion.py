"""``kspec completion``: the script that teaches a shell to complete kspec's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_KSPEC_COMPLETE"
"""What the script sets when it asks kspec for completions; click looks at it."""


@click.command("completion", short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Prints the script that completes commands, options and files.

    \b
    bash: echo 'eval "$(kspec completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(kspec completion zsh)"' >> ~/.zshrc
    fish: kspec completion fish > ~/.config/fish/completions/kspec.fish
    """
    root = context.find_root()
    found = get_completion_class(shell)
    assert found is not None
    # The script is made from the name of the program alone; nothing is read from the surroundings.
    click.echo(found(root.command, {}, "kspec", VARIABLE).source())
    return 0
