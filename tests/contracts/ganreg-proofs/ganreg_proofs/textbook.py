"""What a composition needs beside its networks, after the textbook, so that the proofs hang on no other plugin."""

from functools import partial

from pydantic import Field, FiniteFloat, NonNegativeFloat, PositiveFloat, PositiveInt

from ganreg import Game, Loss, Optimizer, Penalty, Schedule

TEXTBOOK = {
    "game": "proofs/tiny-standard",
    "schedule": "proofs/tiny-alternating",
    "optimizers": dict.fromkeys(["generator", "discriminator"], "proofs/tiny-adam"),
}
"""What a spec would take from another plugin by default, for tests that hang on none."""


class NoiseToImage(Game, name="tiny-standard"):
    """One generator against one discriminator (Goodfellow et al., 2014; arXiv:1406.2661)."""

    def terms(self, play):
        if play.player == "discriminator":
            return {"loss": play.loss.discriminator(play.real_output, play.fake_output)}
        real = play.real_output if play.loss.generator_uses_real else None
        return {"loss": play.loss.generator(real, play.fake_output)}


class InTurn(Schedule, name="tiny-alternating"):
    """The discriminator moves, then the generator (Goodfellow et al., 2014; arXiv:1406.2661, algorithm 1)."""

    shared_turns = 1

    discriminator_steps: PositiveInt = Field(1, description="updates of the discriminator in each step")

    def step(self, game):
        for _ in range(self.discriminator_steps):
            game.update("discriminator")
        game.update("generator")


class Together(Schedule, name="tiny-simultaneous"):
    """All players move at once (Mescheder et al., 2017; arXiv:1705.10461, algorithm 1)."""

    def step(self, game):
        for player in game.players:
            game.gradients(player)
        for player in game.players:
            game.apply(player)


class Adam(Optimizer, name="tiny-adam"):
    """Adam (Kingma & Ba, 2014; arXiv:1412.6980)."""

    lr: PositiveFloat = Field(2e-4, description="learning rate")
    betas: tuple[NonNegativeFloat, NonNegativeFloat] = Field((0.5, 0.999), description="decay of the moments")
    eps: PositiveFloat = Field(1e-8, description="added to the denominator")

    def build(self, task):
        import torch

        return partial(torch.optim.Adam, lr=self.lr, betas=self.betas, eps=self.eps)


class SGD(Optimizer, name="tiny-sgd"):
    """Stochastic gradient descent."""

    lr: PositiveFloat = Field(1e-2, description="learning rate")

    def build(self, task):
        import torch

        return partial(torch.optim.SGD, lr=self.lr)


class Hinge(Loss, name="tiny-hinge"):
    """Hinge loss (Lim & Ye, 2017; arXiv:1705.02894).

    Discriminator: E[max(0, margin - D(x))] + E[max(0, margin + D(G(z)))]. Generator: -E[D(G(z))].
    """

    margin: PositiveFloat = Field(1.0, description="logit beyond which a picture costs nothing")

    def discriminator(self, real, fake):
        return (self.margin - real.logits).relu().mean() + (self.margin + fake.logits).relu().mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


class Wasserstein(Loss, name="tiny-wasserstein"):
    """The difference of means (Arjovsky et al., 2017; arXiv:1701.07875)."""

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


class NonSaturating(Loss, name="tiny-non-saturating"):
    """Sigmoid cross-entropy for both players (Goodfellow et al., 2014; arXiv:1406.2661, section 3)."""

    def discriminator(self, real, fake):
        return _softplus(-real.logits) + _softplus(fake.logits)

    def generator(self, real, fake):
        return _softplus(-fake.logits)


class LeastSquares(Loss, name="tiny-least-squares"):
    """½E[(D(x) - target)²] + ½E[D(G(z))²], and ½E[(D(G(z)) - target)²] (Mao et al., 2016; arXiv:1611.04076)."""

    target: FiniteFloat = Field(1.0, description="the logit of real pictures")

    def discriminator(self, real, fake):
        return 0.5 * (real.logits - self.target).square().mean() + 0.5 * fake.logits.square().mean()

    def generator(self, real, fake):
        return 0.5 * (fake.logits - self.target).square().mean()


class R1(Penalty, name="tiny-r1"):
    """Zero-centred gradient penalty (Mescheder et al., 2018; arXiv:1801.04406, equation 9).

    ½E[‖∇D(x)‖²] on real pictures.
    """

    double_backward = True

    weight: NonNegativeFloat = Field(10.0, description="factor of the term (γ)")

    def __call__(self, play):
        return 0.5 * play.gradients(play.real).flatten(1).square().sum(dim=1).mean()


class Clipping(Penalty, name="tiny-clipping"):
    """The discriminator's weights are kept in [-limit, limit] (Arjovsky et al., 2017; arXiv:1701.07875)."""

    limit: PositiveFloat = Field(0.01, description="the largest absolute value of a weight")

    def after_update(self, play):
        if play.player == self.player:
            for weight in play.parameters():
                weight.data.clamp_(-self.limit, self.limit)


def _softplus(values):
    from torch.nn.functional import softplus

    return softplus(values).mean()
