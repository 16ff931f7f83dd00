"""Broken extractors."""

from defects import caught_by
from ganreg import Extractor, Features


@caught_by("features")
class Flat(Extractor, name="flat"):
    """All pictures in one row."""

    def __call__(self, images):
        return Features(images.flatten())


@caught_by("features")
class Bare(Extractor, name="bare"):
    """A tensor in place of Features."""

    def __call__(self, images):
        return images.flatten(1)


@caught_by("features")
class Unsaid(Extractor, name="unsaid"):
    """Logits that it does not speak of."""

    def __call__(self, images):
        return Features(images.flatten(1), images.mean(dim=(1, 2, 3))[:, None].repeat(1, 2))


@caught_by("each-alone")
class Centred(Extractor, name="centred"):
    """Less the mean over the batch."""

    def __call__(self, images):
        return Features((images - images.mean(dim=0)).flatten(1))


@caught_by("fixed")
class Projection(Extractor, name="projection"):
    """A random layer, another one in every run."""

    def build(self, task):
        from math import prod

        from torch import nn

        layer = nn.Linear(prod(task.image), 4)
        return lambda images: Features(layer(images.flatten(1)))


@caught_by("fixed")
class InPlace(Extractor, name="in-place"):
    """Moves the pictures to [0, 1] where they stand."""

    def __call__(self, images):
        return Features(images.add_(1).div_(2).flatten(1))


@caught_by("fingerprint")
class Nameless(Extractor, name="nameless"):
    """Tells its parameters line by line."""

    def fingerprint(self):
        return "nameless\n1"

    def __call__(self, images):
        return Features(images.flatten(1))


@caught_by("fingerprint")
class Restless(Extractor, name="restless"):
    """Another fingerprint for every object."""

    def fingerprint(self):
        return f"restless {id(self)}"

    def __call__(self, images):
        return Features(images.flatten(1))
