"""Runs side by side: those that differ in their seed alone are one group, and groups are compared figure by figure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ganreg.errors import SpecError, UsageError, printable
from ganreg.report.entries import Entry, Figure, Points, entry, poolable
from ganreg.report.facts import Series
from ganreg.report.pooling import Paired, Spread
from ganreg.spec.changes import ABSENT, changes


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    name: what sets it apart from the other groups. settings: the same by path. runs: in their order; pooled: those that
    are complete, one for each seed.
    """

    name: str
    settings: Mapping[str, Any]
    runs: Sequence[Entry]

    @cached_property
    def pooled(self) -> dict[int, Entry]:
        """The complete runs by seed."""
        found: dict[int, Entry] = {}
        for run in self.runs:
            if run.complete:
                found.setdefault(run.seed, run)
        return dict(sorted(found.items()))

    def last(self, figure: Figure) -> dict[int, float]:
        """The figure's value by seed where the run was measured last; what is not finite is left out."""
        return self._by_seed(figure, lambda points: points[max(points)])

    def best(self, figure: Figure) -> dict[int, float]:
        """The figure's best value by seed, where the runs keep the best checkpoint by it."""
        runs = list(self.pooled.values())
        if not runs or any(run.best != figure for run in runs):
            return {}
        pick = min if runs[0].spec["output"]["best"].get("mode") == "min" else max
        return self._by_seed(figure, lambda points: pick(filter(math.isfinite, points.values()), default=math.nan))

    def _by_seed(self, figure: Figure, value: Any) -> dict[int, float]:
        found = {seed: value(run.figures[figure]) for seed, run in self.pooled.items() if figure in run.figures}
        return {seed: number for seed, number in found.items() if math.isfinite(number)}

    def steps(self, figure: Figure) -> list[int]:
        """The steps that the last values are from."""
        return sorted({max(run.figures[figure]) for run in self.pooled.values() if figure in run.figures})

    def curve(self, points: Sequence[Points]) -> Series | None:
        """Mean and standard deviation over runs, at the steps that all of them have."""
        steps = sorted(set.intersection(*map(set, points))) if points else []
        if not steps:
            return None
        values = np.array([[one[step] for step in steps] for one in points])
        spread = values.std(axis=0, ddof=1) if len(points) > 1 else None
        return Series(self.name, np.array(steps, dtype=np.float64), values.mean(axis=0), spread=spread)

    @cached_property
    def drawn(self) -> list[Entry]:
        """The runs whose curves are shown: those that are pooled, or all where none is complete."""
        return list(self.pooled.values()) or list(self.runs)


@dataclass(frozen=True)
class Row:
    """A group's values of a figure.

    last: at the last measurement. best: of the whole run, where it keeps the best checkpoint by this figure.
    difference: of `last` from the baseline's, over the seeds that both have; None for the baseline itself.
    """

    group: Group
    values: Mapping[int, float]
    steps: Sequence[int]
    last: Spread
    best: Spread | None
    difference: Paired | None


@dataclass(frozen=True)
class Comparison:
    """Groups of runs. damaged: folders that could not be read, with the reason. notes: what a reader must not miss."""

    groups: Sequence[Group]
    baseline: Group
    damaged: Sequence[tuple[Path, str]]
    notes: Sequence[str]

    @cached_property
    def figures(self) -> list[Figure]:
        """Every figure that some run has, in order of appearance."""
        return list(dict.fromkeys(f for group in self.groups for run in group.runs for f in run.figures))

    def rows(self, figure: Figure) -> list[Row]:
        """The groups that have a figure."""
        base, rows = self.baseline.last(figure), []
        for group in self.groups:
            if values := group.last(figure):
                best = group.best(figure)
                difference = None if group is self.baseline else Paired.of(values, base)
                spread = Spread.of(list(best.values())) if best else None
                last = Spread.of(list(values.values()))
                rows.append(Row(group, values, group.steps(figure), last, spread, difference))
        return rows


