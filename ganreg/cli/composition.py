"""Composing a run on the command line: a spec file, parts by name over it, and settings over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ganreg.cli.folders import folder_to_write
from ganreg.errors import SpecError

if TYPE_CHECKING:
    from ganreg.api import Run
    from ganreg.errors import Mistake
    from ganreg.registry import Registry
    from ganreg.spec.document import Document

Command = TypeVar("Command", bound=Callable[..., Any])

NAMES = {
    "generator": "Makes pictures from noise.",
    "discriminator": "Tells real pictures from generated ones.",
    "encoder": "Turns pictures into noise, in games that have one.",
    "loss": "What the players minimize.",
    "augment": "Changes the pictures that the discriminator sees.",
    "schedule": "The order of updates within a step; alternating without it.",
    "game": "Who plays; standard without it.",
    "data": "The pictures.",
}
"""Keys of a spec that have an option of their own, with its help."""

EXAMPLE = (
    "  ganreg {command} --generator dcgan --discriminator dcgan --loss hinge --data fashion-mnist-10k "
    "--set train.steps=200"
)


def composition(command: Command) -> Command:
    """The argument SPEC and the options that compose a run."""
    options = [
        click.argument("spec", required=False),
        *(click.option(f"--{key}", metavar="NAME", help=text) for key, text in NAMES.items()),
        click.option(
            "--penalty",
            "penalties",
            metavar="NAME",
            multiple=True,
            help="A further term of a player's loss, or a constraint; may be repeated.",
        ),
        click.option("--seed", metavar="INTEGER", help="All randomness follows from it."),
        click.option(
            "--set",
            "settings",
            metavar="PATH=VALUE",
            multiple=True,
            help="Any value of the spec by its path, such as train.steps=200; may be repeated.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def compose(registry: Registry, command: str, **options: Any) -> Run:
    """The validated run of a command's options. Raises SpecError with positions in the file and in the options."""
    return validated(registry, written(command, **options), options["spec"])


def written(
    command: str,
    *,
    spec: str | None,
    penalties: Sequence[str],
    seed: str | None,
    settings: Sequence[str],
    out: str | None = None,
    **names: str | None,
) -> Document:
    """What a command's options say, before it is validated. Raises SpecError with positions."""
    from ganreg.spec.document import from_mapping, read

    if spec is None and not settings and not penalties and not any(names.values()):
        example = EXAMPLE.format(command=command) + " --axis seed=0..2" * (command == "sweep")
        raise click.UsageError(f"nothing to {command}: give a spec file, or compose by name:\n\n{example}")
    document = read(spec) if spec is not None else from_mapping({})
    for key, value in {**names, "seed": seed}.items():
        if value is not None:
            document = document.put((key,), value, f"--{key}")
    return document.merge(_listed(penalties, out)).override(settings)


def validated(registry: Registry, document: Document, spec: str | None) -> Run:
    """The run that a document describes; `spec` is the file that it began with. Raises SpecError with positions."""
    from ganreg.api import Run

    try:
        return Run.of(document, registry)
    except SpecError as error:
        raise SpecError([_helped(mistake, document, spec) for mistake in error.mistakes]) from error.__cause__


@contextmanager
def held_to(lock: str | Path | None) -> Iterator[None]:
    """What is validated within is to be as a lock says, which tells the versions of plugins that are not installed."""
    try:
        yield
    except SpecError as error:
        if lock is None:
            raise
        from ganreg.registry.comparison import pinned
        from ganreg.registry.lock import read_lock

        locked = read_lock(Path(lock))
        raise SpecError([pinned(mistake, locked) for mistake in error.mistakes]) from error.__cause__


def _listed(penalties: Sequence[str], out: str | None) -> Document:
    """The options that are more than a key with a value of YAML: a list, and a path that is taken as it stands."""
    from ganreg.spec.document import Document
    from ganreg.spec.node import Node, Text
    from ganreg.spec.reader import parse_value

    content = {}
    if penalties:
        content["penalties"] = Node([parse_value(Text("--penalty", value), 0) for value in penalties])
    if out is not None:
        content["output"] = Node({"folder": Node(str(folder_to_write(out)), Text("--out", out).position(0))})
    return Document(Node(content))


def _helped(mistake: Mistake, document: Document, spec: str | None) -> Mistake:
    """A missing key with the option that gives it; it has no place where there is no file that could hold it."""
    key = mistake.path[0] if len(mistake.path) == 1 else None
    if key not in NAMES or key in document.data:
        return mistake
    missing = replace(mistake, hint=mistake.hint or f"--{key} NAME gives it")
    return missing if spec is not None else replace(missing, position=None, path=())
