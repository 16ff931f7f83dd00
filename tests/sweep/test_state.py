"""sweep.json as it is found."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganreg.errors import RunFolderError
from ganreg.sweep.grid import Axis
from ganreg.sweep.state import FILE, State

AXES = [Axis.read("seed=0,1")]
CELL = {"name": "seed=0", "settings": {"seed": "0"}, "status": "complete", "seconds": 1.5}


def found(folder: Path, text: str) -> State:
    (folder / FILE).write_text(text)
    return State(folder, AXES)


def test_what_was_saved_is_found_again(tmp_path: Path) -> None:
    state = found(tmp_path, json.dumps({"axes": {"seed": ["0"]}, "cells": [CELL]}))
    assert [(record.status, record.seconds) for record in state.records.values()] == [("complete", 1.5), ("pending", 0)]
    state.save()
    assert State(tmp_path, AXES).plain() == state.plain()


def test_cells_of_an_earlier_sweep_are_told_of_as_long_as_they_have_folders(tmp_path: Path) -> None:
    other = CELL | {"name": "seed=7", "settings": {"seed": "7"}}
    (tmp_path / "seed=7").mkdir()
    assert found(tmp_path, json.dumps({"axes": {"seed": ["7"]}, "cells": [other]})).others == [other]
    (tmp_path / "seed=7").rmdir()
    assert State(tmp_path, AXES).others == []


@pytest.mark.parametrize(
    "changed",
    [
        {"axes": None},
        {"axes": ["seed"]},
        {"cells": None},
        {"cells": [5]},
        {"cells": [CELL | {"seconds": ""}]},
        {"cells": [CELL | {"seconds": None}]},
        {"cells": [CELL | {"seconds": 10**400}]},
        {"cells": [CELL | {"settings": ["seed"]}]},
        {"cells": [CELL | {"settings": {"seed": ["0"]}}]},
        {"others": None},
        {"others": [CELL | {"name": 5}]},
    ],
)
def test_one_of_another_kind_is_damaged(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(RunFolderError, match="is damaged: remove it"):
        found(tmp_path, json.dumps({"axes": {"seed": ["0"]}, "cells": [CELL]} | changed))


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000])
def test_one_that_is_no_mapping_is_damaged(tmp_path: Path, text: str) -> None:
    with pytest.raises(RunFolderError, match="is damaged: remove it"):
        found(tmp_path, text)
