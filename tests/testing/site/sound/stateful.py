"""What the stateful parts build."""

from dataclasses import replace
from math import prod

import torch
from torch import nn


class Balanced(nn.Module):
    """The loss; k moves once the discriminator has."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.register_buffer("k", torch.zeros(()))

    def discriminator(self, real, fake):
        return -real.logits.mean() + self.k * fake.logits.mean()

    def generator(self, real, fake):
        return -fake.logits.mean()

    @torch.no_grad()
    def after_update(self, play):
        if play.player == "discriminator":
            balance = play.fake_output.logits.mean() - 0.5 * play.real_output.logits.mean()
            self.k.add_(self.rate * balance.to(self.k)).clamp_(0, 1)


class Anchored(nn.Module):
    """The penalty; its anchor moves in after_update."""

    def __init__(self):
        super().__init__()
        self.register_buffer("anchor", torch.zeros(()))

    def forward(self, play):
        return (play.real_output.logits - self.anchor).square().mean()

    @torch.no_grad()
    def after_update(self, play):
        if play.player == "discriminator":
            self.anchor.lerp_(play.real_output.logits.mean().to(self.anchor), 0.1)


class Learned(nn.Module):
    """A loss with a weight that an optimizer of its own moves towards 1."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((), 0.5))

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean()

    def generator(self, real, fake):
        return -self.weight.detach() * fake.logits.mean()

    def after_update(self, play):
        with torch.enable_grad():
            (slope,) = torch.autograd.grad((self.weight - 1).square(), self.weight)
        with torch.no_grad():
            self.weight.sub_(0.1 * slope)


class Taught(nn.Module):
    """Weights of its own, which follow their gradients in the discriminator's turn."""

    @torch.no_grad()
    def after_update(self, play):
        if play.player == "discriminator":
            for parameter in self.parameters():
                parameter.sub_(parameter.grad, alpha=0.01)


class Affine(Taught):
    """A loss of logits that a linear layer has passed."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss
        self.layer = nn.Linear(1, 1)
        nn.init.ones_(self.layer.weight)

    def passed(self, output):
        return replace(output, logits=self.layer(output.logits.reshape(-1, 1)))

    def discriminator(self, real, fake):
        return self.loss.discriminator(self.passed(real), self.passed(fake))

    def generator(self, real, fake):
        return self.loss.generator(real, self.passed(fake))


class SecondHead(Taught):
    """The penalty; a critic of pictures beside the discriminator."""

    def __init__(self, task):
        super().__init__()
        self.layer = nn.Linear(prod(task.image), 1)

    def forward(self, play):
        return (self.layer(play.real.flatten(1)) - play.real_output.logits.reshape(-1, 1)).square().mean()


class Warm:
    """A schedule's memory in numbers, with methods to save it."""

    def __init__(self, patience):
        self.patience = patience
        self.steps = 0

    def step(self, game):
        self.steps += 1
        game.update("discriminator")
        if self.steps > self.patience:
            game.update("generator")

    def milestones(self):
        return ()

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


class Optimistic(torch.optim.Optimizer):
    """w -= lr (2 gₜ - gₜ₋₁), the last gradient among its state (Daskalakis et al., 2017; arXiv:1711.00141)."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    last = self.state[parameter].setdefault("last", torch.zeros_like(parameter))
                    parameter.add_(2 * parameter.grad - last, alpha=-group["lr"])
                    last.copy_(parameter.grad)


class Pool(nn.Module):
    """A game that shows the discriminator generated pictures of former steps, too."""

    def __init__(self, image):
        super().__init__()
        self.register_buffer("former", torch.zeros(4, *image))

    def terms(self, play):
        if play.player == "discriminator":
            former = play.discriminate(self.former[: len(play.real)])
            loss = play.loss.discriminator(play.real_output, play.fake_output)
            return {"loss": loss, "former": former.logits.float().mean()}
        return {"loss": play.loss.generator(play.real_output, play.fake_output)}

    @torch.no_grad()
    def after_update(self, play):
        if play.player == "discriminator":
            self.former[: len(play.fake)] = play.fake.to(self.former)[: len(self.former)]
