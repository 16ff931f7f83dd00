"""Damage anywhere in a checkpoint is noticed: bits that flip, files that end early, pages that read as zeros."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.api import Run
from ganreg.engine.checkpoints import read
from ganreg.errors import CheckpointError

TIMES = 1000
Tiny = Callable[..., Run]


def flip(content: bytearray, luck: random.Random) -> None:
    content[luck.randrange(len(content))] ^= 1 << luck.randrange(8)


def truncate(content: bytearray, luck: random.Random) -> None:
    del content[luck.randrange(len(content)) :]


def zero_page(content: bytearray, luck: random.Random) -> None:
    start = luck.randrange(len(content))
    size = min(luck.choice([64, 512, 4096]), len(content) - start)
    content[start : start + size] = bytes(size)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, composition: dict[str, Any]) -> Path:
    import ganreg

    folder = tmp_path_factory.mktemp("run") / "run"
    ganreg.compose(
        **{**composition, "data": "tiny-pictures"},
        train={"steps": 1, "batch_size": 4, "device": "cpu"},
        output={"folder": folder},
    ).train()
    return folder / "checkpoints" / "00000001"


@pytest.mark.parametrize("harm", [flip, truncate, zero_page])
def test_all_damage_is_noticed(checkpoint: Path, harm: Callable[[bytearray, random.Random], None]) -> None:
    luck = random.Random(0)
    files = sorted(checkpoint.iterdir())
    sizes = [path.stat().st_size for path in files]
    read(checkpoint)
    done = noticed = 0
    while done < TIMES:
        path = luck.choices(files, sizes)[0]
        whole = path.read_bytes()
        content = bytearray(whole)
        harm(content, luck)
        if content == whole:
            continue
        done += 1
        path.write_bytes(content)
        try:
            read(checkpoint)
        except CheckpointError:
            noticed += 1
        path.write_bytes(whole)
    assert (done, noticed) == (TIMES, TIMES)
    read(checkpoint)
