"""Generated pictures, and grids of them as PNG files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ganreg.batch import Batch
from ganreg.engine.disk import replace, writing
from ganreg.engine.feed import Feed
from ganreg.engine.match import Match
from ganreg.errors import PluginError
from ganreg.rng import keyed

LARGE = 4096
"""Pixels of a side that no grid is enlarged beyond."""


def generate(match: Match, feed: Feed | None, count: int, *purpose: str | int) -> Batch:
    """`count` pictures (N, C, H, W) from the first generator's moving average, a function of seed and purpose.

    With them are the labels and the source pictures that they were made from. In a conditional run the classes come in
    equal shares, in order. The feed is for image-to-image games. Raises PluginError for any other number of pictures.
    """
    parts = list(generated(match, feed, count, *purpose, in_turn=False))
    return Batch(
        torch.cat([part.images for part in parts]),
        _joined([part.labels for part in parts]),
        _joined([part.source for part in parts]),
    )


def _joined(tensors: Sequence[Tensor | None]) -> Tensor | None:
    there = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(there) if there else None


@torch.no_grad()
def generated(match: Match, feed: Feed | None, count: int, *purpose: str | int, in_turn: bool) -> Iterator[Batch]:
    """What `generate` gives, in batches of the run's size; noise, classes and sources are those of the whole.

    The global generators are keyed for each batch: a generator may draw noise of its own.

    in_turn: each picture is of the class after the last one's, so that the first pictures are of all classes, too.
    """
    network = next(iter(match.generators.values()))
    z = match.noise(count, *purpose)
    task, size = match.parts.task, match.spec.train.batch_size
    for start in range(0, count, size):
        part = torch.arange(start, min(start + size, count))
        labels = None
        if task.classes is not None:
            labels = (part % task.classes if in_turn else part * task.classes // count).to(match.device)
        source = feed.take(part % len(feed)).source if task.source and feed else None
        if source is not None:
            source = match.current_stage.fit(source)
        with evaluating(network), keyed(match.spec.seed, "generated", *purpose, start):
            images = match.spec.game.sample(network, z[start : start + size], labels, source)
        if len(images) != len(part):
            who = f"the generator '{match.spec.generator.name}'"
            raise PluginError(f"{who} made {len(images)} pictures where {len(part)} were asked")
        yield Batch(images.float(), labels, source)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and each of its modules back in its own mode afterwards."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What is computed within has no gradient with respect to the network's weights."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def save_grid(images: Tensor, path: Path) -> None:
    """Pictures (N, C, H, W) in [-1, 1] as a nearly square PNG grid; small grids of small ones are enlarged.

    Raises RunFolderError where it cannot be written.
    """
    count, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    pixels = images.add(1).mul(127.5).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
    cells = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    cells[:count] = pixels
    lines = cells.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = lines.reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(sheet.squeeze(-1) if channels == 1 else sheet[..., :3])
    scale = max(1, min(64 // height, LARGE // max(picture.size)))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    png = BytesIO()
    picture.save(png, format="PNG")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, png.getvalue())
