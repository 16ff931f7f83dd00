"""Metrics in a run: what stands in the log, in the folder and in the report."""

import json
from dataclasses import replace

import pytest
import torch
from ganreg_metrics.reference import folder
from PIL import Image

from ganreg import Extractor, Features, component, compose
from ganreg.engine.metrics import Evaluation
from ganreg.errors import PluginError, SpecError
from ganreg.registry import Registry

FEW = {"generated": 40, "real": 40}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("GANREG_CACHE", str(tmp_path / "cache"))

    def make(**changes):
        spec = {
            "data": {"name": "proofs/tiny-pictures", "side": 28, "count": 60, "classes": 3},
            "generator": "proofs/tiny-generator",
            "discriminator": "proofs/tiny-discriminator",
            "loss": "proofs/tiny-hinge",
            "game": "proofs/tiny-standard",
            "schedule": "proofs/tiny-alternating",
            "optimizers": dict.fromkeys(("generator", "discriminator"), "proofs/tiny-adam"),
            "latent": 8,
            "train": {"steps": 2, "batch_size": 8, "device": "cpu"},
            "output": {"folder": tmp_path / "run", "samples": 4},
        }
        return compose(**{**spec, **changes})

    return make


def log(run):
    return [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]


def test_every_metric_of_a_conditional_run_and_its_protocol(tiny):
    metrics = [
        {"name": "frechet", **FEW, "every": 1},
        {"name": "kernel", **FEW, "size": 20, "subsets": 3},
        {"name": "inception-score", **FEW, "splits": 2},
        {"name": "prdc", **FEW},
        {"name": "intra-frechet", **FEW, "extractor": "pixels"},
        {"name": "ms-ssim", **FEW},
        {"name": "sliced-wasserstein", **FEW},
        {"name": "neighbours", **FEW, "shown": 3},
    ]
    pictures = {"name": "proofs/tiny-pictures", "side": 28, "count": 60, "classes": 2}  # 40 of them are of both
    run = tiny(data=pictures, metrics=metrics, conditional=True, seed=4).train()
    records = [record for record in log(run) if "metrics" in record]
    found = {name: value for record in records for name, value in record["metrics"].items()}
    assert found.keys() == {
        *("frechet", "kernel", "kernel/error", "inception-score", "inception-score/deviation"),
        *("precision", "recall", "density", "coverage", "intra-frechet", "intra-frechet/largest"),
        *("ms-ssim", "ms-ssim/real", "sliced-wasserstein", "sliced-wasserstein/28", "sliced-wasserstein/14"),
        *("neighbours/closer", "neighbours/distance"),
    }
    assert all(abs(value) < float("inf") for value in found.values())
    hashes = {record["protocol"].pop("real_sha256") for record in records}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64
    (fingerprint,) = {component("extractor", "fashion-cnn").fingerprint()}
    assert records[0]["protocol"].get("data", "").startswith("tiny-pictures(side=28, count=60, classes=2) ")
    data = records[0]["protocol"]["data"]
    assert records[0]["protocol"] == records[1]["protocol"]
    assert records[0]["protocol"] == {
        "data": data,
        "pictures": "1x28x28",
        "seed": 4,
        "extractor": fingerprint,
        **FEW,
    }
    assert {"size": 20, "subsets": 3}.items() <= records[2]["protocol"].items()
    assert "extractor" not in next(r["protocol"] for r in records if "ms-ssim" in r["metrics"])
    assert (run.folder / "figures" / "neighbours" / "00000002.png").is_file()


@pytest.mark.parametrize(("conditional", "pairs"), [(False, "any"), (True, "of one class")])
def test_which_pictures_make_a_pair_is_in_the_protocol(tiny, conditional, pairs):
    run = tiny(metrics=[{"name": "ms-ssim", **FEW}], conditional=conditional).train()
    (protocol,) = [record["protocol"] for record in log(run) if "metrics" in record]
    assert {"pairs": pairs, "intensities": "0 to 1"}.items() <= protocol.items()


@pytest.mark.parametrize(
    ("few", "reason"),
    [
        ({"generated": 5}, "3 classes take 2 generated pictures each, and 5 are fewer: let generated be 6 at least"),
        ({"real": 4}, "3 classes take 2 real pictures each, and 4 are fewer: let real be 6 at least"),
    ],
)
def test_fewer_pictures_than_two_of_each_class_are_refused_before_the_run(tiny, few, reason):
    with pytest.raises(SpecError, match=reason):
        tiny(conditional=True, metrics=[{"name": "intra-frechet", **FEW, **few}])


