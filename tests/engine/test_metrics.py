"""What a metric gets to measure with, and where its figures go."""

import json
import shutil
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from PIL import Image
from torch import nn

from ganreg import Metric, Observer
from ganreg.engine.metrics import Evaluation
from ganreg.engine.pictures import evaluating
from ganreg.errors import SpecError
from tests.conftest import Tiny


class Shade(Metric, name="shade"):
    """The step as a number, and as a grey picture."""

    def __call__(self, evaluation):
        """The figures, by name."""
        shade = evaluation.step / 10
        return {"shade/value": shade, "shade/picture": torch.full((3, 70, 80), 2 * shade - 1)}


class Ear(Observer, name="ear"):
    """Remembers what was drawn."""

    heard: ClassVar[list[tuple[int, str, Path]]] = []

    def drawn(self, step, name, picture):
        """A metric's picture was written."""
        self.heard.append((step, name, picture))


def test_numbers_go_into_the_log_and_pictures_into_the_folder(tiny: Tiny) -> None:
    run = tiny(metrics=[Shade(every=2)], observers=[Ear()]).train()
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["metrics"] for line in log if "metrics" in line] == [{"shade/value": s / 10} for s in (2, 4, 6)]
    folder = run.folder / "figures" / "shade-picture"
    assert sorted(path.name for path in folder.iterdir()) == ["00000002.png", "00000004.png", "00000006.png"]
    with Image.open(folder / "00000004.png") as picture:
        assert picture.size == (80, 70)
        assert picture.getcolors() == [(5600, (102, 102, 102))]
    assert Ear.heard == [(step, "shade/picture", folder / f"{step:08d}.png") for step in (2, 4, 6)]
    page = run.report().read_text()
    assert all(f'alt="shade-picture after step {step}"' in page for step in (2, 4, 6))


def test_pictures_after_a_checkpoint_are_made_again(tiny: Tiny) -> None:
    run = tiny(metrics=[Shade(every=3)]).train()
    picture = run.folder / "figures" / "shade-picture" / "00000006.png"
    before = picture.read_bytes()
    (run.folder / "checkpoints" / "00000006" / "manifest.json").unlink()
    picture.write_bytes(b"")
    run.train(resume=True)
    assert picture.read_bytes() == before


@pytest.mark.parametrize("conditional", [False, True])
def test_the_discriminator_is_asked_without_augmentation(tiny: Tiny, conditional: bool) -> None:
    training = tiny(conditional=conditional, augment="tiny-ada").assemble()
    match = training.match
    evaluation = Evaluation(match, training.feed)
    (real,), (fake,) = evaluation.real(4), evaluation.generated(4)
    assert (fake.labels is not None) == conditional
    network = match.networks["discriminator"]
    for batch in (real, fake):
        output = evaluation.discriminate(batch.images, batch.labels)
        expected = network.eval()(batch.images, batch.labels if conditional else None)
        assert torch.equal(output.logits, getattr(expected, "logits", expected))
        assert not output.logits.requires_grad
    network.train()
    evaluation.discriminate(real.images, real.labels)
    assert network.training


class Frozen(nn.Module):
    """A discriminator with a layer that always evaluates."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1).requires_grad_(False).eval()
        self.head = nn.Linear(4, 1)

    def forward(self, images, labels=None):
        return self.head(self.norm(images).flatten(1))


def test_looking_leaves_every_module_in_its_own_mode() -> None:
    network = Frozen()
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    assert {name: module.training for name, module in network.named_modules()} == {
        "": True,
        "norm": False,
        "head": True,
    }


class Best(Metric, name="best"):
    """How often it was asked, and the largest step so far."""

    def build(self, task):
        return Counting()


class Counting:
    """What it builds."""

    def __init__(self):
        self.count = 0

    def __call__(self, evaluation):
        self.count += 1
        return {"count": self.count}

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


def test_what_a_metric_remembers_is_saved(tiny: Tiny) -> None:
    run = tiny(metrics=[Best(every=1)]).train()
    log = (run.folder / "log.jsonl").read_bytes()
    shutil.rmtree(run.folder / "checkpoints" / "00000006")
    run.train(resume=True)
    assert (run.folder / "log.jsonl").read_bytes() == log
    assert run.sample(2).shape == (2, 1, 28, 28)


def test_what_a_metric_requires_is_checked_before_the_run(tiny: Tiny) -> None:
    class Glossy(Shade, name="glossy"):
        """Requires what nobody provides."""

        requires = frozenset({"gloss"})

    with pytest.raises(SpecError, match=r"(?s)metrics.*the metric 'glossy' needs gloss"):
        tiny(metrics=[Glossy()]).check()
