"""Terms of the generator: what its pictures have in common with real ones, and not with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, NonNegativeFloat

from ganreg import Penalty

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import DiscriminatorOutput
    from ganreg.engine.play import Play


class FeatureMatching(Penalty, name="feature-matching"):
    """Feature matching (Salimans et al., 2016; arXiv:1606.03498, section 3.1), on the discriminator's features φ.

    ‖E[φ(x)] - E[φ(G(z))]‖², the norm being summed over a layer's elements. With `by: pictures` it is E|φ(x) - φ(G(z))|,
    the mean over a layer's elements, of each real picture and the generated one at its place, as pix2pixHD has it for
    pairs (Wang et al., 2017; arXiv:1711.11585, equation 4). Summed over layers and scales.
    """

    player = "generator"
    requires: ClassVar[frozenset[str]] = frozenset({"features"})

    layers: tuple[int, ...] | None = Field(
        (-1,), min_length=1, description="which features, counted from 0 or, from the last one, -1; null for all"
    )
    by: Literal["mean", "pictures"] = Field("mean", description="what is matched: the batches' means, or each pair")

    def __call__(self, play: Play) -> Tensor:
        """The distance; a scalar."""
        import torch

        scales = zip(play.real_output.scales(), play.fake_output.scales(), strict=True)
        pairs = [pair for real, fake in scales for pair in zip(self._of(real), self._of(fake), strict=True)]
        if self.by == "pictures":
            return torch.stack([(real - fake).abs().mean() for real, fake in pairs]).sum()
        means = [play.gather((real.mean(0) - fake.mean(0))[None]).mean(0) for real, fake in pairs]
        return torch.stack([mean.square().sum() for mean in means]).sum()

    def _of(self, output: DiscriminatorOutput) -> list[Tensor]:
        """The layers that are matched."""
        features = output.features
        count = len(features)
        if self.layers is None:
            return list(features)
        beyond = [layer for layer in self.layers if not -count <= layer < count]
        if beyond:
            raise ValueError(f"layers: the discriminator has {count} features, and none of number {beyond[0]}")
        return [features[layer] for layer in self.layers]


class PullAway(Penalty, name="pull-away"):
    """EBGAN's pulling-away term (Zhao et al., 2016; arXiv:1609.03126, section 2.4), on the embeddings S of G(z).

    1/(N(N - 1))·Σᵢ Σⱼ≠ᵢ (Sᵢ·Sⱼ / ‖Sᵢ‖‖Sⱼ‖)²: the pictures of a batch are pulled towards orthogonal embeddings. Summed
    over scales.
    """

    player = "generator"
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    weight: NonNegativeFloat = Field(0.1, description="factor of the term")

    def __call__(self, play: Play) -> Tensor:
        """The mean squared cosine of two pictures of the batch; 0 where it has one only."""
        import torch
        from torch.nn.functional import normalize

        terms = []
        for scale in play.gather(play.fake_output).scales():
            directions = normalize(scale.embedding, dim=1)
            squares = (directions @ directions.T).square()
            terms.append((squares.sum() - squares.diagonal().sum()) / max(len(squares) * (len(squares) - 1), 1))
        return torch.stack(terms).sum()


class ModeSeeking(Penalty, name="mode-seeking"):
    """Mode seeking (Mao et al., 2019; arXiv:1903.05628): other noise has to give other pictures.

    The ratio E|G(z₁) - G(z₂)| / E|z₁ - z₂| is maximized, as its inverse 1 / (ratio + ε) is minimized. z₂ is the noise
    of the next picture in the batch, and normal noise of its own where there is one picture only; in a conditional run,
    or one with source pictures, G(z₂) is made for the label and source of z₁.
    """

    player = "generator"

    epsilon: float = Field(1e-5, gt=0, allow_inf_nan=False, description="keeps the inverse finite (ε)")

    def __call__(self, play: Play) -> Tensor:
        """The inverse of the batch's ratio; a scalar."""
        import torch

        z, fake = play.gather(play.z), play.gather(play.fake)
        if len(z) > 1 and play.labels is None and play.source is None:
            others, images = z.roll(1, dims=0), fake.roll(1, dims=0)
        else:  # the label and source of each of the rows that are here
            single = len(play.z) == 1
            chosen = play.random("mode-seeking").normal(*play.z.shape) if single else play.z.roll(1, dims=0)
            others, images = play.gather(chosen), play.gather(play.generate(chosen))
        apart = (z - others).abs().mean().clamp_min(torch.finfo(z.dtype).eps)
        return 1 / ((fake - images).abs().mean() / apart + self.epsilon)


class GDPP(Penalty, name="gdpp"):
    """GDPP (Elfeki et al., 2018; arXiv:1812.00802): as diverse as real pictures, in the same ways.

    The kernel of a batch is L = ΦΦᵀ (N, N), Φ being its embeddings of unit length. With eigenvalues λ and eigenvectors
    v, in order: Σ|λ_real - λ_fake| - Σ λ̂_real·|cos(v_real, v_fake)|, where λ̂ is λ brought to [0, 1]. The sign of an
    eigenvector is arbitrary, hence the absolute value. A kernel has no more than D eigenvalues above 0, D being the
    embedding's size; the others' eigenvectors are arbitrary and are left out. Equal eigenvalues, whose eigenvectors
    have no gradient, are kept apart by a few roundings on the kernel's diagonal. Summed over scales.
    """

    player = "generator"
    requires: ClassVar[frozenset[str]] = frozenset({"embedding"})

    def __call__(self, play: Play) -> Tensor:
        """Distance of the eigenvalues, less likeness of the eigenvectors; a scalar."""
        import torch

        terms = []
        real_output, fake_output = play.gather(play.real_output), play.gather(play.fake_output)
        for real, fake in zip(real_output.scales(), fake_output.scales(), strict=True):
            values, vectors = _spectrum(real.embedding)
            others, other_vectors = _spectrum(fake.embedding)
            rank = min(real.embedding.shape)
            shares = (values - values.min()) / (values.max() - values.min()).clamp_min(torch.finfo(values.dtype).eps)
            cosines = (vectors * other_vectors).sum(dim=0).abs()
            terms.append((values - others).abs().sum() - (shares * cosines)[-rank:].sum())
        return torch.stack(terms).sum()


def _spectrum(embedding: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (N,), ascending, and eigenvectors in columns (N, N) of the kernel of a batch."""
    import torch
    from torch.nn.functional import normalize

    directions = normalize(embedding, dim=1, eps=1e-6)  # no smaller: it divides the gradient at 0
    kernel = (directions @ directions.T).to(directions.dtype)  # autocast rounds products, and takes no eigenvalues
    roundings = torch.arange(len(kernel), dtype=kernel.dtype, device=kernel.device) * torch.finfo(kernel.dtype).eps
    values, vectors = torch.linalg.eigh(kernel + torch.diag(8 * roundings))
    return values, vectors
