"""The tasks that components are tried on. What `check(task)` refuses is not claimed; what it accepts must work."""

from __future__ import annotations

from collections.abc import Iterator

from ganreg.components import Component
from ganreg.task import Task

IMAGES = (
    *((3, 8, 8), (1, 8, 8), (3, 16, 16), (1, 16, 16), (1, 28, 28), (3, 32, 32)),
    *((1, 12, 20), (3, 15, 15), (3, 64, 64), (3, 128, 128), (3, 256, 256), (3, 512, 512), (3, 1024, 1024)),
)
"""Small ones first; one that is not square, and one of odd sides."""

LATENTS = (10, 128, 512, 64, 100, 256)
"""All but the first only where the first is refused."""

CLASSES = 3


def claimed(part: Component) -> tuple[Task, ...]:
    """The tasks that a component accepts, of the first latent size for which it accepts any.

    Noise to image is tried first, with and without classes; image to image only where all of that is refused.
    """
    return next(filter(None, (tuple(t for t in tasks if accepts(part, t)) for tasks in _alternatives())), ())


def accepts(part: Component, task: Task) -> bool:
    """Whether a component serves a task, by its own word."""
    try:
        part.check(task)
    except ValueError:
        return False
    return True


def _alternatives() -> Iterator[list[Task]]:
    for latent in LATENTS:
        yield [Task(image, latent, classes) for classes in (None, CLASSES) for image in IMAGES]
        yield [Task(image, latent, None, (channels, *image[1:])) for channels in (3, 1) for image in IMAGES]
