"""Losses with state: what it is after each update, and that a run resumes with it bit for bit."""

import pytest
import torch
from ganreg_losses import Perceptual, TopK
from torch import nn

from ganreg import DiscriminatorOutput, Generator, Loss, component, compose
from ganreg.engine.checkpoints import Checkpoints
from ganreg.engine.state import same

BEGAN = {"name": "losses/boundary-equilibrium", "gamma": 0.6, "rate": 0.2}
TOP_K = {"name": "losses/top-k", "base": "proofs/tiny-hinge", "decay": 0.7, "interval": 2, "least": 0.3}


class Translator(Generator, name="translator"):
    """One convolution of the source."""

    def build(self, task):
        return TranslatorNetwork()


class TranslatorNetwork(nn.Conv2d):
    def __init__(self):
        super().__init__(1, 1, 3, padding=1)

    def forward(self, source, z=None, labels=None):
        return super().forward(source).tanh()


@pytest.fixture
def run(pictures, textbook, registry):
    def run(**spec):
        return compose(
            registry=registry,
            **{
                "data": pictures(image=(1, 8, 8), single=True),
                "generator": {"name": "proofs/tiny-generator", "normalized": True},
                "discriminator": {"name": "losses/autoencoder", "widths": [4], "code": 4},
                "latent": 4,
                **textbook,
                "optimizers": {p: {"name": "proofs/tiny-adam", "lr": 0.01} for p in ("generator", "discriminator")},
                "train": {"batch_size": 4, "device": "cpu"},
                **spec,
            },
        )

    return run


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
        return broken.state()["parts"], whole.state()["parts"]

    return survives


def steps(match, count):
    for _ in range(count):
        match.step()


def test_a_began_resumes_with_its_k(survives):
    halfway, end = survives(loss=BEGAN)
    assert 0 < float(halfway["loss"]["k"]) != float(end["loss"]["k"])


def test_top_k_resumes_with_its_count(survives):
    halfway, end = survives(loss=TOP_K)
    assert (halfway["loss"]["updates"], end["loss"]["updates"]) == (3, 6)


def test_a_combinator_keeps_the_state_of_its_base(survives):
    halfway, end = survives(loss={**TOP_K, "base": BEGAN})
    assert (halfway["loss"]["updates"], end["loss"]["updates"]) == (3, 6)
    assert float(halfway["loss.base"]["k"]) != float(end["loss.base"]["k"])


def test_a_frozen_feature_network_is_state(survives, pictures, judge):
    features = judge(single=True)
    halfway, end = survives(
        data=pictures(image=(1, 8, 8), source=(1, 8, 8), single=True),
        generator=Translator(),
        loss="proofs/tiny-hinge",
        penalties=[Perceptual(features=features, style=1)],
    )
    assert same(halfway, end)
    assert "network.first.weight" in end["penalties.perceptual"]


def test_k_follows_the_balance(run):
    """Algorithm 1: k ← k + λ(γ L(x) - L(G(z_G))) within [0, 1], by hand over six steps."""
    match = run(loss=BEGAN).assemble().match
    discriminator, generator = match.networks["discriminator"], match.networks["generator"]
    k = 0.0
    for step in range(6):
        x = match.sources.read(step).images
        with torch.no_grad():
            fake = generator(match.noise(4, "noise", step, 0))
            real_error = float(-discriminator(x).logits.mean())
            fake_error = float(-discriminator(fake).logits.mean())
        match.gradients("discriminator")
        assert match.terms["discriminator/loss"].item() == pytest.approx(real_error - k * fake_error, rel=1e-5)
        match.apply("discriminator")
        with torch.no_grad():
            fake = generator(match.noise(4, "noise", step, 0))
            fake_error = float(-discriminator(fake).logits.mean())
        match.gradients("generator")
        assert match.terms["generator/loss"].item() == pytest.approx(fake_error, rel=1e-5)
        match.apply("generator")
        match.position += 1
        match.turns.clear()
        match.step_index += 1
        k = min(max(k + 0.2 * (0.6 * real_error - fake_error), 0), 1)
        assert float(match.parts.loss.k) == pytest.approx(k, abs=1e-6)
    assert k > 0


class Turn:
    def __init__(self, player):
        self.player = player


def best(logits, k):
    return sorted(logits.detach().tolist())[-k:]


@pytest.mark.parametrize(("updates", "k"), [(0, 10), (1, 10), (2, 7), (3, 7), (4, 4), (6, 3), (100, 3)])
def test_the_generator_learns_from_its_k_best_pictures(updates, k):
    """k = max(0.7^t, 0.3)·10, rounded down; hinge's generator is -E[f]."""
    loss = TopK(base=component("loss", "proofs/tiny-hinge"), decay=0.7, interval=2, least=0.3)
    for _ in range(updates):
        loss.after_update(Turn("generator"))
        loss.after_update(Turn("discriminator"))
    logits = torch.randn(10, generator=torch.Generator().manual_seed(updates), dtype=torch.float64).requires_grad_()
    value = loss.generator(None, DiscriminatorOutput(logits))
    chosen = best(logits, k)
    assert value.item() == pytest.approx(-sum(chosen) / k)
    (gradient,) = torch.autograd.grad(value, logits)
    wanted = torch.where(logits >= chosen[0], -1 / k, 0.0)
    torch.testing.assert_close(gradient, wanted.to(gradient))


def test_top_k_leaves_the_discriminators_loss_alone():
    hinge = component("loss", "proofs/tiny-hinge")
    loss = TopK(base=hinge, least=0.1, decay=0.1, interval=1)
    loss.after_update(Turn("generator"))
    outputs = [DiscriminatorOutput(torch.linspace(-1, 1, 10) + shift) for shift in (0, 0.3)]
    assert torch.equal(loss.discriminator(*outputs), hinge.discriminator(*outputs))


def test_of_the_best_pictures_everything_is_chosen():
    """Patches count by their mean; features, labels and real pictures at the same places go with them."""
    seen = {}

    class Looking(Loss, name="looking"):
        generator_uses_real = True

        def generator(self, real, fake):
            seen.update(real=real, fake=fake)
            return fake.logits.sum()

    loss = TopK(base=Looking(), decay=0.5, interval=1)
    loss.after_update(Turn("generator"))
    patches = torch.tensor([0.0, 3.0, 1.0, 2.0])[:, None, None, None] + torch.tensor([[-9.0, 9.0]])
    numbers = torch.arange(4)
    output = DiscriminatorOutput(patches, (numbers, (numbers,)), numbers, labels=numbers, extra={"a": numbers, "b": 7})
    loss.generator(output, output)
    for side in seen.values():
        assert side.logits.mean(dim=(1, 2, 3)).tolist() == [3, 2]
        assert side.features[0].tolist() == side.features[1][0].tolist() == side.embedding.tolist() == [1, 3]
        assert side.labels.tolist() == side.extra["a"].tolist() == [1, 3]
        assert side.extra["b"] == 7
        assert side.class_logits is None
