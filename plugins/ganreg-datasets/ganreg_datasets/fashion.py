"""Fashion-MNIST: 28x28 grey pictures of ten kinds of clothes (Xiao, Rasul and Vollgraf, 2017; arXiv:1708.07747)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from ganreg import Batch, Dataset, Task
from ganreg.errors import DataError
from ganreg.task import DatasetInfo
from ganreg_datasets import idx

CLASSES = ("t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SIDE = 28
MOST = 60_000
EMBEDDED = Path(__file__).with_name("data")
PREFIXES = {"train": "train", "test": "t10k"}
HELP = (
    "Debian's package dataset-fashion-mnist installs the files to /usr/share/datasets/fashion-mnist; "
    "https://github.com/zalandoresearch/fashion-mnist tells where to download them"
)


class _Fashion(Dataset):
    """What the embedded set and the set from a folder share."""

    size: PositiveInt | None = Field(
        None, le=256, description="side in pixels to which the pictures are resized, at most 256; null keeps 28"
    )
    channels: Literal[1, 3] | None = Field(None, description="3 repeats grey as RGB; null keeps the one channel")

    def _files(self) -> tuple[Path, Path]:
        """The IDX files of the pictures and of the labels."""
        raise NotImplementedError

    def info(self) -> DatasetInfo:
        """Shapes, count and classes, read from the headers of the two files."""
        pictures, labels = self._files()
        count, *sides = idx.shape(pictures, dimensions=3)
        (label_count,) = idx.shape(labels, dimensions=1)
        if sides != [SIDE, SIDE]:
            raise DataError(f"{pictures}: pictures of {sides[0]}x{sides[1]}; those of Fashion-MNIST are 28x28")
        if count == 0:
            raise DataError(f"{pictures}: there is no picture in it")
        if count > MOST:  # before they are read: a small archive can hold any number of zeros
            raise DataError(f"{pictures}: {count} pictures; Fashion-MNIST has no more than {MOST}")
        if count != label_count:
            raise DataError(f"{labels}: {label_count} labels for the {count} pictures of {pictures}")
        side = self.size or SIDE
        return DatasetInfo(image=(self.channels or 1, side, side), count=count, classes=CLASSES)

    def build(self, task: Task) -> Batch:
        """The whole set: images (N, C, size, size) uint8, labels (N,) int64. Grey is repeated without a copy."""
        import torch

        info = self.info()
        pictures, labels = self._files()
        classes = torch.frombuffer(idx.read(labels, dimensions=1), dtype=torch.uint8).long()
        if (strange := int(classes.max())) >= len(CLASSES):
            raise DataError(f"{labels}: label {strange}; those of Fashion-MNIST are 0 to {len(CLASSES) - 1}")
        images = torch.frombuffer(idx.read(pictures, dimensions=3), dtype=torch.uint8).reshape(-1, 1, SIDE, SIDE)
        if self.size not in (None, SIDE):
            from ganreg_datasets.pictures import resize_each

            images = torch.from_numpy(resize_each(images[:, 0].numpy(), self.size))[:, None]
        return Batch(images=images.expand(-1, *info.image), labels=classes)


class FashionMNIST10k(_Fashion, name="fashion-mnist-10k"):
    """The 10,000 test pictures of Fashion-MNIST, embedded: nothing to download.

    28x28 grey pictures of clothes in ten classes of 1,000 each (Xiao, Rasul and Vollgraf, 2017; arXiv:1708.07747).
    """

    def _files(self) -> tuple[Path, Path]:
        return _locate(EMBEDDED, "test")


class FashionMNIST(_Fashion, name="fashion-mnist"):
    """Fashion-MNIST from a folder of its IDX files: 60,000 pictures to train, 10,000 to test.

    28x28 grey pictures of clothes in ten classes (Xiao, Rasul and Vollgraf, 2017; arXiv:1708.07747). The files have
    the names that they were published under, and may be decompressed.
    """

    folder: Path = Field(
        description="folder of the IDX files, such as /usr/share/datasets/fashion-mnist; ~ is expanded"
    )
    split: Literal["train", "test"] = Field("train", description="which of the two sets")

    def _files(self) -> tuple[Path, Path]:
        return _locate(Path(os.path.expanduser(self.folder)), self.split)


def _locate(folder: Path, split: str) -> tuple[Path, Path]:
    """The files of pictures and labels, decompressed or not; DataError where one is missing."""
    prefix = PREFIXES[split]
    pictures, labels = (folder / f"{prefix}-{part}-ubyte" for part in ("images-idx3", "labels-idx1"))
    return _either(pictures), _either(labels)


def _either(path: Path) -> Path:
    for candidate in (path, path.with_name(path.name + ".gz")):
        if os.path.isfile(candidate):
            return candidate
    raise DataError(f"{path}: no such file, nor the same with .gz. {HELP}")