def compare(folders: Iterable[Path], baseline: Path | None = None) -> Comparison:
    """Compare the runs in some folders. What is damaged is told in the result, and counts for nothing.

    baseline: a run of the group that the others are compared with; otherwise it is the first group that has a complete
    run. Raises UsageError where no folder holds a run that can be read, or the baseline is none of them.
    """
    found: list[Entry] = []
    damaged: list[tuple[Path, str]] = []
    for folder in dict.fromkeys(folders):
        try:
            found.append(entry(folder))
        except (SpecError, OSError) as error:
            words = str(error).splitlines() or ["spec.yaml does not tell seed and steps"]
            damaged.append((folder, words[0]))
    if not found:
        raise UsageError("\n".join(["no run can be compared", *(f"{folder}: {why}" for folder, why in damaged)]))
    groups = _groups(found)
    if baseline is None:
        chosen = [group for group in groups if group.pooled] or groups
    elif not (chosen := [group for group in groups if any(_same(run.folder, baseline) for run in group.runs)]):
        raise UsageError(f"--baseline '{baseline}' is none of the runs that are compared")
    return Comparison(groups, chosen[0], damaged, _notes(groups))


def _groups(entries: Sequence[Entry]) -> list[Group]:
    by_recipe: dict[str, list[Entry]] = {}
    for one in entries:
        by_recipe.setdefault(json.dumps(one.recipe, sort_keys=True), []).append(one)
    together = [poolable(runs) for runs in by_recipe.values()]
    if len(together) == 1:
        return [Group("all runs", {}, together[0])]
    settings = _settings([runs[0].recipe for runs in together])
    names = _names(settings, [runs[0].folder for runs in together])
    return [Group(*one) for one in zip(names, settings, together, strict=True)]


def _names(settings: Sequence[Mapping[str, Any]], folders: Sequence[Path]) -> list[str]:
    """For each group the shortest name that no other has: its settings, and with them its first folder's name or path.

    Parts in a list may differ in what the list of their names does not show.
    """
    names = [", ".join(f"{path}={shown(value)}" for path, value in own.items()) for own in settings]
    ways = [
        (name, f"{name} {folder.name}".strip(), f"{name} {folder}".strip())
        for name, folder in zip(names, folders, strict=True)
    ]
    counts = [Counter(way) for way in zip(*ways, strict=True)]
    return [next((n for n, count in zip(own, counts, strict=True) if n and count[n] == 1), own[-1]) for own in ways]


def _settings(recipes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What differs between specs, by dotted path: each one's value there. A list is one value."""
    paths: list[tuple[str, ...]] = []
    for other in recipes[1:]:
        for change in changes(dict(recipes[0]), dict(other)):
            cut = next((i for i, part in enumerate(change.path) if isinstance(part, int)), len(change.path))
            paths.append(tuple(map(str, change.path[:cut])))
    found: list[dict[str, Any]] = [{} for _ in recipes]
    for path in dict.fromkeys(paths):
        for own, recipe in zip(found, recipes, strict=True):
            value = _at(recipe, path)
            if value is not ABSENT:
                own[".".join(path)] = value
    return found


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return ABSENT
        value = value[part]
    return value


def shown(value: Any) -> str:
    """A setting in a few letters: a component by its bare name, a list of them in brackets."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return printable(value["name"].rpartition("/")[2])
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _notes(groups: Sequence[Group]) -> list[str]:
    notes = [f"{run.folder}: {note}" for group in groups for run in group.runs for note in run.notes]
    for group in groups:
        for run in group.runs:
            if not run.complete:
                notes.append(f"{run.folder}: {run.lacks}; it is not pooled")
            elif group.pooled[run.seed] is not run:
                notes.append(f"{run.folder}: the same as {group.pooled[run.seed].folder}, seed too; it is not pooled")
        for run in group.pooled.values():
            for figure, points in run.figures.items():
                if not math.isfinite(points[step := max(points)]):
                    notes.append(f"{run.folder}: {figure.name} is not finite at step {step}; no mean has it")
    if mixed := _mixed([run for group in groups for run in group.runs]):
        notes.append(
            f"not all runs were made with the same {', '.join(mixed)}: `ganreg diff` tells how two runs differ"
        )
    return notes


def _mixed(runs: Iterable[Entry]) -> list[str]:
    """What the locks of some runs have in different versions: ganreg, torch and the like, and parts by their ids."""
    seen: dict[str, set[str]] = {}
    for run in runs:
        for name, value in run.lock.items():
            if name != "components":
                seen.setdefault(name, set()).add(str(value))
        for part in run.lock.get("components", {}).values():
            if isinstance(part, dict):
                seen.setdefault(str(part.get("id")), set()).add(str(part.get("source")))
    return [printable(name) for name, values in seen.items() if len(values) > 1]


def mean_rate(group: Group) -> float | None:
    """Pictures per second, the mean of the group's runs."""
    rates = [run.images_per_second for run in group.drawn if run.images_per_second is not None]
    return fmean(rates) if rates else None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
