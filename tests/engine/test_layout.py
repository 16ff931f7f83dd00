"""In which order kernels lie in memory changes how long a run takes, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganreg import Discriminator, Generator, Optimizer, Schedule
from ganreg.api import Run
from ganreg.engine.match import Match
from ganreg.engine.order import convolves
from ganreg.engine.state import same
from tests.conftest import Tiny, begin, go_on_alike


class Drawing(nn.Module):
    """z to pictures, through a kernel that is large enough to be looked at."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.dense = nn.Linear(latent, 32 * 7 * 7)
        self.inner = nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        pictures: Tensor = self.last(self.inner(self.dense(z).view(-1, 32, 7, 7)).relu()).tanh()
        return pictures


class Judging(nn.Module):
    """Pictures to logits; `flatten` as most do it, or by a view that asks for channels first."""

    def __init__(self, *, strict: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 32, 4, stride=2, padding=1)
        self.inner = nn.Conv2d(32, 32, 4, stride=2, padding=1)
        self.last = nn.Linear(32 * 7 * 7, 1)
        self.strict = strict

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        h = self.inner(self.first(images).relu())
        logits: Tensor = self.last(h.view(len(h), -1) if self.strict else h.flatten(1))
        return logits


class Draws(Generator, name="draws"):
    def build(self, task: Any) -> nn.Module:
        return Drawing(task.latent)


class Judges(Discriminator, name="judges"):
    strict: bool = False

    def build(self, task: Any) -> nn.Module:
        return Judging(strict=self.strict)


class FusedAdam(Optimizer, name="fused-adam"):
    def build(self, task: Any) -> Any:
        # The dry run is on a device that has no fused kernel. Where eps is small, rounding becomes steps.
        def make(parameters: Any) -> torch.optim.Optimizer:
            given = list(parameters)
            return torch.optim.Adam(given, lr=1e-3, eps=1e-2, fused=given[0].device.type == "cpu")

        return make


@pytest.fixture
def convolving(tiny: Tiny) -> Tiny:
    def make(*, strict: bool = False, **changes: Any) -> Run:
        optimizers = {player: FusedAdam() for player in ("generator", "discriminator")}
        parts = {"generator": Draws(), "discriminator": Judges(strict=strict), "optimizers": optimizers}
        return tiny(**{**parts, **changes})

    return make


def weights(match: Match) -> list[Tensor]:
    return [p.detach() for network in match.networks.values() for p in network.parameters()]


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, True),
        ({"strict": True}, False),
        ({"train": {"channels_last": False}}, False),
        ({"discriminator": "tiny-discriminator", "generator": "tiny-generator"}, False),
    ],
    ids=["convolutions", "a view", "told", "small kernels"],
)
def test_channels_are_last_where_the_networks_can(convolving: Tiny, changes: dict[str, Any], last: bool) -> None:
    match = convolving(**changes).assemble().match
    kernels = [w for w in weights(match) if w.dim() == 4 and min(w.shape[:2]) > 1]
    assert match.channels_last == last
    assert all(w.is_contiguous(memory_format=torch.channels_last) == last for w in kernels)
    match.step()


class Strict(Generator, name="strict"):
    """Views its features as rows where it is not trained."""

    def build(self, task: Any) -> nn.Module:
        class Network(Drawing):
            def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
                if not self.training:
                    self.inner(self.dense(z).view(-1, 32, 7, 7)).view(len(z), -1)
                return super().forward(z, labels)

        return Network(task.latent)


def test_samples_are_tried_too(convolving: Tiny) -> None:
    run = convolving(generator=Strict()).train()
    assert run.training is not None
    assert not run.training.match.channels_last
    assert len(run.sample(3)) == 3


class Modulating(nn.Module):
    """z to pictures, by a kernel that is made anew for each picture."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(32, 32, 3, 3) / 17)
        self.style = nn.Linear(latent, 32)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        kernels = self.weight * self.style(z)[:, None, :, None, None]
        pictures = torch.ones(1, 32 * len(z), 28, 28, device=z.device)
        found = nn.functional.conv2d(pictures, kernels.flatten(0, 1), padding=1, groups=len(z))
        return found.view(len(z), 32, 28, 28).mean(dim=1, keepdim=True).tanh()


class Modulates(Generator, name="modulates"):
    def build(self, task: Any) -> nn.Module:
        return Modulating(task.latent)


@pytest.mark.parametrize("told", [None, True])
def test_kernels_that_are_made_anew_stay_as_they_are_unless_told(convolving: Tiny, told: bool | None) -> None:
    run, again = (convolving(name="one", generator=Modulates(), train={"channels_last": told}) for _ in range(2))
    match = run.train().training.match
    drawn, judged = match.networks["generator"].weight, match.networks["discriminator"].inner.weight
    assert judged.is_contiguous(memory_format=torch.channels_last)
    assert drawn.is_contiguous(memory_format=torch.channels_last) == bool(told)
    assert torch.equal(again.sample(3), run.sample(3)), "what a checkpoint is sampled with lies otherwise"


def test_a_view_is_for_a_network_to_answer_for_where_it_is_told(convolving: Tiny) -> None:
    match = convolving(strict=True, train={"channels_last": True}).assemble().match
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        match.step()


def test_the_order_changes_no_step(convolving: Tiny) -> None:
    reached = []
    for last in (False, True):
        match = convolving(train={"channels_last": last}).assemble().match
        for _ in range(3):
            match.step()
        reached.append((weights(match), {name: float(value) for name, value in match.terms.items()}))
    for one, other in zip(*(found for found, _ in reached), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert reached[0][1] == pytest.approx(reached[1][1], abs=1e-5)


def test_a_run_goes_on_in_the_order_that_it_began_with(convolving: Tiny) -> None:
    whole, stopped = convolving(name="whole"), convolving(name="stopped")
    go_on_alike(whole, stopped, 3)
    assert whole.training is not None
    assert whole.training.match.channels_last
    assert torch.equal(whole.sample(4), Run(whole.spec, whole.registry, whole.document, whole.folder).sample(4))


class Insists(FusedAdam, name="insists"):
    """Refuses a state that does not lie as its parameters do, as torch's fused kernels on CUDA refuse it."""

    def build(self, task: Any) -> Any:
        make = super().build(task)

        def insisting(parameters: Any) -> torch.optim.Optimizer:
            optimizer = make(parameters)
            optimizer.register_step_pre_hook(insist)
            return optimizer

        return insisting


