"""`ganreg uninstall`: pip, for plugins by their namespaces."""

from __future__ import annotations

import click

from ganreg.cli.pip import pip
from ganreg.errors import PluginError


@click.command("uninstall")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Print the pip command and do nothing.")
def command(names: tuple[str, ...], dry_run: bool) -> None:
    """Uninstall plugins.

    NAME is a namespace, or the distribution of a plugin. No plugin is imported for it, so that a broken one can go,
    too. pip does it, in the environment that ganreg runs in. The exit code is 4 where it fails.
    """
    distributions = [_distribution(name) for name in names]
    pip("uninstall", "--yes", *distributions, dry_run=dry_run)
    left = {name for brought in _brought().values() for name in brought}.intersection(distributions)
    if left and not dry_run:  # which pip takes for a success
        raise PluginError(f"pip did not uninstall {' and '.join(sorted(left))}; what it said is above")


def _brought() -> dict[str, list[str]]:
    """The distributions that bring each namespace."""
    from ganreg.registry.discovery import installed, source

    return {namespace: [source(point)[0] for point in claims] for namespace, claims in installed().items()}


def _distribution(name: str) -> str:
    """The distribution of a plugin, which is all that is uninstalled here.

    Raises PluginError where nobody claims the namespace, or several do.
    """
    brought = _brought()
    if any(name in distributions for distributions in brought.values()):
        return name
    if name not in brought:
        from ganreg.registry.problems import absent

        raise absent(name, brought)
    first, *others = brought[name]
    if others:
        which = " or ".join(f"`ganreg uninstall {distribution}`" for distribution in brought[name])
        raise PluginError(f"several distributions claim the namespace '{name}'\n  help: {which}")
    if not first:
        raise PluginError(f"no distribution is known that brings '{name}'\n  help: `pip list` shows what is installed")
    return first
