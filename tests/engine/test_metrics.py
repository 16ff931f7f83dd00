"""What a metric gets to measure with, and where its figures go."""

import json
import shutil
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor, nn

from ganreg import Batch, Dataset, Extractor, Generator, Metric, Observer, Task, component
from ganreg.engine.folder import opened
from ganreg.engine.loop import Training
from ganreg.engine.metrics import Evaluation
from ganreg.engine.pictures import evaluating, save_grid
from ganreg.engine.state import same
from ganreg.errors import PluginError, SpecError
from ganreg.task import DatasetInfo
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


class Counter(Metric, name="counter"):
    """How many metrics of its step came before it, and how many pictures it has seen."""

    def __call__(self, evaluation):
        """The figures, by name."""
        turn = evaluation.notes["turn"] = evaluation.notes.get("turn", -1) + 1
        seen = sum(len(batch) for side in (evaluation.generated(10), evaluation.real(20)) for batch in side)
        return {f"turn/{turn}": seen}


class Watch(Observer, name="watch"):
    """Remembers how far metrics were."""

    heard: ClassVar[list[tuple[str, str, int, int]]] = []

    def measuring(self, metric, side, done, total):
        """A metric has looked at so many of its pictures."""
        self.heard.append((metric, side, done, total))


def test_metrics_of_one_step_share_notes_and_observers_hear_how_far_they_are(tiny: Tiny) -> None:
    run = tiny(metrics=[Counter(every=3), Counter(every=3)], observers=[Watch()]).train()
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["metrics"] for line in log if "metrics" in line] == [{"turn/0": 30}, {"turn/1": 30}] * 2
    size = run.spec.train.batch_size
    course = [("generated", min(done, 10), 10) for done in range(size, 10 + size, size)]
    course += [("real", min(done, 20), 20) for done in range(size, 20 + size, size)]
    assert Watch.heard == [("counter", *far) for far in course] * 4


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


def test_two_metrics_of_a_name_are_told_apart(tiny: Tiny) -> None:
    """Neither overwrites what the other has drawn, nor stands in one curve with it."""
    heard: list[tuple[int, str]] = []

    class Both(Observer, name="both"):
        def logged(self, step: int, values: Mapping[str, float]) -> None:
            heard.extend((step, name) for name in values if name.startswith("shade"))

        def drawn(self, step: int, name: str, picture: Path) -> None:
            heard.append((step, f"{name} in {picture.parent.name}"))

    tiny(metrics=[Shade(every=4), Shade()], observers=[Both()]).train()
    first, second = (4, "shade/value"), (4, "shade/picture in shade-picture")
    assert heard[:2] == [first, second]
    assert heard[4:] == [(6, "shade/value.2"), (6, "shade/picture.2 in shade-picture-2")]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({3: 1.0}, "TypeError: it gives a figure by 3, where its name is due"),
        (None, "TypeError: it gives NoneType, where figures by name are due"),
        ({"a": "b"}, "TypeError: 'a' is 'b', neither a number nor a picture"),
    ],
)
def test_a_metric_that_gives_no_figures_is_named(tiny: Tiny, found: Any, reason: str) -> None:
    class Strange(Metric, name="strange"):
        def __call__(self, evaluation: Evaluation) -> Any:
            return found

    with pytest.raises(PluginError, match=f"the metric 'strange' failed after step 6, which is saved: {reason}"):
        tiny(metrics=[Strange()]).train()
    with pytest.raises(PluginError, match=f"the metric 'strange' failed: {reason}"):
        tiny(name="other").train().evaluate([Strange()])


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
    given: list[Any] = []
    network.register_forward_pre_hook(lambda _, args: given.extend(args[1:]))
    evaluation.discriminate(real.images, torch.zeros(4, dtype=torch.int64))
    assert [labels is not None for labels in given] == [conditional]
    assert network.training


def test_the_generator_is_asked_in_evaluation_mode(tiny: Tiny) -> None:
    training = tiny(generator={"name": "tiny-generator", "normalized": True}).assemble()
    evaluation = Evaluation(training.match, training.feed)
    z = evaluation.noise(4)
    with torch.no_grad():
        torch.testing.assert_close(evaluation.generate(z)[:2], evaluation.generate(z[:2]))


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


def test_what_figures_depend_on_stands_beside_them_in_the_log(tiny: Tiny) -> None:
    metrics = [{"name": "tiny-mean-distance", "extractor": {"name": "tiny-coarse", "side": side}} for side in (2, 3)]
    run = tiny(metrics=[*metrics, Shade()], data={"name": "tiny-pictures", "side": 28}, seed=3).train()
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    first, second, bare = [record for record in log if "metrics" in record]
    assert run.training
    facts = {"data": f"tiny-pictures(side=28) {run.training.feed.fingerprint}", "pictures": "1x28x28", "seed": 3}
    assert first["protocol"] == {**facts, "extractor": "ganreg_proofs.features/tiny-coarse", "count": 8}
    assert second["protocol"] == {**facts, "extractor": "ganreg_proofs.features/tiny-coarse(side=3)", "count": 8}
    assert first["metrics"].keys() == second["metrics"].keys()
    assert bare["protocol"] == {**facts, "metric": f"{__name__}/shade"}
    assert run.report().read_text().count("<h3>mean-distance</h3>") == 2


