"""Fisher's multiplier: what it is after each update; and that runs resume with it, and with heads, bit for bit."""

import pytest
import torch

from ganreg import DiscriminatorOutput, Task, component
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same

FISHER = {"name": "discriminant/fisher", "rho": 0.05}


@pytest.fixture
def survives(run, tmp_path):
    """Three steps, a checkpoint on the disk, and three from it end like six. Returns parts halfway and at the end."""

    def survives(**spec):
        whole, broken, resumed = (run(**spec).assemble().match for _ in range(3))
        steps(whole, 6)
        steps(broken, 3)
        checkpoints = Checkpoints(tmp_path / "checkpoints", keep=1)
        checkpoints.save(broken.state())
        resumed.load(checkpoints.newest()[0])
        steps(resumed, 3)
        assert same(resumed.state(), whole.state())
        return broken.state(), whole.state()

    return survives


def steps(match, count):
    for _ in range(count):
        match.step()


def test_fisher_resumes_with_its_multiplier(survives):
    halfway, end = (state["parts"]["loss"]["multiplier"] for state in survives(loss=FISHER))
    assert 0 != float(halfway) != float(end)


def test_sliced_keeps_the_state_of_its_base(survives):
    halfway, end = survives(
        loss={"name": "discriminant/sliced", "base": FISHER},
        discriminator={"name": "discriminant/slicing", "base": "proofs/tiny-judge"},
    )
    halfway, end = (state["parts"]["loss.base"]["multiplier"] for state in (halfway, end))
    assert 0 != float(halfway) != float(end)


@pytest.mark.parametrize("name", ["contrastive", "twin-auxiliary"])
def test_heads_resume(name, survives):
    survives(
        conditional=True,
        discriminator={"name": f"discriminant/{name}", "base": "proofs/tiny-judge"},
        penalties=[{"name": f"discriminant/{name}", "side": side} for side in ("discriminator", "generator")],
    )


@pytest.mark.parametrize("multiplier", [0.0, 0.3])
def test_fishers_augmented_lagrangian(multiplier, assert_same):
    numbers = torch.Generator().manual_seed(0)
    r, f = (torch.randn(5, 1, generator=numbers, dtype=torch.float64).requires_grad_() for _ in range(2))
    loss = component("loss", "discriminant/fisher", rho=0.4).build(Task((1, 8, 8), 4))
    loss.multiplier.fill_(multiplier)
    multiplier = float(loss.multiplier)
    omega = (sum(x * x for x in r) / 5 + sum(y * y for y in f) / 5) / 2
    expected = -(sum(r) / 5 - sum(f) / 5) - multiplier * (1 - omega) + 0.4 / 2 * (omega - 1) ** 2
    real, fake = DiscriminatorOutput(r), DiscriminatorOutput(f)
    assert_same(loss.discriminator(real, fake), expected[0], [r, f])
    assert_same(loss.generator(None, fake), -sum(f)[0] / 5, [f])


class Turn:
    def __init__(self, player, *sides):
        self.player = player
        self.real_output, self.fake_output = map(DiscriminatorOutput, sides)


def test_the_multiplier_follows_the_constraint():
    """λ ← λ - ρ(1 - Ω) after the discriminator's updates, of all scales together; left alone by the generator's."""
    loss = component("loss", "discriminant/fisher", rho=0.4).build(Task((1, 8, 8), 4))
    one, two = torch.tensor([1.0, 3.0]), torch.tensor([2.0])
    loss.after_update(Turn("generator", one, one))
    assert loss.multiplier == 0
    loss.after_update(Turn("discriminator", one, 2 * one))
    wanted = -0.4 * (1 - (5 + 20) / 2)
    assert float(loss.multiplier) == pytest.approx(wanted)
    loss.after_update(Turn("discriminator", (one, two), (one, two)))
    assert float(loss.multiplier) == pytest.approx(wanted - 0.4 * (1 - 5) - 0.4 * (1 - 4))
