"""GANs that break GAN libraries, in miniature, as a stranger's plugin would offer them: one module per method.

Every name begins with "tiny-", so that none hides the bare name of a part in full size.
"""

from ganreg import hookimpl
from ganreg_proofs.acgan import ACGANLoss, AuxiliaryClassifier
from ganreg_proofs.ada import ADA
from ganreg_proofs.basics import Judge, Pictures, TinyDiscriminator, TinyGenerator
from ganreg_proofs.bigan import BiGAN, PairDiscriminator, TinyEncoder
from ganreg_proofs.cyclegan import CycleGAN, PatchDiscriminator, Translator, UnpairedPictures
from ganreg_proofs.extragradient import Extragradient
from ganreg_proofs.features import Coarse, MeanDistance
from ganreg_proofs.logan import LOGAN, LatentStep
from ganreg_proofs.multiscale import FeatureMatching, MultiScaleDiscriminator
from ganreg_proofs.path_length import MappedGenerator, PathLength
from ganreg_proofs.progressive import GrowingDiscriminator, GrowingGenerator, Progressive
from ganreg_proofs.relativistic import Relativistic
from ganreg_proofs.textbook import (
    R1,
    SGD,
    TEXTBOOK,
    Adam,
    Clipping,
    Hinge,
    InTurn,
    LeastSquares,
    NoiseToImage,
    NonSaturating,
    Together,
    Wasserstein,
)

__all__ = ["TEXTBOOK"]


@hookimpl
def ganreg_components():
    """The components of the namespace `proofs`."""
    return [
        Pictures,
        TinyGenerator,
        TinyDiscriminator,
        Judge,
        NoiseToImage,
        InTurn,
        Together,
        Adam,
        SGD,
        Hinge,
        Wasserstein,
        NonSaturating,
        LeastSquares,
        R1,
        Clipping,
        CycleGAN,
        UnpairedPictures,
        Translator,
        PatchDiscriminator,
        BiGAN,
        TinyEncoder,
        PairDiscriminator,
        Progressive,
        GrowingGenerator,
        GrowingDiscriminator,
        Extragradient,
        LOGAN,
        LatentStep,
        ADA,
        PathLength,
        MappedGenerator,
        MultiScaleDiscriminator,
        FeatureMatching,
        AuxiliaryClassifier,
        ACGANLoss,
        Relativistic,
        Coarse,
        MeanDistance,
    ]
