"""Run folders as the engine writes them, made by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SPEC = """\
seed: 7
data:
  name: datasets/fashion-mnist-10k
  size: null
generator:
  name: classic/dcgan
  width: 64
discriminator:
  name: classic/mlp
loss:
  name: classic/hinge
penalties:
- name: classic/r1
  weight: 5.0
train:
  steps: 2000
"""

LOCK = {
    "format": 1,
    "ganreg": "1.0.0",
    "torch": "2.13.0+cpu",
    "python": "3.11.7",
    "platform": "linux-x86_64",
    "components": {
        "generator": {
            "id": "classic/dcgan",
            "distribution": "ganreg-classic",
            "version": "1.2.3",
            "source": "abcdef0123456789" * 4,
        },
        "loss": {"id": "own-loss", "distribution": None, "version": None, "source": None},
    },
}


def lines(records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def losses(step: int, **terms: float) -> dict:
    return {"step": step, "losses": {name.replace("__", "/"): value for name, value in terms.items()}}


@pytest.fixture
def make_run(tmp_path):
    """make_run(name="run", spec=…, lock=…, log=…, speed=…, samples=…, checkpoints=…) -> Path; None leaves a file out.

    log and speed: texts. samples: steps. checkpoints: steps.
    """

    def make(name="run", *, spec=SPEC, lock=LOCK, log=None, speed=None, samples=(), checkpoints=(), size=(224, 224)):
        folder = tmp_path / name
        for part in ("samples", "checkpoints"):
            (folder / part).mkdir(parents=True)
        lock = lock if lock is None or isinstance(lock, str) else json.dumps(lock)
        for file, text in {"spec.yaml": spec, "lock.json": lock, "log.jsonl": log, "speed.jsonl": speed}.items():
            if text is not None:
                (folder / file).write_text(text, encoding="utf-8")
        for step in samples:
            grid(size, step).save(folder / "samples" / f"{step:08d}.png")
        for step in checkpoints:
            checkpoint = folder / "checkpoints" / f"{step:08d}"
            checkpoint.mkdir()
            (checkpoint / "networks.safetensors").write_bytes(bytes(3_000_000))
            (checkpoint / "manifest.json").write_bytes(bytes(500_000))
        return folder

    return make


@pytest.fixture
def finished(make_run) -> Path:
    """A run that reached its last step, with all that a run writes."""
    rng = np.random.default_rng(0)
    log, speed = [], []
    for step in range(10, 2001, 10):
        terms = {"discriminator__loss": 1 + rng.random(), "discriminator__r1": 0.01 * rng.random()}
        log.append(losses(step, **terms, generator__loss=rng.normal()))
        speed.append({"step": step, "seconds": step * 0.06, "images_per_second": 1000.0 + step % 30})
        if step % 500 == 0:
            log.append({"step": step, "metrics": {"fid": 100 - step / 50}})
    return make_run(log=lines(log), speed=lines(speed), samples=range(0, 2001, 100), checkpoints=(1500, 2000))


def grid(size: tuple[int, int], step: int) -> Image.Image:
    """A picture that only this step has."""
    pixels = np.random.default_rng(step).integers(0, 256, size[::-1], dtype=np.uint8)
    return Image.fromarray(pixels)
