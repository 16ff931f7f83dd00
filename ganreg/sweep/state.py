"""sweep.json: what became of each cell of a sweep, so that the same sweep goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ganreg.engine.disk import replace
from ganreg.errors import RunFolderError
from ganreg.sweep.grid import Axis, Cell, cells

FILE = "sweep.json"
Status = Literal["pending", "complete", "failed", "stopped"]


@dataclass
class Record:
    """A cell: its folder, what became of it, why where it failed, and the command that runs it alone."""

    name: str
    folder: str
    settings: Mapping[str, str]
    status: Status = "pending"
    exit_code: int | None = None
    seconds: float = 0.0
    error: str = ""
    command: str = ""


class State:
    """The cells of a sweep in its folder; those that have been there before keep their names.

    others: records of cells of earlier sweeps there that are none of this one. Raises SpecError for axes that cannot
    be, RunFolderError where the folder holds something else.
    """

    def __init__(self, folder: Path, axes: Sequence[Axis]) -> None:
        self.folder = folder
        self._axes = {axis.path: list(axis.values) for axis in axes}
        before = self._read()
        self.cells = cells(axes, [Cell(name, record["settings"]) for name, record in before.items()])
        self.records = {cell.name: self._record(cell, before.get(cell.name, {})) for cell in self.cells}
        left = [record for name, record in before.items() if name not in self.records]
        self.others = [record for record in left if (folder / record["name"]).exists()]

    def _record(self, cell: Cell, before: Mapping[str, Any]) -> Record:
        found = Record(cell.name, str(self.folder / cell.name), cell.settings)
        if before.get("status") == "complete":
            found.status, found.exit_code, found.seconds = "complete", 0, before["seconds"]
        return found

    def _read(self) -> dict[str, Mapping[str, Any]]:
        path = self.folder / FILE
        if (self.folder / "spec.yaml").exists():
            raise RunFolderError(f"{self.folder} holds a run: a sweep takes another folder, by --out")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            axes = list(found["axes"].keys())
            known = {record["name"]: _checked(record) for record in [*found["cells"], *found.get("others", [])]}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise RunFolderError(
                f"{path} is damaged: remove it, and the sweep finds its cells by their folders"
            ) from error
        if axes != list(self._axes):
            theirs, ours = (", ".join(paths) for paths in (axes, self._axes))
            raise RunFolderError(
                f"{self.folder} holds a sweep over {theirs}, and this one is over {ours}: give another --out"
            )
        return known

    def save(self) -> None:
        """Write it down. Raises RunFolderError."""
        replace(self.folder / FILE, f"{json.dumps(self.plain(), indent=2)}\n".encode())

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        records = list(self.records.values())
        counts = {
            status: sum(r.status == status for r in records) for status in ("complete", "failed", "stopped", "pending")
        }
        return {
            "folder": str(self.folder),
            "axes": self._axes,
            **counts,
            "cells": [asdict(record) for record in records],
            "others": self.others,
        }


def _checked(record: Any) -> Mapping[str, Any]:
    """A record as `save` wrote it. Raises what its parts raise where it is none."""
    settings = record["settings"]
    for word in (record["name"], *settings.keys(), *settings.values()):
        if not isinstance(word, str):
            raise TypeError(f"{word!r}, where text is due")
    return {**record, "seconds": float(record.get("seconds", 0))}
