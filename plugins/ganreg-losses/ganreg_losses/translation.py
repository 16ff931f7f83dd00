"""Terms of the generator in image-to-image games, where source pictures become pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat

from ganreg import Discriminator, Penalty

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganreg.engine.play import Play
    from ganreg.task import Task

CHARBONNIER = 1e-3
"""ε of the smooth norm."""


class Distance(Penalty):
    """Base of terms that compare pictures, by the mean over all of their elements."""

    player = "generator"

    norm: Literal["l1", "l2", "charbonnier"] = Field("l1", description="|d|, d² or √(d² + ε²) of each difference d")

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """The distance of two batches; a scalar."""
        difference = one - other
        if self.norm == "l1":
            return difference.abs().mean()
        squares = difference.square()
        return squares.mean() if self.norm == "l2" else (squares + CHARBONNIER**2).sqrt().mean()


class Reconstruction(Distance, name="reconstruction"):
    """pix2pix's distance to the target (Isola et al., 2016; arXiv:1611.07004, equation 3): E‖y - G(x, z)‖₁.

    x is the source, y the real picture that belongs to it; the mean is over every element. Other norms are those of
    Pathak et al., 2016 (arXiv:1604.07379; `l2`) and Lai et al., 2017 (arXiv:1704.03915; `charbonnier`, ε = 10⁻³).
    """

    weight: NonNegativeFloat = Field(100.0, description="factor of the term (λ)")

    def check(self, task: Task) -> None:
        """Refuse data without pairs."""
        _paired(task)

    def __call__(self, play: Play) -> Tensor:
        """The distance; a scalar."""
        return self.between(play.fake, play.real)


class Cycle(Distance, name="cycle"):
    """Cycle consistency (Zhu et al., 2017; arXiv:1703.10593, equation 2): E‖F(G(a)) - a‖₁ + E‖G(F(b)) - b‖₁.

    a are the source pictures, b the real ones, G = `there` and F = `back` the names of the game's networks, such as
    generator_ab and generator_ba. In a game of one generator it is both, its own inverse (Shen et al., 2019;
    arXiv:1909.04104).
    """

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (λ)")
    there: str = Field("generator", description="the network from source pictures to pictures (G)")
    back: str = Field("generator", description="the network from pictures to source pictures (F)")

    def check(self, task: Task) -> None:
        """Refuse data without source pictures, or a network that would lead from one shape to another and back."""
        _translates(task)
        if self.there == self.back and task.source != task.image:
            raise ValueError("one network is its own inverse only where source pictures have the shape of the others")

    def __call__(self, play: Play) -> Tensor:
        """The distance of both round trips; a scalar."""
        assert play.source is not None
        forth = play.generate(network=self.back, source=play.generate(network=self.there, source=play.source))
        around = play.generate(network=self.there, source=play.generate(network=self.back, source=play.real))
        return self.between(forth, play.source) + self.between(around, play.real)


class Identity(Distance, name="identity"):
    """Identity mapping (Taigman et al., 2016; arXiv:1611.02200; Zhu et al., 2017; arXiv:1703.10593, section 5.2).

    E‖G(b) - b‖₁: a generator leaves alone what is already as its pictures should be. b are the real pictures, or the
    source pictures for a network that leads to those.
    """

    weight: NonNegativeFloat = Field(5.0, description="factor of the term")
    network: str = Field("generator", description="the generator (G)")
    of: Literal["real", "source"] = Field("real", description="which pictures are left alone: those it leads to")

    def check(self, task: Task) -> None:
        """Refuse data whose pictures cannot be a source."""
        _translates(task)
        if task.source != task.image:
            raise ValueError("needs source pictures that have the shape of the others")

    def __call__(self, play: Play) -> Tensor:
        """The distance; a scalar."""
        images = play.real if self.of == "real" else play.source
        assert images is not None
        return self.between(play.generate(network=self.network, source=images), images)


class Perceptual(Penalty, name="perceptual"):
    """Perceptual distance to the target (Johnson et al., 2016; arXiv:1603.08155, equations 2 to 4).

    Σⱼ of E[‖φⱼ(ŷ) - φⱼ(y)‖² / CⱼHⱼWⱼ], with `style` times ‖Gⱼ(ŷ) - Gⱼ(y)‖² added, where Gⱼ is the Gram matrix
    φⱼφⱼᵀ / CⱼHⱼWⱼ over places. φⱼ are the features of `features`, any installed discriminator that has some; it is
    frozen. Its weights are read from a safetensors file, such as the `networks.safetensors` of a run's checkpoint with
    the prefix "networks/discriminator/"; without a file they are random, which still compares structure.
    """

    player = "generator"

    features: Discriminator = Field(  # type: ignore[assignment]
        "classic/dcgan", description="the network whose features are compared"
    )
    weights: Path | None = Field(None, description="safetensors file with its weights; null for random ones")
    prefix: str = Field("", description="what the names of its weights begin with in the file")
    layers: tuple[int, ...] | None = Field(None, min_length=1, description="which features, by number; null for all")
    content: NonNegativeFloat = Field(1.0, description="factor of the distance of features")
    style: NonNegativeFloat = Field(0.0, description="factor of the distance of Gram matrices")

    def check(self, task: Task) -> None:
        """Refuse data without pairs, a network without features, and a file that is not there."""
        _paired(task)
        self.features.check(task)
        if "features" not in self.features.provides:
            raise ValueError(f"'{self.features.name}' has no features to compare")
        if self.weights is not None and not self.weights.expanduser().is_file():
            raise ValueError(f"there is no file {self.weights}")

    def build(self, task: Task) -> nn.Module:
        """The term with its network. Raises ValueError where the file has not the network's weights."""
        from ganreg_losses.networks.perceptual import Perceptual, fill

        network = self.features.build(task)
        if self.weights is not None:
            fill(network, self.weights.expanduser(), self.prefix)
        return Perceptual(network, self.layers, self.content, self.style)


def _translates(task: Task) -> None:
    if task.source is None:
        raise ValueError("needs source pictures, and the data has none")


def _paired(task: Task) -> None:
    if task.source is None:
        raise ValueError("needs pairs of source and target, and the data has no source pictures")
