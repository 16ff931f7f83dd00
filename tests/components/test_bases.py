"""The bases for families of parts: penalties of either side, and heads."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from ganreg import DiscriminatorOutput, Head, Penalty, SidedPenalty, Task, component, outline
from ganreg.api import Run
from ganreg.engine.play import Play
from ganreg.errors import SpecError

Tiny = Callable[..., Run]
TASK = Task((1, 6, 8), 4, 3)


class Brightness(SidedPenalty, name="brightness"):
    """(E[x] + E[D(x)])² of the side's pictures."""

    def __call__(self, play: Play) -> Tensor:
        return (self.images(play).mean() + self.output(play).logits.mean()).square()


def test_a_penalty_of_either_side_has_the_pictures_of_its_player(tiny: Tiny) -> None:
    plays: list[Play] = []

    class Watched(Brightness, name="watched"):
        def after_update(self, play: Play) -> None:
            plays.append(play)

    match = tiny(penalties=[Watched(), Watched(side="generator")]).assemble().match
    match.step()
    discriminator, generator = plays[0], plays[2]
    wanted = {
        "discriminator/watched": (discriminator.real.mean() + discriminator.real_output.logits.mean()).square(),
        "generator/watched.2": (generator.fake.mean() + generator.fake_output.logits.mean()).square(),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(match.terms[name], value.detach())
    assert set(match.terms) == {"discriminator/loss", "generator/loss", *wanted}


def test_a_third_side_is_refused() -> None:
    with pytest.raises(ValueError, match=r"side\n.*'discriminator' or 'generator'"):
        Brightness(side="encoder")  # type: ignore[arg-type]


class Doubled(Head, name="doubled"):
    """The embedding twice, in `extra`; without labels."""

    adds: ClassVar[frozenset[str]] = frozenset({"doubled"})

    def inner(self, task: Task) -> Task:
        return replace(task, classes=None)

    def build(self, task: Task) -> nn.Module:
        return DoubledNetwork(self.base.build(self.inner(task)), outline(self, task).embedding.shape[1])


class DoubledNetwork(nn.Module):
    def __init__(self, base: nn.Module, size: int) -> None:
        super().__init__()
        self.base = base
        self.linear = nn.Linear(size, 2 * size)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        output: DiscriminatorOutput = self.base(images)
        return replace(output, extra={**output.extra, "doubled": self.linear(output.embedding)})


def test_a_head_provides_what_its_base_provides_and_its_own() -> None:
    head = Doubled(base=component("discriminator", "tiny-judge"))
    assert head.provides == {"features", "embedding", "doubled"}
    head.check(TASK)
    output = head.build(TASK)(torch.zeros(2, 1, 6, 8), torch.tensor([0, 1]))
    assert output.extra["doubled"].shape == (2, 2 * 4 * 3 * 4)


def test_a_base_without_what_the_head_needs_is_refused(tiny: Tiny) -> None:
    head = Doubled(base=component("discriminator", "tiny-discriminator"))
    with pytest.raises(SpecError, match="its base 'tiny-discriminator' does not provide embedding"):
        tiny(discriminator=head)


@pytest.mark.parametrize("classes", [None, 3])
def test_an_outline_has_shapes_and_costs_no_random_numbers(classes: int | None) -> None:
    before = torch.get_rng_state()
    output = outline(Doubled(base=component("discriminator", "tiny-judge")), replace(TASK, classes=classes))
    assert output.embedding.shape == (2, 4 * 3 * 4)
    assert output.embedding.is_meta
    assert torch.equal(before, torch.get_rng_state())


class Weighed(Doubled, name="weighed"):
    """A base itself, which looks at a number as it is built."""

    def build(self, task: Task) -> nn.Module:
        assert torch.ones(()).item() == 1
        return super().build(task)


def test_a_base_that_needs_numbers_has_an_outline_too() -> None:
    output = outline(Doubled(base=Weighed(base=component("discriminator", "tiny-judge"))), TASK)
    assert output.embedding.shape == (2, 4 * 3 * 4)


class TwoScales(Doubled, name="two-scales"):
    """A base itself, of two scales."""

    def build(self, task: Task) -> nn.Module:
        return Twice(super().build(task))


class Twice(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        output = self.network(images, labels)
        return replace(output, logits=(output.logits,) * 2, embedding=(output.embedding,) * 2)


def test_a_base_of_several_scales_has_no_outline() -> None:
    head = Doubled(base=TwoScales(base=component("discriminator", "tiny-judge")))
    with pytest.raises(ValueError, match="'two-scales' has not one embedding, but one for each scale"):
        outline(head, TASK)


@pytest.mark.parametrize("word", ["kind", "name"])
def test_a_field_does_not_take_the_name_of_what_every_component_has(word: str) -> None:
    with pytest.raises(TypeError, match=f"'{word}' is what every component has"):
        type("Odd", (Penalty,), {"__annotations__": {word: str}, "__module__": __name__}, name="odd")