def test_a_class_that_is_short_of_real_pictures_is_named(tiny):
    run = tiny(conditional=True).train()
    reason = "class 1 has 0 of the 20 real pictures, .* let it take more real ones"
    with pytest.raises(PluginError, match=reason):
        run.evaluate([{"name": "intra-frechet", "generated": 40, "real": 20, "extractor": "pixels"}])


@pytest.mark.parametrize(("metric", "sides"), [("ms-ssim", [16]), ("sliced-wasserstein", [8, 16])])
def test_while_growing_pictures_are_too_small_there_are_no_figures(tiny, tmp_path, metric, sides):
    run = tiny(
        data={"name": "proofs/tiny-pictures", "side": 16, "count": 60},
        generator="proofs/tiny-growing",
        discriminator="proofs/tiny-growing",
        schedule={"name": "proofs/tiny-progressive", "stage_steps": 2, "fade_steps": 1},
        train={"steps": 6, "batch_size": 8, "device": "cpu"},
        metrics=[{"name": metric, **FEW, "every": 2}],
        output={"folder": tmp_path / "grown", "samples": 4, "best": metric},
    ).train()
    found = [record["protocol"]["pictures"] for record in log(run) if "metrics" in record]
    assert found == [f"1x{side}x{side}" for side in sides]
    assert (run.folder / "checkpoints" / "00000006").is_dir()


def test_figures_of_two_protocols_stand_apart_in_the_report(tiny):
    metrics = [{"name": "frechet", **FEW, "extractor": {"name": "pixels", "size": side}, "every": 1} for side in (2, 3)]
    run = tiny(metrics=metrics).train()
    page = run.report().read_text()
    assert page.count("<h3>frechet</h3>") == 2
    assert all(f"<dd>pixels, {side}x{side} by area</dd>" in page for side in (2, 3))


def test_figures_are_those_of_the_features_by_hand(tiny):
    metric = component("metric", "frechet", generated=30, real=50, extractor={"name": "pixels", "size": 2})
    training = tiny().assemble()
    evaluation = Evaluation(training.match, training.feed)
    found = metric.build(training.match.parts.task)(evaluation)["frechet"]
    both = (evaluation.generated(30), evaluation.real(50))
    sides = [torch.cat([b.images for b in side]).double() for side in both]
    means, covariances = [], []
    for images in sides:
        points = images.reshape(-1, 2, 14, 2, 14).mean(dim=(2, 4)).flatten(1)
        means.append(points.mean(dim=0))
        covariances.append(points.T.cov())
    values = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp(min=0)
    traces = sum(c.trace() for c in covariances)
    expected = (means[0] - means[1]).square().sum() + traces - 2 * values.sqrt().sum()
    assert found == pytest.approx(expected.item(), rel=1e-4)


def test_features_are_made_once_for_all_metrics_and_those_of_the_real_pictures_for_all_runs(tiny, monkeypatch):
    from ganreg_metrics.extractors import Pixels

    seen = []
    original = Pixels.__call__
    monkeypatch.setattr(Pixels, "__call__", lambda self, images: (seen.append(len(images)), original(self, images))[1])
    metrics = [{"name": "frechet", **FEW, "extractor": "pixels"}, {"name": "prdc", **FEW, "extractor": "pixels"}]
    first = tiny(metrics=metrics).train()
    assert sum(seen) == 40 + 8 + 40  # generated; real, to compare with the cache; real
    assert len(list(folder().iterdir())) == 1
    seen.clear()
    again = tiny(metrics=metrics, output={"folder": first.folder.parent / "again", "samples": 4}).train()
    assert sum(seen) == 40 + 8
    assert log(again) == log(first)


def test_figures_do_not_depend_on_what_is_measured_beside_them(tiny):
    metrics = [
        {"name": "frechet", "generated": count, "real": real, "extractor": extractor, "every": 1}
        for count, real, extractor in [
            (40, 40, "pixels"),
            (9, 40, "pixels"),
            (40, 9, "pixels"),
            (40, 40, "fashion-cnn"),
        ]
    ]
    together = tiny(metrics=metrics).train()
    steps = [record["metrics"]["frechet"] for record in log(together) if "metrics" in record]
    assert len(set(steps)) == len(steps) == 8  # two steps of four metrics
    assert [one.figures["frechet"] for one in together.evaluate(metrics)] == steps[4:]
    assert [together.evaluate([metric])[0].figures["frechet"] for metric in metrics] == steps[4:]


