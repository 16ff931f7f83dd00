"""Penalties that remember an average of what has been; torch lives here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from ganreg_penalties.outputs import level, mean_square

if TYPE_CHECKING:
    from ganreg.engine.play import Play


class PathLength(nn.Module):
    """The penalty with its running mean, which moves once the generator has."""

    mean: Tensor

    def __init__(self, decay: float, latent: Literal["w", "z"] | None) -> None:
        super().__init__()
        self.decay = decay
        self.latent = latent
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, play: Play) -> Tensor:
        """The mean over the batch; a scalar."""
        images, latent = self._generated(play)
        noise = play.random("path-length").normal(*images.shape) / (images.shape[2] * images.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((images * noise).sum(), latent, create_graph=True)
        # Of a latent per layer, (N, layers, D), the square lengths are averaged over layers.
        layers = gradient.shape[1:-1].numel()
        lengths = torch.linalg.vector_norm(gradient.flatten(1), dim=1) / layers**0.5
        mean = play.notes[self] = self.mean.lerp(play.gather(lengths.detach()).mean().to(self.mean.dtype), self.decay)
        penalty: Tensor = (lengths - mean).square().mean()
        return penalty

    def after_update(self, play: Play) -> None:
        """Keep the mean of the play that moved, of all its parts."""
        means = [part.notes[self] for part in play.parts if self in part.notes]
        if means:
            self.mean.copy_(torch.stack(means).mean(0))

    def _generated(self, play: Play) -> tuple[Tensor, Tensor]:
        """Pictures, and the latent from which a graph leads to them."""
        generator: Any = play.networks.get("generator")
        mapped = hasattr(generator, "mapping") and hasattr(generator, "synthesis")
        if self.latent == "z" or not (self.latent or mapped):
            z = play.z.detach().requires_grad_()
            return play.generate(z), z
        w = generator.mapping(play.z) if play.labels is None else generator.mapping(play.z, play.labels)
        return generator.synthesis(w), w


class LeCam(nn.Module):
    """The penalty with its two anchors, which move once the discriminator has."""

    real: Tensor
    fake: Tensor

    def __init__(self, decay: float, start: int) -> None:
        super().__init__()
        self.decay = decay
        self.start = start
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))

    def forward(self, play: Play) -> Tensor | None:
        """The sum of both means; a scalar, or None before its start."""
        if self.start and play.step < self.start:
            return None
        return mean_square(play.real_output, self.fake) + mean_square(play.fake_output, self.real)

    @torch.no_grad()
    def after_update(self, play: Play) -> None:
        """Follow what the discriminator has said."""
        if play.player == "discriminator":
            self.real.lerp_(level(play.real_output).to(self.real.dtype), 1 - self.decay)
            self.fake.lerp_(level(play.fake_output).to(self.fake.dtype), 1 - self.decay)


class HistoricalAverage:
    """The penalty with the mean of each weight, which follows once the player has moved.

    Weights are known by the name of their network and their own, so networks may grow: what is new has no past.
    """

    def __init__(self, player: str) -> None:
        self.player = player
        self.means: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def __call__(self, play: Play) -> Tensor:
        """The sum over all weights; a scalar."""
        distances = [
            (weight - self.means[name] if name in self.means else weight - weight.detach()).square().sum()
            for name, weight in _named(play).items()
        ]
        return torch.stack(distances).sum()

    @torch.no_grad()
    def after_update(self, play: Play) -> None:
        """Take in where the player has come to."""
        if play.player != self.player:
            return
        for name, weight in _named(play).items():
            count = self.counts[name] = self.counts.get(name, 0) + 1
            mean = self.means.get(name, weight)
            self.means[name] = mean + (weight - mean) / count

    def state_dict(self) -> dict[str, Any]:
        """The means and their counts."""
        return {"means": dict(self.means), "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict()`."""
        self.means, self.counts = dict(state["means"]), dict(state["counts"])


def _named(play: Play) -> dict[str, nn.Parameter]:
    own = set(map(id, play.parameters()))
    return {
        f"{name}.{key}": parameter
        for name, network in play.networks.items()
        for key, parameter in network.named_parameters()
        if id(parameter) in own
    }