def insist(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    for parameter, values in optimizer.state.items():
        for value in (parameter.grad, values["exp_avg"], values["exp_avg_sq"]):
            if value.stride() != parameter.stride():
                raise RuntimeError("params, grads, exp_avgs, and exp_avg_sqs must have same layout")


def test_a_state_that_is_loaded_lies_as_its_parameters_do(convolving: Tiny) -> None:
    run = convolving(optimizers={"generator": Insists(), "discriminator": Insists()})
    begin(run, 3)
    run.train(resume=True)
    assert run.training is not None
    assert run.training.match.channels_last
    assert len(Run(run.spec, run.registry, run.document, run.folder).sample(2)) == 2


class ByHand(Schedule, name="by-hand"):
    """Fills gradients as they come, in whatever order they lie."""

    def step(self, game: Match) -> None:
        for player in game.players:
            loss = game.objective(player)()
            parameters = game.player(player).parameters
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                order = torch.contiguous_format if gradient.dim() == 4 else torch.preserve_format
                parameter.grad = gradient.clone(memory_format=order)
            game.apply(player)


def test_gradients_of_another_order_move_the_same_weights(convolving: Tiny) -> None:
    reached = []
    for last in (False, True):
        match = convolving(schedule=ByHand(), train={"channels_last": last}).assemble().match
        for _ in range(2):
            match.step()
        reached.append(weights(match))
    for one, other in zip(*reached, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


class Seeing(nn.Module):
    """An activation that keeps how its gradient lies."""

    def __init__(self, seen: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.seen = seen

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x.register_hook(lambda gradient: self.seen.append(gradient.stride()))
        return x.relu()


class Flattening(Discriminator, name="flattening"):
    """An activation, then features in a row: their gradient comes back with channels first."""

    saw: Callable[[], list[tuple[int, ...]]]

    def build(self, task: Any) -> nn.Module:
        class Network(nn.Sequential):
            def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
                return super().forward(images)

        convolutions = (nn.Conv2d(1, 32, 4, 2, 1), nn.Conv2d(32, 32, 4, 2, 1))
        return Network(*convolutions, Seeing(self.saw()), nn.Flatten(), nn.Linear(32 * 7 * 7, 1))


def test_a_gradient_lies_as_the_activation_does(convolving: Tiny) -> None:
    seen: list[tuple[int, ...]] = []
    match = convolving(discriminator=Flattening(saw=lambda: seen)).assemble().match
    hooked = [name for name, module in match.networks["discriminator"].named_modules() if module._forward_hooks]
    assert (match.channels_last, hooked) == (True, ["2"])
    seen.clear()
    match.step()
    assert set(seen) == {(32 * 7 * 7, 1, 7 * 32, 32)}
    first = convolving(discriminator=Flattening(saw=lambda: seen), train={"channels_last": False}).assemble().match
    first.step()
    for one, other in zip(weights(match), weights(first), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


class Equalized(nn.Module):
    """A discriminator whose kernel is made from another parameter before each forward (arXiv:1710.10196)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 512, 4, stride=2, padding=1)
        self.last = nn.Linear(512 * 14 * 14, 1)
        kernel = self.first._parameters.pop("weight")
        self.first.register_parameter("weight_orig", kernel)
        self.first.register_forward_pre_hook(lambda layer, _: setattr(layer, "weight", layer.weight_orig * 0.2))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.last(self.first(images).relu().flatten(1))
        return logits


class Equalizes(Discriminator, name="equalizes"):
    def build(self, task: Any) -> nn.Module:
        return Equalized()


def test_a_layer_may_have_no_kernel_before_its_first_forward(convolving: Tiny) -> None:
    match = convolving(discriminator=Equalizes()).assemble().match
    match.step()
    assert match.channels_last


def test_looking_for_convolutions_moves_no_power_iteration() -> None:
    network = nn.utils.parametrizations.spectral_norm(nn.Conv2d(64, 64, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert convolves(network)
    assert same(before, dict(network.state_dict()))
