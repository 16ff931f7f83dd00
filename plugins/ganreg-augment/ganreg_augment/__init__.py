"""Augmentations: what both sides are shown in place of their pictures, so that few data go further."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_augment.adaptive import ADA, APA, FixedADA
from ganreg_augment.combinators import Chain, Scheduled
from ganreg_augment.diffaugment import DiffAugment
from ganreg_augment.simple import Blur, Flip, InstanceNoise, Shift
from ganreg_augment.views import ColorJitter, Grayscale, ResizedCrop

COMPONENTS: tuple[type[Component], ...] = (
    Flip,
    Shift,
    InstanceNoise,
    Blur,
    ResizedCrop,
    ColorJitter,
    Grayscale,
    Chain,
    Scheduled,
    DiffAugment,
    FixedADA,
    ADA,
    APA,
)

__all__ = [component.__name__ for component in COMPONENTS]


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `augment`."""
    return COMPONENTS
