"""Path length regularization (Karras et al., 2019; arXiv:1912.04958, section 3.2)."""

from pydantic import Field, NonNegativeFloat, PositiveInt

from ganreg import Generator, Penalty
from ganreg_proofs.basics import even, unconditional


class PathLength(Penalty, name="tiny-path-length"):
    """E[(|J_wᵀ y|₂ - a)²] with pictures y of normal noise, and a the running mean of |J_wᵀ y|₂ (equation 4).

    J_wᵀ y is ∂(G(w)·y)/∂w; y is scaled by 1/√(H·W), as in the paper's own code. Needs a generator
    with `mapping` and `synthesis`.
    """

    player = "generator"
    double_backward = True
    requires = frozenset({"mapping"})

    weight: NonNegativeFloat = Field(2.0, description="factor of the term (γ)")
    decay: float = Field(0.01, gt=0, le=1, description="share of the newest batch in the running mean")

    def build(self, task):
        from ganreg_proofs.networks.path_length import PathLength

        return PathLength(self.decay)


class MappedGenerator(Generator, name="tiny-mapped"):
    """z to w to pictures: `mapping(z)`, then `synthesis(w)`."""

    provides = frozenset({"mapping"})
    width: PositiveInt = Field(4, description="channels of the synthesis")

    def check(self, task):
        even(task)
        unconditional(task)

    def build(self, task):
        from ganreg_proofs.networks.path_length import MappedGenerator

        return MappedGenerator(task.latent, task.image, self.width)
