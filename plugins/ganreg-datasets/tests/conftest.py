"""Pictures for the tests of `image-folder`, written where the test may write."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ganreg_datasets import ImageFolder
from ganreg_datasets.cache import CachedPictures
from PIL import Image

from ganreg import Batch, Task

TASK = Task(image=(3, 8, 8), latent=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that `dataset` reads."""
    made = tmp_path / "pictures"
    made.mkdir()
    return made


@pytest.fixture
def dataset(folder: Path, tmp_path: Path) -> Callable[..., ImageFolder]:
    """Makes an `image-folder` of 8x8 pictures with a cache of the test's own."""
    return lambda **parameters: ImageFolder(**{"folder": folder, "size": 8, "cache": tmp_path / "cache", **parameters})


@pytest.fixture
def build(dataset: Callable[..., ImageFolder]) -> Callable[..., CachedPictures]:
    """Builds that dataset."""
    return lambda **parameters: dataset(**parameters).build(TASK)


@pytest.fixture
def everything(build: Callable[..., CachedPictures]) -> Callable[..., Batch]:
    """Builds that dataset and fetches it whole."""

    def fetch(**parameters: object) -> Batch:
        pictures = build(**parameters)
        return pictures.batch(torch.arange(len(pictures)))

    return fetch


@pytest.fixture
def paint(folder: Path) -> Callable[..., Path]:
    """Writes a picture of one colour below the folder."""

    def write(
        name: str, colour: object = 0, *, mode: str = "RGB", size: tuple[int, int] = (8, 8), **save: object
    ) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path, **save)
        return path

    return write
