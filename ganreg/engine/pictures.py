"""Generated pictures, and grids of them as PNG files."""

from __future__ import annotations

import math
from collections.abc import Iterator
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


@torch.no_grad()
def generate(match: Match, feed: Feed | None, count: int, *purpose: str | int) -> Batch:
    """`count` pictures (N, C, H, W) from the first generator's moving average, a function of seed and purpose.

    With them are the labels and the source pictures that they were made from. In a conditional run the classes come in
    equal shares, in order. The feed is for image-to-image games. Raises PluginError for any other number of pictures.
    """
    network = next(iter(match.generators.values()))
    z = match.noise(count, *purpose)
    order = torch.arange(count, device=match.device)
    classes = match.parts.task.classes
    labels = None if classes is None else order * classes // count
    source = feed.take(torch.arange(count) % len(feed)).source if match.parts.task.source and feed else None
    size = match.spec.train.batch_size
    pieces = []
    with evaluating(network):
        for part in (slice(start, start + size) for start in range(0, count, size)):
            their_labels = None if labels is None else labels[part]
            their_source = None if source is None else source[part]
            pieces.append(match.spec.game.sample(network, z[part], their_labels, their_source))
            if len(pieces[-1]) != len(z[part]):
                who = f"the generator '{match.spec.generator.name}'"
                raise PluginError(f"{who} made {len(pieces[-1])} pictures where {len(z[part])} were asked")
    return Batch(torch.cat(pieces).float(), labels, source)


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


def save_grid(images: Tensor, path: Path) -> None:
    """Pictures (N, C, H, W) in [-1, 1] as a nearly square PNG grid; small ones are enlarged to be looked at.

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
    scale = max(1, 64 // height)
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    png = BytesIO()
    picture.save(png, format="PNG")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, png.getvalue())
