"""The classic parts of GANs: what a first run needs, and what the papers of 2014 to 2018 made standard."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_classic.discriminators import ConvDiscriminator, DCGANDiscriminator, MLPDiscriminator
from ganreg_classic.games import Standard
from ganreg_classic.generators import DCGANGenerator, MLPGenerator
from ganreg_classic.losses import Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from ganreg_classic.optimizers import SGD, Adam, RMSprop
from ganreg_classic.penalties import R1, GradientPenalty, WeightClipping
from ganreg_classic.schedules import Alternating, Simultaneous

COMPONENTS: tuple[type[Component], ...] = (
    MLPGenerator,
    DCGANGenerator,
    ConvDiscriminator,
    MLPDiscriminator,
    DCGANDiscriminator,
    Minimax,
    NonSaturating,
    LeastSquares,
    Wasserstein,
    Hinge,
    GradientPenalty,
    R1,
    WeightClipping,
    Alternating,
    Simultaneous,
    Standard,
    Adam,
    RMSprop,
    SGD,
)

__all__ = [component.__name__ for component in COMPONENTS]


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `classic`."""
    return COMPONENTS
