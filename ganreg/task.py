"""What the spec and its dataset fix before anything is built."""

from __future__ import annotations

from dataclasses import dataclass, field

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Task:
    """The shapes that every `build(task)` receives.

    image: (C, H, W) of the pictures, whose values lie in [-1, 1].
    latent: size of the latent vector z.
    classes: how many classes condition the run; None in an unconditional run, even when the data has labels.
    source: (C, H, W) of the source picture in image-to-image games, else None.
    count: how many pictures the dataset tells of, for what cannot do with few; None where nobody has said.
    """

    image: Shape
    latent: int
    classes: int | None = None
    source: Shape | None = None
    count: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class DatasetInfo:
    """What a dataset tells of itself without being loaded.

    image: (C, H, W); count: pictures; classes: their names, or None where there are no labels;
    source: (C, H, W) of the source picture of image-to-image data.
    """

    image: Shape
    count: int
    classes: tuple[str, ...] | None = None
    source: Shape | None = None


def describe(shape: Shape) -> str:
    """(3, 64, 64) as people write it."""
    return "(" + ", ".join(map(str, shape)) + ")"
