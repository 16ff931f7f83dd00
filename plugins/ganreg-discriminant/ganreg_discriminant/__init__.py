"""Discriminant analysis in GANs: boundaries in feature space, each from its paper, for everybody's networks."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_discriminant import conditional, discriminators
from ganreg_discriminant.analysis import LinearDiscriminant, QuadraticDiscriminant
from ganreg_discriminant.boundaries import Hyperplane, Sliced, Sphere
from ganreg_discriminant.metrics import Separability
from ganreg_discriminant.moments import CovarianceMatching, Cramer, Fisher, MaximumMeanDiscrepancy, MeanMatching

COMPONENTS: tuple[type[Component], ...] = (
    Fisher,
    LinearDiscriminant,
    QuadraticDiscriminant,
    Hyperplane,
    Sphere,
    MaximumMeanDiscrepancy,
    Cramer,
    MeanMatching,
    CovarianceMatching,
    Sliced,
    conditional.MultiHinge,
    conditional.Omni,
    conditional.AuxiliaryClassifier,
    conditional.TwinAuxiliary,
    conditional.AuxiliaryDiscriminative,
    conditional.Contrastive,
    conditional.DataToData,
    discriminators.LinearEmbedding,
    discriminators.Slicing,
    discriminators.Projection,
    discriminators.MultiDiscriminator,
    discriminators.AuxiliaryClassifier,
    discriminators.TwinAuxiliary,
    discriminators.AuxiliaryDiscriminative,
    discriminators.SemiSupervised,
    discriminators.Omni,
    discriminators.Contrastive,
    Separability,
)


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `discriminant`."""
    return COMPONENTS
