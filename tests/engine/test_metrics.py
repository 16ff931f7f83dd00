"""What a metric gets to measure with, and where its figures go."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from PIL import Image

from ganreg import Metric, Observer
from ganreg.engine.metrics import Evaluation
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


def test_what_a_metric_requires_is_checked_before_the_run(tiny: Tiny) -> None:
    class Glossy(Shade, name="glossy"):
        """Requires what nobody provides."""

        requires = frozenset({"gloss"})

    with pytest.raises(SpecError, match=r"(?s)metrics.*the metric 'glossy' needs gloss"):
        tiny(metrics=[Glossy()]).check()
