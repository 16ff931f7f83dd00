"""The extractors: spaces that metrics measure in."""

from __future__ import annotations

import os
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, PositiveInt

from ganreg import Extractor, Features, Task
from ganreg.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

LOGITS = frozenset({"logits"})
FASHION = Path(__file__).with_name("weights") / "fashion-cnn.safetensors"
FASHION_SHA256 = "5a4da72d1ef43abdb56b3f699259454f317423913d81eea0de6d541171de74f9"
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of weights-inception-2015-12-05-6726825d.pth, which torch-fidelity publishes: the network of the original FID."""

UserPath = Annotated[Path, AfterValidator(lambda path: Path(os.path.expanduser(path)))]


class Pixels(Extractor, name="pixels"):
    """The pixels themselves, after reduction to `size` by the mean over areas: no network, no weights."""

    size: PositiveInt | None = Field(16, description="side in pixels that pictures are reduced to; null keeps theirs")

    def fingerprint(self) -> str:
        """Its size and how it is reached."""
        return "pixels" if self.size is None else f"pixels, {self.size}x{self.size} by area"

    def __call__(self, images: Tensor) -> Features:
        """(N, C, H, W) to values (N, C size size)."""
        from torch.nn.functional import adaptive_avg_pool2d

        return Features((images if self.size is None else adaptive_avg_pool2d(images, self.size)).flatten(1))


class FashionCNN(Extractor, name="fashion-cnn"):
    """A small classifier of Fashion-MNIST: 128 features and the logits of ten classes, from grey pictures of 28x28.

    Pictures of any size become grey (BT.601) and 28x28 (bilinear, antialiased). It was trained on the 60,000 training
    pictures by `recipes/fashion_cnn.py` of this plugin, and tells 92.61% of the 10,000 test pictures. For pictures of
    anything but clothes it is a fixed space without much meaning: take another extractor.
    """

    provides: ClassVar[frozenset[str]] = LOGITS

    def fingerprint(self) -> str:
        """Its input, and the hash of its weights."""
        return f"fashion-cnn, grey 28x28 bilinear antialiased, sha256 {FASHION_SHA256}"

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W) to values (N, 128) and logits (N, 10). Raises DataError for a damaged file."""
        from ganreg_metrics.classifier import trained

        return trained(verified(FASHION, FASHION_SHA256))


class Inception(Extractor, name="inception"):
    """Inception-v3 of the original FID (Szegedy et al., 2015; arXiv:1512.00567), as torch-fidelity ports it.

    2048 features, and 1008 logits without bias, which are those of its inception score, from RGB bytes enlarged to
    299x299 as TensorFlow 1 did. Needs `pip install ganreg-metrics[inception]`, and the file
    weights-inception-2015-12-05-6726825d.pth of torch-fidelity's releases, which nobody downloads for you. A file with
    another sha256 is refused: figures of other weights are no FID.
    """

    provides: ClassVar[frozenset[str]] = LOGITS

    weights: UserPath = Field(
        description="weights-inception-2015-12-05-6726825d.pth, from torch-fidelity's releases; ~ is expanded",
        examples=["weights-inception-2015-12-05-6726825d.pth"],
    )

    def check(self, task: Task) -> None:
        """Refuses pictures that are neither grey nor RGB."""
        _grey_or_rgb(task)

    def fingerprint(self) -> str:
        """Its input, and the hash of its weights, which is that of all files it takes."""
        return f"inception-v3 of torch-fidelity, 299x299 as TensorFlow 1, sha256 {INCEPTION_SHA256}"

    def build(self, task: Task) -> Callable[[Tensor], Features]:
        """Images (N, C, H, W), grey or RGB, to values (N, 2048) and logits (N, 1008).

        Raises DataError for a file that is missing or another one, PluginError where torch-fidelity is missing.
        """
        from ganreg_metrics.foreign import inception

        return inception(verified(self.weights, INCEPTION_SHA256))


class Timm(Extractor, name="timm"):
    """Any network of timm by name (Wightman, 2019), without its last layer; by default with weights from a file.

    Pictures are RGB, resized and normalized as the network's own configuration says. Needs
    `pip install ganreg-metrics[timm]`. Weights are never downloaded: without a file they are random, from a fixed seed,
    which compares textures (Naeem et al., 2020; arXiv:2002.09797, section 4) and no figure of another network.
    """

    model: str = Field(description="name in timm.list_models()", examples=["test_resnet"])
    weights: UserPath | None = Field(
        None, description="its weights, a safetensors file; ~ is expanded; null for random ones"
    )

    def check(self, task: Task) -> None:
        """Refuses pictures that are neither grey nor RGB."""
        _grey_or_rgb(task)

    def fingerprint(self) -> str:
        """The network's name, and the hash of its weights; of random ones, the versions that they follow from."""
        weights = f"sha256 {sha256(_content(self.weights)).hexdigest()}" if self.weights else _random("torch", "timm")
        return f"timm {self.model}, resized and normalized as it is configured, {weights}"

    def build(self, task: Task) -> nn.Module:
        """Images (N, C, H, W), grey or RGB, to values (N, D).

        Raises DataError for a file that is missing or does not fit, PluginError where timm is missing.
        """
        from ganreg_metrics.foreign import network_of_timm

        return network_of_timm(self.model, self.weights)


def verified(path: Path, expected: str) -> bytes:
    """The content of a file with this sha256. Raises DataError where it is missing, or has another."""
    content = _content(path)
    found = sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{path}: its sha256 is {found}, not {expected}: it is another file, or damaged")
    return content


def _random(*makers: str) -> str:
    """Weights by a seed, which another version of who draws them makes others of; builds for other devices do not."""
    return "random by " + " and ".join(f"{name} {_release(name)}" for name in makers)


def _release(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "(not installed)"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _grey_or_rgb(task: Task) -> None:
    if task.image[0] not in (1, 3):
        raise ValueError(f"takes grey or RGB pictures, not {task.image[0]} channels")


EXTRACTORS = (FashionCNN, Pixels, Inception, Timm)
