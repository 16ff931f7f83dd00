"""Penalties beyond the classic ones, spectral normalization of any network, and the optimizer of lazy penalties."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_penalties.averaging import HistoricalAveraging, LeCam, PathLength
from ganreg_penalties.consistency import BalancedConsistency, Consistency, LatentConsistency
from ganreg_penalties.drift import Drift
from ganreg_penalties.gradient_penalties import (
    DRAGAN,
    R1R2,
    R2,
    JensenShannon,
    MaxGradientPenalty,
    OneSidedGradientPenalty,
    ZeroCentredGradientPenalty,
)
from ganreg_penalties.lazy import Lazy
from ganreg_penalties.spectral import SpectralDiscriminator, SpectralGenerator
from ganreg_penalties.weights import Orthogonal

COMPONENTS: tuple[type[Component], ...] = (
    OneSidedGradientPenalty,
    MaxGradientPenalty,
    DRAGAN,
    ZeroCentredGradientPenalty,
    JensenShannon,
    R2,
    R1R2,
    PathLength,
    LeCam,
    HistoricalAveraging,
    Consistency,
    BalancedConsistency,
    LatentConsistency,
    Drift,
    Orthogonal,
    SpectralGenerator,
    SpectralDiscriminator,
    Lazy,
)

__all__ = [component.__name__ for component in COMPONENTS]


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `penalties`."""
    return COMPONENTS