def test_a_protocol_that_is_not_flat_is_refused(tiny: Tiny) -> None:
    class Deep(Shade, name="deep"):
        """Has a list in its protocol."""

        def protocol(self, evaluation):
            return {"counts": [1, 2]}

    with pytest.raises(
        PluginError, match=r"the metric 'deep' failed.*'counts': \[1, 2\], where text, a number or null"
    ):
        tiny(metrics=[Deep()]).train()


def test_fewer_real_pictures_than_all_lie_evenly_in_the_set(tiny: Tiny) -> None:
    training = tiny().assemble()
    evaluation = Evaluation(training.match, training.feed)
    (every,) = [torch.cat([batch.images for batch in evaluation.real()])]
    some = torch.cat([batch.images for batch in evaluation.real(6)])
    assert torch.equal(every, training.feed.take(torch.arange(40)).images)
    assert torch.equal(some, every[[0, 6, 13, 20, 26, 33]])
    assert sum(map(len, evaluation.real(41))) == 40, "none comes twice"


def test_generated_pictures_are_the_same_whatever_the_size_of_batches(tiny: Tiny) -> None:
    """In a conditional run the classes come in turn, that the first ones be of all classes, too."""
    found = []
    for size in (4, 7):
        run = tiny(name=f"{size}", conditional=True, train={"batch_size": size})
        training = run.assemble()
        batches = list(Evaluation(training.match, training.feed).generated(15))
        assert [len(batch) for batch in batches[:-1]] == [size] * (15 // size)
        found.append((torch.cat([batch.images for batch in batches]), torch.cat([b.labels for b in batches])))
    (images, labels), (others, theirs) = found
    assert labels.tolist() == theirs.tolist() == [index % 10 for index in range(15)]
    torch.testing.assert_close(images, others)


@pytest.fixture
def translating(tiny: Tiny) -> Training:
    """A run from pictures to pictures."""
    data = {"name": "tiny-unpaired", "channels": 3, "source_channels": 3}
    run = tiny(game="tiny-cyclegan", data=data, generator="tiny-translator", discriminator="tiny-patches")
    return run.assemble()


def test_sources_are_of_the_stages_size_as_in_training(translating: Training) -> None:
    translating.match.stage(0, 4)
    evaluation = Evaluation(translating.match, translating.feed)
    for batch in (*evaluation.generated(4), *evaluation.real(4)):
        assert batch.images.shape[1:] == batch.source.shape[1:] == (3, 4, 4)


def test_generated_pictures_are_made_from_sources_all_over_the_set(translating: Training) -> None:
    evaluation = Evaluation(translating.match, translating.feed)
    sources = torch.cat([batch.source for batch in evaluation.generated(10) if batch.source is not None])
    assert torch.equal(sources, translating.feed.take(torch.arange(10)).source)


def test_a_metrics_extractor_gives_what_it_requires(tiny: Tiny) -> None:
    class Sharp(Metric, name="sharp"):
        """Requires logits, which no network provides."""

        requires = frozenset({"logits"})
        extractor: Extractor = Field("tiny-coarse", description="gives the logits")

    tiny(metrics=[component("metric", "tiny-mean-distance")]).check()
    tiny(metrics=[Sharp(extractor=component("extractor", "tiny-coarse", classes=True))]).check()
    with pytest.raises(SpecError, match=r"(?s)the metric 'sharp' needs logits.*'tiny-coarse' does not provide it") as e:
        tiny(metrics=[Sharp(extractor=component("extractor", "tiny-coarse"))]).check()
    assert "extractor proofs/tiny-coarse" in str(e.value)
    assert "discriminator" not in str(e.value)


class Lively(nn.Module):
    """Draws noise of its own in each forward."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.image = task.image
        self.layer = nn.Linear(task.latent, prod(task.image))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return (self.layer(z) + torch.randn(1, device=z.device)).tanh().view(-1, *self.image)


class Live(Generator, name="live"):
    def build(self, task: Task) -> nn.Module:
        return Lively(task)


class Mean(Metric, name="mean"):
    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        images = torch.cat([batch.images for batch in evaluation.generated(10)])
        return {"mean": images.mean() + torch.rand(())}


class Inversion(Metric, name="inversion"):
    """The noise of a real picture, by gradient descent (Zhu et al., 2016; arXiv:1609.03552)."""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        batch = next(evaluation.real(4))
        z = evaluation.noise(len(batch)).requires_grad_()
        distances = []
        for _ in range(8):
            images = evaluation.generate(z, batch.labels)
            distance = (images - batch.images).square().mean()
            distances.append(distance.item())
            (slope,) = torch.autograd.grad(distance, z)
            z = (z - 100 * slope).detach().requires_grad_()
        pictures = batch.images.clone().requires_grad_()
        (saliency,) = torch.autograd.grad(evaluation.discriminate(pictures, batch.labels).logits.sum(), pictures)
        return {"first": distances[0], "last": distances[-1], "saliency": saliency.abs().mean()}


def test_a_metric_may_differentiate_by_noise_and_pictures_and_by_no_weight(tiny: Tiny) -> None:
    spec = {"ema": None, "train": {"steps": 2}, "conditional": True}
    plain, run = (tiny(name=n, metrics=m, **spec).train() for n, m in (("plain", []), ("run", [Inversion()])))
    found = run.evaluate()[0].figures
    assert found["last"] < found["first"]
    assert found["saliency"] > 0
    assert run.training is not None
    assert plain.training is not None
    match = run.training.match
    assert all(p.requires_grad for network in match.networks.values() for p in network.parameters())
    assert same(plain.training.match.state()["networks"], match.state()["networks"])


class Direction(Metric, name="direction"):
    def build(self, task: Task) -> Callable[[Evaluation], Mapping[str, float]]:
        direction = torch.randn(task.image)
        return lambda evaluation: {
            "direction": sum(float((batch.images * direction).sum()) for batch in evaluation.generated(4))
        }


def test_what_a_metric_draws_when_it_is_built_follows_from_the_seed(tiny: Tiny) -> None:
    run = tiny(metrics=[Direction()]).train()
    logged = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()][-1]["metrics"]
    torch.manual_seed(7)
    assert run.evaluate()[0].figures == logged


def test_noise_of_a_generators_own_follows_from_the_seed_wherever_it_is_drawn(tiny: Tiny) -> None:
    one, two = (tiny(name=name, generator=Live(), metrics=[Mean()]) for name in ("one", "two"))
    one.train()
    torch.manual_seed(7)
    two.train()
    for step in (0, 2, 6):
        grids = [(run.folder / "samples" / f"{step:08d}.png").read_bytes() for run in (one, two)]
        assert grids[0] == grids[1]
    assert torch.equal(one.sample(9), one.sample(9))
    logged = [json.loads(line) for line in (one.folder / "log.jsonl").read_text().splitlines()][-1]["metrics"]
    assert one.evaluate()[0].figures == logged


def test_pictures_of_names_that_look_alike_overwrite_none(tiny: Tiny) -> None:
    class Alike(Metric, name="alike"):
        def __call__(self, evaluation: Evaluation) -> Mapping[str, Any]:
            return {name: torch.full((1, 8, 8), i / 3) for i, name in enumerate(("a b", "a:b", "shade/picture"))}

    run = tiny(metrics=[Shade(), Alike()]).train()
    found = sorted(path.name for path in (run.folder / "figures").iterdir())
    assert len(found) == 4
    assert {"shade-picture", "alike-shade-picture"} <= set(found)


def test_data_are_known_by_their_pictures_and_not_by_their_place(tiny: Tiny, tmp_path: Path) -> None:
    class Placed(Dataset, name="placed"):
        where: Path
        shade: int

        def info(self) -> DatasetInfo:
            return DatasetInfo((1, 8, 8), 20)

        def build(self, task: Task) -> Batch:
            return Batch(torch.full((20, 1, 8, 8), self.shade, dtype=torch.uint8))

    class Other(Placed, name="placed"):
        def build(self, task: Task) -> Batch:
            return Batch(torch.full((20, 1, 8, 8), self.shade + 1, dtype=torch.uint8))

    def told(data: Dataset) -> Any:
        training = tiny(data=data).assemble()
        return Evaluation(training.match, training.feed).facts["data"]

    here = told(Placed(where=tmp_path / "a", shade=3))
    assert here == told(Placed(where=tmp_path / "b", shade=3))
    assert here.startswith("placed(shade=3) ")
    assert here != told(Other(where=tmp_path / "a", shade=3))


def test_large_grids_are_not_enlarged_and_open_however_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_grid(torch.zeros(4, 1, 8, 8), tmp_path / "small.png")
    save_grid(torch.zeros(90_000, 1, 8, 8), tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    for name, size in (("small", (128, 128)), ("large", (2400, 2400))):
        with opened(tmp_path / f"{name}.png") as picture:
            assert picture.size == size
    assert Image.MAX_IMAGE_PIXELS == 10_000


def test_who_draws_after_pictures_were_made_draws_as_if_they_were_not(tiny: Tiny) -> None:
    """Another metric may have made them."""
    training = tiny(generator=Live()).assemble()
    before = torch.random.get_rng_state()
    for _ in Evaluation(training.match, training.feed).generated(10):
        assert torch.equal(torch.random.get_rng_state(), before)
