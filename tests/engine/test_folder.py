"""The records of a run."""

import json
from pathlib import Path

import pytest

from ganreg.engine.disk import append
from ganreg.engine.folder import attempts, records


@pytest.mark.parametrize("damage", ["{", "[1]", '{"step": "1"}', '{"losses": {}}', "[" * 100_000, "\udcff"])
def test_records_end_where_a_line_is_none(tmp_path: Path, damage: str) -> None:
    log = tmp_path / "log.jsonl"
    for step in range(3):
        append(log, {"step": step})
    with log.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{damage}\n")
    append(log, {"step": 3})
    assert [record["step"] for record in records(log)] == [0, 1, 2]


def test_every_line_is_strict_json(tmp_path: Path) -> None:
    append(tmp_path / "log.jsonl", {"step": 1, "metrics": {"x": float("nan"), "y": 0.5, "z": float("inf")}})
    line = json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=pytest.fail)
    assert line == {"step": 1, "metrics": {"x": None, "y": 0.5, "z": None}}


def test_a_log_tells_how_often_its_run_was_rolled_back(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for step, attempt in ((2, 1), (2, 2), (4, 3)):
        append(log, {"step": step, "rollback": attempt, "because": "…"})
    assert [attempts(log, step) for step in (1, 2, 3, 4)] == [0, 2, 2, 3]
