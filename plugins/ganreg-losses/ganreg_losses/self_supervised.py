"""Tasks that the pictures themselves set the discriminator, by heads on its embedding; terms of both players."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, NonNegativeInt

from ganreg import SidedPenalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg.engine.play import Play
    from ganreg.task import Task

TURNS = 4


class Rotation(SidedPenalty, name="rotation"):
    """SS-GAN (Chen et al., 2019; arXiv:1811.11212): by how much was the picture turned?

    E[-log Q(R = r | x turned by r)] over turns r of 0, 90, 180 and 270 degrees, each picture turned by all of them: of
    real pictures for the discriminator (weight β = 1), of generated ones for the generator (α = 0.2). Q is softmax
    over the output `rotation`, as `rotation-head` adds it to any discriminator that has an embedding.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"rotation"})

    def check(self, task: Task) -> None:
        """Refuse pictures that a quarter turn makes another shape of."""
        if task.image[1] != task.image[2]:
            raise ValueError("turns pictures, which have to be square")

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy of the turn; a scalar."""
        import torch
        from torch.nn.functional import cross_entropy

        images = self.images(play)
        turned = torch.cat([images.rot90(turn, (2, 3)) for turn in range(TURNS)])
        turns = torch.arange(TURNS, device=images.device).repeat_interleave(len(images))
        labels = None if play.labels is None else play.labels.repeat(TURNS)
        return cross_entropy(play.discriminate(turned, labels).extra["rotation"], turns)


class InfoMax(SidedPenalty, name="infomax"):
    """InfoMax-GAN (Lee et al., 2020; arXiv:2007.04589, section 3): which picture does this place belong to?

    E over pictures x and places i of -log(exp g(Cᵢ(x), E(x)) / Σ exp g(Cⱼ(x'), E(x))), the sum being over all places
    j of all pictures x' of the batch: of real pictures for the discriminator, of generated ones for the generator, both
    with a weight of 0.2 (α, β). g is the product of the outputs `local` (N, R, h, w) and `global` (N, R), as
    `infomax-head` adds them to any discriminator that has features and an embedding.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"local", "global"})

    def __call__(self, play: Play) -> Tensor:
        """InfoNCE of local and global features; a scalar."""
        import torch

        output = play.gather(self.output(play))
        places = output.extra["local"].flatten(2)
        products = torch.einsum("nr,mrp->nmp", output.extra["global"], places)
        shares = products.flatten(1).log_softmax(dim=1).view_as(products)
        return -shares.diagonal(dim1=0, dim2=1).mean()


class MutualInformation(SidedPenalty, name="mutual-information"):
    """InfoGAN (Chen et al., 2016; arXiv:1606.03657, equation 5): a picture tells a part of its z, the codes c.

    E[-log Q(c | G(z))], up to a constant. The codes are the first numbers of z, and Q is read from `codes` (N, K), an
    output that `code-head` adds to any discriminator that has an embedding: normal around it with variance 1, so
    ½‖c - codes‖². The first `categories` of the codes may be one category instead, the place of the largest: for these
    Q is softmax, and the term its cross-entropy. Take the generator `categorical-code` then. Both players have this
    term, since Q is part of the discriminator.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"codes"})

    categories: NonNegativeInt = Field(0, description="how many of the codes are places of one category")

    def __call__(self, play: Play) -> Tensor:
        """Minus the logarithm of the likelihood; a scalar."""
        from torch.nn.functional import cross_entropy

        told: Tensor = play.fake_output.extra["codes"]
        codes, k = play.z[:, : told.shape[1]], self.categories
        if k > told.shape[1]:
            raise ValueError(f"categories: {k} of the codes, of which the discriminator tells {told.shape[1]}")
        term = 0.5 * (codes[:, k:] - told[:, k:]).square().sum(dim=1).mean()
        return term + cross_entropy(told[:, :k], codes[:, :k].argmax(dim=1)) if k else term
