"""The classifier behind `fashion-cnn`: three convolutions and a dense layer, which is the features."""

from __future__ import annotations

from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganreg import Features

SIDE = 28
WIDTH = 128
CLASSES = 10
LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey (ITU-R BT.601), as in Pillow's conversion to "L"."""


class FashionClassifier(nn.Module):
    """Pictures (N, C, H, W) in [-1, 1] of any size, grey or RGB, to features (N, 128) and logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(1, 32),
            *_block(32, 64),
            *_block(64, 64),
            nn.Flatten(),
            nn.Linear(64 * 3 * 3, WIDTH),
            nn.ReLU(),
        )
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Features:
        """Grey, 28x28 (bilinear, antialiased), then the network."""
        features = self.body(resized(grey(images), SIDE))
        return Features(features, self.head(features))


def grey(images: Tensor) -> Tensor:
    """(N, C, H, W) to (N, 1, H, W): the luma of RGB, else the mean over the channels."""
    if images.shape[1] != len(LUMA):
        return images.mean(dim=1, keepdim=True)
    weights = images.new_tensor(LUMA).view(1, -1, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def resized(images: Tensor, side: int) -> Tensor:
    """(N, C, H, W) to (N, C, side, side), bilinear and antialiased; pictures of that size stay as they are."""
    if tuple(images.shape[2:]) == (side, side):
        return images
    return interpolate(images, size=(side, side), mode="bilinear", antialias=True)


def trained(weights: bytes) -> FashionClassifier:
    """The network with weights from the content of a safetensors file, frozen."""
    network = FashionClassifier()
    network.load_state_dict(load(weights))
    return network.requires_grad_(False).eval()


def _block(before: int, after: int) -> tuple[nn.Module, ...]:
    """Half the side, rounded down."""
    return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(after), nn.ReLU()
