"""Losses and auxiliary terms, each from its paper, for everybody's networks."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_losses.adversarial import (
    BinaryEntropy,
    BoundaryEquilibrium,
    DualContrastive,
    EnergyBased,
    KLWasserstein,
    Realness,
    Softmax,
)
from ganreg_losses.combinators import Relativistic, RelativisticAverage, TopK
from ganreg_losses.critics import QuadraticPotential, WassersteinDivergence
from ganreg_losses.discriminators import Autoencoder, CodeHead, InfoMaxHead, OutcomesHead, RotationHead
from ganreg_losses.f_gan import FGAN
from ganreg_losses.generators import CategoricalCode
from ganreg_losses.matching import GDPP, FeatureMatching, ModeSeeking, PullAway
from ganreg_losses.self_supervised import InfoMax, MutualInformation, Rotation
from ganreg_losses.translation import Cycle, Identity, Perceptual, Reconstruction

COMPONENTS: tuple[type[Component], ...] = (
    BinaryEntropy,
    FGAN,
    EnergyBased,
    BoundaryEquilibrium,
    Softmax,
    DualContrastive,
    KLWasserstein,
    Realness,
    Relativistic,
    RelativisticAverage,
    TopK,
    WassersteinDivergence,
    QuadraticPotential,
    FeatureMatching,
    PullAway,
    ModeSeeking,
    GDPP,
    Rotation,
    InfoMax,
    MutualInformation,
    Reconstruction,
    Cycle,
    Identity,
    Perceptual,
    CategoricalCode,
    Autoencoder,
    RotationHead,
    OutcomesHead,
    CodeHead,
    InfoMaxHead,
)

__all__ = [component.__name__ for component in COMPONENTS]


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `losses`."""
    return COMPONENTS
