"""Train one pair of networks by every discriminant method on fashion-mnist-10k, and compare what they generate.

`python docs/discriminant.py` runs what is missing and writes table.md and pictures.png into the results' folder;
`--help` tells how to do less. Stopped at any time, it goes on at the cell, a method with a seed, where it was.
"""

from __future__ import annotations

import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganreg import Task, component, compose

WIDTH = 16
BASE = {"name": "classic/dcgan", "width": WIDTH, "normalization": "spectral"}
EMBEDDING = {"name": "discriminant/linear-embedding", "size": 32, "base": BASE}
GENERATED = 5000
"""Pictures that a cell is judged by."""

SHOWN = 12
"""Pictures of each method in the grid."""


def head(name: str) -> dict[str, Any]:
    """A discriminator with one of the plugin's heads, in a conditional run."""
    return {"conditional": True, "discriminator": {"name": f"discriminant/{name}", "base": BASE}}


def terms(name: str, generator: float = 1.0, **parameters: Any) -> list[dict[str, Any]]:
    """A penalty for both players."""
    term = {"name": f"discriminant/{name}", **parameters}
    return [{**term, "side": "discriminator"}, {**term, "side": "generator", "weight": generator}]


REAL_ONLY = terms("auxiliary-classifier", generated=False)
METHODS: dict[str, dict[str, Any]] = {
    "non-saturating": {"loss": "classic/non-saturating"},
    "hinge": {"loss": "classic/hinge"},
    "fisher": {"loss": {"name": "discriminant/fisher", "rho": 1e-3}},
    **{
        name: {"loss": f"discriminant/{name}", "discriminator": EMBEDDING}
        for name in (
            *("linear-discriminant", "quadratic-discriminant", "hyperplane", "sphere", "mmd", "cramer"),
            *("mcgan-mean", "mcgan-covariance"),
        )
    },
    "mmd-rq": {"loss": {"name": "discriminant/mmd", "kernel": "rq"}, "discriminator": EMBEDDING},
    "sliced": {"loss": "discriminant/sliced", "discriminator": {"name": "discriminant/slicing", "base": BASE}},
    "linear-discriminant, classes": {
        "loss": "discriminant/linear-discriminant",
        "discriminator": EMBEDDING,
        "conditional": True,
    },
    "projection": head("projection"),
    "multi-discriminator": head("multi-discriminator"),
    "auxiliary-classifier": {**head("auxiliary-classifier"), "penalties": REAL_ONLY},
    "twin-auxiliary": {**head("twin-auxiliary"), "penalties": [*REAL_ONLY, *terms("twin-auxiliary")]},
    "auxiliary-discriminative": {**head("auxiliary-discriminative"), "penalties": terms("auxiliary-discriminative")},
    "contrastive": {**head("contrastive"), "penalties": terms("contrastive")},
    "d2d-ce": {**head("contrastive"), "penalties": terms("d2d-ce")},
    "semi-supervised": {
        **head("semi-supervised"),
        "loss": "classic/non-saturating",
        "penalties": REAL_ONLY[:1],
    },
    "multi-hinge": {**head("semi-supervised"), "loss": "discriminant/multi-hinge"},
    "omni": {**head("omni"), "loss": "discriminant/omni"},
}
"""What each method changes; where it names no loss, that is hinge."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/discriminant"), show_default=True)
@click.option("--steps", default=600, show_default=True, help="Of every cell.")
@click.option("--seeds", default=3, show_default=True, help="Cells of each method.")
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(list(METHODS)), help="This alone; may be repeated."
)
@click.option("--device", default="cpu", show_default=True, help="Where the networks train.")
def main(out: Path, steps: int, seeds: int, methods: tuple[str, ...], device: str) -> None:
    """Run the cells that are missing, and write the table and the pictures."""
    folder = out / f"{steps}-steps"
    images, labels = data()
    judge = Judge(out, images, labels)
    for seed in range(seeds):
        for method in methods or METHODS:
            cell = folder / f"{method.replace(', ', '-')}-{seed}"
            if not cell.with_suffix(".json").exists():
                click.echo(f"{method}, seed {seed}")
                run_cell(cell, method, seed, steps, device, judge)
    click.echo(write_table(folder, judge))
    draw(folder)


def data() -> tuple[Tensor, Tensor]:
    """The pictures, float in [-1, 1], and their labels."""
    dataset = component("dataset", "fashion-mnist-10k")
    batch = dataset.build(Task(dataset.info().image, latent=1))
    return batch.images.float() / 127.5 - 1, batch.labels


def run_cell(cell: Path, method: str, seed: int, steps: int, device: str, judge: Judge) -> None:
    """Train, judge and keep: the run's folder is scratch, the result appears last and at once."""
    scratch = cell.with_suffix(".run")
    shutil.rmtree(scratch, ignore_errors=True)
    started = time.perf_counter()
    spec = {"discriminator": BASE, "loss": "classic/hinge", **METHODS[method]}
    run = compose(
        data="fashion-mnist-10k",
        generator={"name": "classic/dcgan", "width": WIDTH},
        latent=64,
        seed=seed,
        ema={"decay": 0.99},
        train={"steps": steps, "batch_size": 64, "device": device},
        output={"folder": str(scratch), "samples_every": steps, "checkpoint_every": steps, "keep": 1},
        **spec,
    ).train()
    seconds = time.perf_counter() - started
    pictures = run.sample(GENERATED).cpu()
    result = {"method": method, "seed": seed, "steps": steps, "seconds": round(seconds, 1)}
    result["frechet"] = judge.distance(pictures)
    if spec.get("conditional"):
        asked = torch.arange(GENERATED) * 10 // GENERATED
        result["of_their_class"] = (judge.classify(pictures) == asked).double().mean().item()
    save_file({"pictures": pictures[:: GENERATED // SHOWN][:SHOWN].contiguous()}, cell.with_suffix(".safetensors"))
    part = cell.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1))
    part.rename(cell.with_suffix(".json"))
    shutil.rmtree(scratch)


class Judge:
    """A classifier of the labels, whose features measure the distance. Trained once, from a fixed seed.

    It learns from the first 8,000 pictures; its accuracy is that of the last 2,000. `floor` is the distance of one
    half of the real pictures from the other.
    """

    def __init__(self, folder: Path, images: Tensor, labels: Tensor) -> None:
        torch.manual_seed(0)
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * 49, 64), nn.ReLU()),
        )
        self.head = nn.Linear(64, 10)
        self.network = nn.Sequential(self.body, self.head)
        weights = folder / "classifier.safetensors"
        if weights.exists():
            self.network.load_state_dict(load_file(weights))
        else:
            self._train(images[:8000], labels[:8000])
            folder.mkdir(parents=True, exist_ok=True)
            save_file(self.network.state_dict(), weights)
        self.accuracy = (self.classify(images[8000:]) == labels[8000:]).double().mean().item()
        features = self.features(images)
        self.real = gaussian(features)
        self.floor = frechet(gaussian(features[::2]), gaussian(features[1::2]))

    def _train(self, images: Tensor, labels: Tensor) -> None:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        for _ in range(5):
            for chosen in torch.randperm(len(images)).split(128):
                optimizer.zero_grad()
                cross_entropy(self.network(images[chosen]), labels[chosen]).backward()
                optimizer.step()

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """(N, 64) what the last layer sees."""
        return torch.cat([self.body(part) for part in images.split(500)])

    @torch.no_grad()
    def classify(self, images: Tensor) -> Tensor:
        """(N,) the likeliest class."""
        return self.head(self.features(images)).argmax(dim=1)

    def distance(self, images: Tensor) -> float:
        """Fréchet distance of pictures from all real ones."""
        return frechet(gaussian(self.features(images)), self.real)


def gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance."""
    return features.double().mean(dim=0), features.double().T.cov()


def frechet(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> float:
    """‖μ₁ - μ₂‖² + tr(C₁ + C₂ - 2(C₁C₂)^½) (Heusel et al., 2017; arXiv:1706.08500)."""
    values, vectors = torch.linalg.eigh(one[1])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ other[1] @ root).clamp(min=0).sqrt().sum()
    return ((one[0] - other[0]).square().sum() + one[1].trace() + other[1].trace() - 2 * overlap).item()


def results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Of each method, in the order above, what is finished."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return {method: cells for method in METHODS if (cells := [r for r in found if r["method"] == method])}


def write_table(folder: Path, judge: Judge) -> str:
    """Write table.md, and return it."""
    lines = ["| method | seeds | Fréchet distance | of their class | seconds |", "|---|--:|--:|--:|--:|"]
    for method, cells in results(folder).items():
        seconds = statistics.mean(cell["seconds"] for cell in cells)
        columns = [spread([cell[key] for cell in cells if key in cell]) for key in ("frechet", "of_their_class")]
        lines.append(f"| {method} | {len(cells)} | {columns[0]} | {columns[1]} | {seconds:.0f} |")
    floor = f"Half of the real pictures from the other half: {judge.floor:.2f}."
    text = "\n".join([*lines, "", f"The classifier's accuracy is {judge.accuracy:.1%}. {floor}", ""])
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


def spread(values: list[float]) -> str:
    """Mean ± standard deviation, where there is more than one value."""
    if not values:
        return ""
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{deviation}"


def draw(folder: Path) -> None:
    """Write pictures.png: a row of pictures for each method, of its first seed."""
    from matplotlib.figure import Figure

    rows = {method: cells[0] for method, cells in results(folder).items()}
    figure = Figure(figsize=(SHOWN * 0.5 + 2.2, len(rows) * 0.55))
    for index, (method, cell) in enumerate(rows.items()):
        name = f"{method.replace(', ', '-')}-{cell['seed']}.safetensors"
        pictures = load_file(folder / name)["pictures"][:, 0]
        axes = figure.add_subplot(len(rows), 1, index + 1)
        axes.imshow(torch.cat(list(pictures), dim=1).numpy(), cmap="gray", vmin=-1, vmax=1)
        axes.set_axis_off()
        axes.text(-4, 14, method, ha="right", va="center", fontsize=8)
    figure.subplots_adjust(left=2.2 / (SHOWN * 0.5 + 2.2), right=1, top=1, bottom=0, hspace=0.05)
    figure.savefig(folder / "pictures.png", dpi=120)


if __name__ == "__main__":
    main()
