"""The event files of real runs, as TensorBoard reads them back."""

import json
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from ganreg_tensorboard import TensorBoard
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import ganreg
from ganreg import Metric
from ganreg.api import Run
from ganreg.engine.loop import Stop
from ganreg.errors import Interrupted

pytestmark = pytest.mark.needs("ganreg-proofs")


class Shade(Metric, name="shade"):
    """The step, and a grey picture."""

    def __call__(self, evaluation):
        """The figures, by name."""
        import torch

        return {"shade/value": evaluation.step / 10, "shade/picture": torch.zeros(1, 64, 70)}


def run(folder: Path, **output: int) -> Run:
    return ganreg.compose(
        data={"name": "tiny-pictures", "side": 28, "count": 40},
        generator="tiny-generator",
        discriminator="tiny-discriminator",
        loss="tiny-hinge",
        game="tiny-standard",
        schedule="tiny-alternating",
        optimizers={"generator": "tiny-adam", "discriminator": "tiny-adam"},
        latent=8,
        observers=[TensorBoard()],
        metrics=[Shade(every=2)],
        train={"steps": 6, "batch_size": 4, "device": "cpu"},
        output={"folder": folder, "samples_every": 3, "samples": 4, "log_every": 1, "checkpoint_every": 2, **output},
    )


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    return events.Reload()


def scalars(events: EventAccumulator) -> dict[str, list[tuple[int, float]]]:
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for record in map(json.loads, (folder / "log.jsonl").read_text().splitlines()):
        for name, value in {**record.get("losses", {}), **record.get("metrics", {})}.items():
            found.setdefault(name, []).append((record["step"], pytest.approx(value, rel=1e-6)))
    return found


def test_what_the_log_holds_is_there_with_pictures_and_the_spec(tmp_path):
    run(tmp_path / "run").train()
    events = read(tmp_path / "run")
    assert scalars(events) == logged(tmp_path / "run")
    assert [image.step for image in events.Images("samples")] == [0, 3, 6]
    assert [image.step for image in events.Images("shade/picture")] == [2, 4, 6]
    sample = events.Images("samples")[-1]
    with (
        Image.open(BytesIO(sample.encoded_image_string)) as one,
        Image.open(tmp_path / "run" / "samples" / "00000006.png") as other,
    ):
        assert one.convert("L").tobytes() == other.convert("L").tobytes()
    (text,) = events.Tensors("spec/text_summary")
    assert '"batch_size": 4' in text.tensor_proto.string_val[0].decode()


@pytest.mark.parametrize("lost", [False, True])
def test_a_resumed_run_tells_each_step_once(tmp_path, lost):
    parts = run(tmp_path / "run")
    stop = Stop()
    with pytest.raises(Interrupted):
        parts.train(stop=stop, tick=lambda step: setattr(stop, "signal_number", 15) if step == 4 else None)
    if lost:
        (tmp_path / "run" / "checkpoints" / "00000005" / "manifest.json").unlink()
    parts.train(resume=True)
    events = read(tmp_path / "run")
    assert scalars(events) == logged(tmp_path / "run")
    assert [image.step for image in events.Images("samples")] == [0, 3, 6]
    assert len(events.Tensors("spec/text_summary")) == 1


def test_files_of_a_clock_that_is_ahead_are_read_before_those_that_come_now(tmp_path):
    for start in (1, 3):
        events = TensorBoard().build(ganreg.Task(image=(1, 8, 8), latent=2))
        events.started(tmp_path, {"seed": 0})
        for step in range(start, 5):
            events.logged(step, {"loss": 10.0 * start + step})
        events.finished(4)
    for index, path in enumerate(sorted((tmp_path / "tensorboard").iterdir())):
        path.rename(path.with_name(f"events.out.tfevents.{int(time.time()) + 3600 + index}.host.1.0"))
    before = time.monotonic()
    events.started(tmp_path, {"seed": 0})
    events.logged(4, {"loss": 54.0})
    events.finished(4)
    assert time.monotonic() - before < 10
    assert scalars(read(tmp_path)) == {"loss": [(1, 11.0), (2, 12.0), (3, 33.0), (4, 54.0)]}


def test_a_run_in_the_place_of_another_voids_all_of_it(tmp_path):
    run(tmp_path / "run", keep=1).train()
    run(tmp_path / "run", keep=3).train(overwrite=True)
    events = read(tmp_path / "run")
    assert scalars(events) == logged(tmp_path / "run")
    (text,) = events.Tensors("spec/text_summary")
    assert '"keep": 3' in text.tensor_proto.string_val[0].decode()


def test_a_run_that_goes_back_voids_what_it_had_told(tmp_path):
    events = TensorBoard().build(ganreg.Task(image=(1, 8, 8), latent=2))
    events.started(tmp_path, {"seed": 0})
    for step, value in ((1, 1.0), (2, 2.0), (3, 3.0), (2, 20.0), (3, 30.0)):
        events.logged(step, {"loss": value})
    events.finished(3)
    assert scalars(read(tmp_path)) == {"loss": [(1, 1.0), (2, 20.0), (3, 30.0)]}


def test_the_part_is_found_and_described_without_torch_and_tensorboard():
    script = """
import sys, ganreg
assert ganreg.component("observer", "tensorboard").__doc__
raise SystemExit(" ".join(sys.modules.keys() & {"torch", "tensorboard", "numpy", "PIL"}) or 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
