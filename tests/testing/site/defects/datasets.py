"""Broken datasets."""

from pathlib import Path

from pydantic import Field

from defects import caught_by
from ganreg import Batch, Dataset
from ganreg.task import DatasetInfo

CLASSES = ("cat", "dog")


class Squares(Dataset):
    """Twelve random pictures of two classes."""

    def info(self):
        return DatasetInfo((3, 8, 8), 12, CLASSES)

    def build(self, task):
        return self.change(*self.pictures())

    def pictures(self):
        import torch

        numbers = torch.Generator().manual_seed(0)
        return torch.randint(256, (12, 3, 8, 8), generator=numbers, dtype=torch.uint8), torch.arange(12) % 2

    def change(self, images, labels):
        return Batch(images, labels)


@caught_by("builds")
class Pairs(Squares, name="pairs"):
    """Builds a tuple."""

    def change(self, images, labels):
        return images, labels


@caught_by("info")
class ListedClasses(Squares, name="listed-classes"):
    """How many classes, in place of their names."""

    def info(self):
        return DatasetInfo((3, 8, 8), 12, 2)


@caught_by("as-described")
class Miscounted(Squares, name="miscounted"):
    """Counts one too many."""

    def info(self):
        return DatasetInfo((3, 8, 8), 13, CLASSES)


@caught_by("as-described")
class LastChannel(Squares, name="last-channel"):
    """(N, H, W, C)."""

    def change(self, images, labels):
        return Batch(images.movedim(1, 3), labels)


@caught_by("as-described")
class FromOne(Squares, name="from-one"):
    """Labels that begin with 1."""

    def change(self, images, labels):
        return Batch(images, labels + 1)


@caught_by("as-described")
class HalfRange(Squares, name="half-range"):
    """[0, 1]."""

    def change(self, images, labels):
        return Batch(images / 255, labels)


@caught_by("as-described")
class Unlabelled(Squares, name="unlabelled"):
    """Names classes, and gives no labels."""

    def change(self, images, labels):
        return Batch(images)


@caught_by("as-described")
class FloatLabels(Squares, name="float-labels"):
    """Labels in floating point."""

    def change(self, images, labels):
        return Batch(images, labels.float())


@caught_by("same-pictures")
class Shuffles(Squares, name="shuffles"):
    """Other pictures at each call, from a count of its own."""

    def change(self, images, labels):
        return Shuffled(images, labels)


class Shuffled:
    def __init__(self, images, labels):
        self.images, self.labels, self.calls = images, labels, 0

    def __len__(self):
        return len(self.images)

    def batch(self, indices):
        self.calls += 1
        indices = (indices + self.calls) % len(self)
        return Batch(self.images[indices], self.labels[indices])


@caught_by("as-described")
class Dark(Squares, name="dark"):
    """uint8 in {0, 1}."""

    def change(self, images, labels):
        return Batch(images % 2, labels)


@caught_by("as-described")
class NoLabel(Squares, name="no-label"):
    """-1 where there is no class."""

    def change(self, images, labels):
        return Batch(images, labels - 1)


@caught_by("as-described")
class LateLabel(Squares, name="late-label"):
    """A wrong label far behind, in a set that is read by index."""

    def info(self):
        return DatasetInfo((3, 8, 8), 120, CLASSES)

    def change(self, images, labels):
        labels = labels.repeat(10)
        labels[-1] = 2
        return Rows(images.repeat(10, 1, 1, 1), labels)


class Rows:
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def batch(self, indices):
        return Batch(self.images[indices], self.labels[indices])


@caught_by("same-pictures")
class SortedLabels(Squares, name="sorted-labels"):
    """Labels in the order of the set, whatever the order of the pictures."""

    def change(self, images, labels):
        return SortedRows(images, labels)


class SortedRows(Rows):
    def batch(self, indices):
        return Batch(self.images[indices], self.labels[indices.sort().values])


@caught_by("same-pictures")
class OneBuffer(Squares, name="one-buffer"):
    """Other pictures at each call, in one tensor that is filled anew."""

    def change(self, images, labels):
        return Buffered(images, labels)


class Buffered(Rows):
    def __init__(self, images, labels):
        super().__init__(images, labels)
        self.buffer, self.calls = images.clone(), 0

    def batch(self, indices):
        self.calls += 1
        self.buffer[: len(indices)] = self.images[indices] + self.calls
        return Batch(self.buffer[: len(indices)], self.labels[indices])


@caught_by("missing-files")
class Reads(Squares, name="reads"):
    """A folder, without a word where it is missing."""

    folder: Path = Field(description="a folder")

    def info(self):
        return DatasetInfo((3, 8, 8), 12, tuple(sorted(path.name for path in self.folder.iterdir())))