EDGES = """
from ganreg import Extractor, Features, hookimpl

class Edges(Extractor, name="edges"):
    def __call__(self, images):
        return Features(images.flatten(1)[:, :9] * {factor})

@hookimpl
def ganreg_components():
    return [Edges]
"""


def test_extractors_of_two_plugins_that_share_a_name_share_no_features(tiny, tmp_path):
    files = {tmp_path / "one.py": 1, tmp_path / "two.py": 3}
    for file, factor in files.items():
        file.write_text(EDGES.format(factor=factor))
    metrics = [{"name": "frechet", **FEW, "extractor": f"{file.stem}/edges"} for file in files]
    one, two = tiny(metrics=metrics, registry=Registry.discover(files=files)).train().evaluate()
    assert two.figures["frechet"] == pytest.approx(9 * one.figures["frechet"])
    assert one.protocol != two.protocol


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (
            {"name": "kernel", "generated": 999},
            "a subset of 1000 pictures is more than half of 999: let size be 499 at most",
        ),
        ({"name": "kernel", "real": 30}, "a subset of 1000 pictures is more than half of 30: let size be 15 at most"),
        ({"name": "prdc", "real": 5}, "5 pictures have no neighbour number 5: let neighbours be 4 at most"),
        (
            {"name": "neighbours", "real": 9, "neighbours": 9},
            "9 real pictures have no 9 neighbours: let neighbours be 8 at most",
        ),
        (
            {"name": "sliced-wasserstein", "generated": 9},
            "it compares as many generated pictures as real ones, not 9 and 2,048: let both be 9",
        ),
        (
            {"name": "inception-score", "generated": 9},
            "9 pictures cannot be cut into 10 parts: let splits be 9 at most",
        ),
    ],
)
def test_too_few_pictures_are_refused_before_the_run(tiny, metric, reason):
    with pytest.raises(SpecError) as refused:
        tiny(metrics=[metric])
    assert [mistake.message for mistake in refused.value.mistakes] == [reason]


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        (lambda images: Features(images.flatten(1) / 0), "gives features that are not finite"),
        (lambda images: Features(images), r"gives values \(\d+, 1, 28, 28\) of \d+ pictures, where \(\d+, D\) are due"),
        (lambda images: images.flatten(1), r"gives Tensor, where ganreg\.Features are due"),
    ],
)
def test_an_extractor_that_gives_no_features_is_named(tiny, features, reason):
    class Odd(Extractor, name="odd"):
        """Gives what a test says."""

        def __call__(self, images):
            return features(images)

    run = tiny().train()
    with pytest.raises(PluginError, match=f"the metric 'prdc' failed: .*the extractor 'odd' {reason}"):
        run.evaluate([{"name": "prdc", **FEW, "extractor": Odd()}])


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ({"name": "frechet"}, "a covariance takes 2 pictures at the least, not 1: let it take more pictures"),
        ({"name": "kernel", "size": 20}, "a subset of 20 pictures is more than half of 1: let it take more pictures"),
        ({"name": "prdc"}, "1 pictures have no neighbour number 5: let it take more pictures"),
        ({"name": "neighbours"}, "1 real pictures have no 5 neighbours: let it take more pictures"),
        ({"name": "sliced-wasserstein"}, "not 40 and 1: let it take more pictures"),
    ],
)
def test_of_a_single_real_picture_no_parameter_makes_enough(tiny, metric, reason):
    """Which is told before the run, and of the pictures that there are."""
    data = {"name": "proofs/tiny-pictures", "side": 28, "count": 1}
    with pytest.raises(SpecError, match=reason):
        tiny(data=data, metrics=[{**FEW, **metric}])
    training = tiny(data=data).assemble()
    built = component("metric", **{**FEW, **metric}).build(training.match.parts.task)
    with pytest.raises(ValueError, match=reason):
        built(Evaluation(training.match, training.feed))


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ({"name": "kernel"}, "a subset of 1000 pictures is more than half of 60: let size be 30 at most"),
        ({"name": "sliced-wasserstein"}, "not 2,048 and 60: let both be 60"),
        ({"name": "neighbours", "neighbours": 64}, "60 real pictures have no 64 neighbours"),
    ],
)
def test_a_set_that_is_too_small_is_told_of_before_the_run(tiny, metric, reason):
    with pytest.raises(SpecError, match=reason):
        tiny(metrics=[metric])


