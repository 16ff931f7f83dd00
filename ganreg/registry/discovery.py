"""Which plugins are installed: entry-point metadata alone, read once and sorted. Nothing is imported here."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

GROUP = "ganreg.plugins"
VARIABLE = "GANREG_PLUGINS"


def installed(allowed: Collection[str] | None = None) -> dict[str, tuple[EntryPoint, ...]]:
    """Every namespace with the entry points that claim it: more than one is a conflict."""
    return group(p for p in entry_points(group=GROUP) if allowed is None or p.name in allowed)


def group(points: Iterable[EntryPoint]) -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points by namespace, sorted."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(points, key=lambda p: (p.name, p.value)):
        found.setdefault(point.name, []).append(point)
    return {namespace: tuple(claims) for namespace, claims in found.items()}


def allowed(environment: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """The namespaces that GANREG_PLUGINS lets load ("classic,datasets"; empty for none); None for all."""
    if VARIABLE not in environment:
        return None
    return frozenset(name.strip() for name in environment[VARIABLE].split(",") if name.strip())


def misnamed(environment: Mapping[str, str] = os.environ) -> str:
    """That GANREG_PLUGINS names a plugin that is not installed, and the nearest one that is; empty where it does not.

    Nothing is refused for it: an environment may name more than a machine has.
    """
    names = sorted(installed())
    for name in sorted((allowed(environment) or frozenset()).difference(names)):
        near = difflib.get_close_matches(name, names, n=1)
        return f"{VARIABLE} names '{name}', which is not installed" + (f": did you mean '{near[0]}'?" if near else "")
    return ""


def left_out(namespace: str) -> str:
    """What keeps a plugin that is installed from being found; empty for one that is not."""
    if namespace not in installed():
        return ""
    names = allowed()
    return VARIABLE if names is not None and namespace not in names else "--no-plugins"


def hidden(namespace: str) -> str:
    """Why a plugin is not found that is installed all the same, in a sentence; empty for one that is not."""
    if what := left_out(namespace):
        return f"the plugin '{namespace}' is installed, but {what} leaves it out"
    distribution = f"ganreg-{namespace}"
    try:
        there = f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return ""
    return f"{there} is installed, but has no entry point '{namespace}' in the group '{GROUP}'"


def description(point: EntryPoint) -> str:
    """The metadata of the distribution that brought an entry point, as they stand; empty where there are none."""
    return (point.dist and (point.dist.read_text("METADATA") or point.dist.read_text("PKG-INFO"))) or ""


def metadata(point: EntryPoint) -> Message:
    """The same, parsed, which costs a millisecond: only who shows them pays for it."""
    return HeaderParser().parsestr(description(point))


def source(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution; empty where there is none."""
    known = metadata(point)
    return known["Name"] or "", known["Version"] or ""
