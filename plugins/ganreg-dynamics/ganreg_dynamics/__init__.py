"""Schedules and optimizers that change a game's dynamics, each from its paper."""

from ganreg import hookimpl
from ganreg.components import Component
from ganreg_dynamics.annealing import AnnealedOptimizer, AnnealedPenalty
from ganreg_dynamics.balance import AdaptiveCritic, Balanced, LossChange
from ganreg_dynamics.data import EightGaussians
from ganreg_dynamics.discriminators import FreezeD
from ganreg_dynamics.extrapolation import Extragradient, PastExtragradient, Prediction
from ganreg_dynamics.logan import LOGAN, LatentStep
from ganreg_dynamics.lookahead import LookaheadMinmax
from ganreg_dynamics.optimizers import NegativeMomentum, OptimisticAdam, OptimisticGradientDescent, Torch
from ganreg_dynamics.second_order import (
    CompetitiveGradientDescent,
    Consensus,
    SymplecticGradientAdjustment,
    Unrolled,
)

COMPONENTS: tuple[type[Component], ...] = (
    Extragradient,
    PastExtragradient,
    Prediction,
    Unrolled,
    Consensus,
    SymplecticGradientAdjustment,
    CompetitiveGradientDescent,
    LookaheadMinmax,
    LOGAN,
    AdaptiveCritic,
    Balanced,
    LossChange,
    OptimisticGradientDescent,
    OptimisticAdam,
    NegativeMomentum,
    Torch,
    AnnealedOptimizer,
    AnnealedPenalty,
    LatentStep,
    FreezeD,
    EightGaussians,
)

__all__ = [component.__name__ for component in COMPONENTS]


@hookimpl
def ganreg_components() -> tuple[type[Component], ...]:
    """The components of the namespace `dynamics`."""
    return COMPONENTS