def test_of_all_pictures_that_a_set_tells_of_some_may_be_broken(tiny):
    tiny(metrics=[{"name": "sliced-wasserstein", "generated": 59, "real": None}]).check()
    with pytest.raises(SpecError, match="not 61 and 60"):
        tiny(metrics=[{"name": "sliced-wasserstein", "generated": 61, "real": None}])


@pytest.mark.needs("ganreg-datasets")
@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ({"name": "kernel", "size": 30}, {"size": 27}),
        ({"name": "prdc", "neighbours": 59}, {"neighbours": 54}),
        ({"name": "neighbours", "neighbours": 59}, {"neighbours": 54}),
        ({"name": "sliced-wasserstein", "real": 60}, {"generated": 55}),
        ({"name": "sliced-wasserstein", "generated": 50}, {"generated": 50, "real": 50}),
    ],
)
def test_what_the_check_lets_pass_is_measured_of_the_pictures_that_are_whole(tiny, tmp_path, metric, told):
    noise = torch.Generator().manual_seed(0)
    for index in range(60):
        picture = tmp_path / "pictures" / f"{index}.png"
        picture.parent.mkdir(exist_ok=True)
        Image.fromarray(torch.randint(256, (28, 28), generator=noise, dtype=torch.uint8).numpy()).save(picture)
        if index % 12 == 0:
            picture.write_bytes(b"broken")
    data = {"name": "image-folder", "folder": str(tmp_path / "pictures"), "size": 28, "channels": 1, "broken": "skip"}
    run = tiny(data={**data, "cache": str(tmp_path / "cache")}, metrics=[{"generated": 60, "real": None, **metric}])
    run.check()
    (measured,) = run.train().evaluate()
    assert measured.figures
    assert {name: measured.protocol[name] for name in ("real", *told)} == {"real": 55, **told}


def test_the_hash_of_real_pictures_is_the_same_on_every_device(tiny):
    class Elsewhere:
        """Makes numbers of bytes as a GPU does, or changes them a little."""

        def __init__(self, evaluation, make):
            self._evaluation, self._make = evaluation, make
            self.facts, self.device, self.notes = evaluation.facts, evaluation.device, {}

        def real(self, count):
            return (replace(batch, images=self._make(batch.images)) for batch in self._evaluation.real(count))

    def as_a_gpu(images):
        return images.add(1).mul(127.5).round().mul(torch.tensor(1.0) / 127.5).sub(1)

    training = tiny().assemble()
    measure = component("metric", "ms-ssim", **FEW).build(training.match.parts.task)
    evaluation = Evaluation(training.match, training.feed)
    there, gpu, changed = (
        measure.protocol(Elsewhere(evaluation, make))["real_sha256"]
        for make in (torch.clone, as_a_gpu, lambda images: images + 1e-6)
    )
    assert (torch.cat([batch.images - as_a_gpu(batch.images) for batch in evaluation.real(40)]) != 0).any()
    assert there == gpu
    assert there != changed


def test_the_picture_shows_a_copy_beside_its_original(tiny):
    class Copies:
        """Generated pictures are the real ones, backwards."""

        def __init__(self, evaluation):
            self._evaluation = evaluation
            self.facts = evaluation.facts
            self.notes = evaluation.notes
            self.device = evaluation.device

        def real(self, count):
            return self._evaluation.real(count)

        def generated(self, count):
            return reversed(list(self._evaluation.real(count)))

    training = tiny().assemble()
    metric = component("metric", "neighbours", **FEW, shown=4, neighbours=2, extractor="pixels")
    measure = metric.build(training.match.parts.task)
    found = measure(Copies(Evaluation(training.match, training.feed)))
    sheet = found["neighbours"]
    assert sheet.shape == (1, 2 * 4 * 28, 2 * (3 * 28 + 2))
    sheet = sheet[:, ::2, ::2]
    assert torch.equal(sheet[:, :, :28], sheet[:, :, 30:58])
    assert not torch.equal(sheet[:, :, :28], sheet[:, :, 58:])
    assert found["neighbours/closer"] == 1
