"""Sound datasets, metrics and observers."""

import json
from pathlib import Path

from pydantic import Field, PositiveInt

from ganreg import Batch, Dataset, Extractor, Features, Metric, Observer
from ganreg.errors import DataError
from ganreg.task import DatasetInfo


class Drawn(Dataset, name="drawn"):
    """Pictures in float that are drawn when they are asked for, each from its index."""

    count: PositiveInt = Field(70_000, description="pictures")

    def info(self):
        return DatasetInfo((1, 8, 8), self.count)

    def build(self, task):
        return DrawnPictures(self.count)


class DrawnPictures:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def batch(self, indices):
        import torch

        places = torch.linspace(-1, 1, 64, dtype=torch.float64)
        return Batch((torch.sin(indices[:, None] + places)).float().reshape(-1, 1, 8, 8))


class Reused(Dataset, name="reused"):
    """Every batch in one tensor, which is filled anew."""

    def info(self):
        return DatasetInfo((1, 8, 8), 100)

    def build(self, task):
        return ReusedPictures()


class ReusedPictures:
    def __init__(self):
        import torch

        self.buffer = torch.empty(100, 1, 8, 8)

    def __len__(self):
        return 100

    def batch(self, indices):
        return Batch(self.buffer[: len(indices)].copy_(DrawnPictures(100).batch(indices).images))


class Black(Dataset, name="black"):
    """One black picture, and one class."""

    def info(self):
        return DatasetInfo((3, 4, 4), 1, ("black",))

    def build(self, task):
        import torch

        return Batch(torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(1, 3, 4, 4), torch.zeros(1, dtype=torch.int64))


class Edges(Dataset, name="edges"):
    """Pictures with source pictures, for image-to-image games; from the seed of the run."""

    def info(self):
        return DatasetInfo((3, 8, 8), 6, None, (1, 8, 8))

    def build(self, task):
        import torch

        return Batch(torch.rand(6, 3, 8, 8) * 2 - 1, source=torch.rand(6, 1, 8, 8) * 2 - 1)


class Listed(Dataset, name="listed"):
    """A picture for each line of a file, whose name has an example that is not there."""

    file: Path = Field(description="a text file", examples=["/nowhere/names.txt"])

    def info(self):
        try:
            return DatasetInfo((1, 4, 4), len(self.file.read_text().splitlines()))
        except OSError as error:
            raise DataError(f"{self.file}: {error.strerror}") from error

    def build(self, task):
        import torch

        return Batch(torch.zeros(self.info().count, 1, 4, 4, dtype=torch.uint8))


class Means(Metric, name="means"):
    """The distance of the means, those of real pictures computed once."""

    every: PositiveInt | None = Field(2, description="steps between two measurements")

    def build(self, task):
        known = {}

        def mean(batches):
            means = [batch.images.mean(dim=0) for batch in batches]
            return sum(means) / len(means)

        def measure(evaluation):
            if "real" not in known:
                known["real"] = mean(evaluation.real())
            return {"distance": (mean(evaluation.generated(64)) - known["real"]).norm()}

        return measure


class Draws(Metric, name="draws"):
    """Seeds torch for draws of its own."""

    def __call__(self, evaluation):
        import torch

        torch.manual_seed(0)
        pictures = next(evaluation.generated(16)).images.flatten(1)
        return {"sliced": float((pictures @ torch.randn(pictures.shape[1])).std())}


class Network(Extractor, name="network"):
    """Builds a module, with weights that follow from no seed."""

    provides = frozenset({"logits"})
    size: int = Field(3, description="features", examples=[2])

    def build(self, task):
        from torch import nn, ones

        layer = nn.Linear(task.image[0], self.size)
        layer.load_state_dict({"weight": ones(self.size, task.image[0]), "bias": ones(self.size)})
        return lambda images: Features(layer(images.mean(dim=(2, 3))), images.mean(dim=(2, 3)))


class Lines(Observer, name="lines"):
    """Writes JSON beside the run."""

    def started(self, folder, spec):
        object.__setattr__(self, "_file", folder / "lines.jsonl")
        json.dumps(spec)

    def logged(self, step, values):
        with self._file.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")


class Ends(Observer, name="ends"):
    """Hears one event, with a further argument that has a default."""

    def finished(self, step, *, quietly=True):
        assert step >= 0
