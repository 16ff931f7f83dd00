"""Write augmentations.png beside this file: what augmentations make of eight pictures, a row each.

`python docs/methods/augmentations.py`; the first row shows the pictures as they are.
"""

from pathlib import Path

import torch

from ganreg import Task, component
from ganreg.engine.pictures import save_grid
from ganreg.engine.streams import Stream

ROWS = (
    {"name": "flip", "p": 0},
    {"name": "ada-fixed", "groups": ["blit"], "p": 1},
    {"name": "ada-fixed", "groups": ["geometric"], "p": 1},
    {"name": "ada-fixed", "groups": ["color", "filter"], "p": 1},
    {"name": "diffaugment"},
    {"name": "blur", "sigma": 1.5},
    {"name": "instance-noise", "sigma": 0.3},
    {"name": "resized-crop"},
)


def draw(path: Path) -> None:
    """Save the grid."""
    data = component("dataset", "fashion-mnist-10k")
    shape = data.info().image
    images = data.build(Task(shape, latent=1)).images[:8].float() / 127.5 - 1
    rows = [
        component("augmentation", **row)(images, Stream(torch.device("cpu"), 0, "docs", str(index)))
        for index, row in enumerate(ROWS)
    ]
    save_grid(torch.cat(rows).clamp(-1, 1), path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
