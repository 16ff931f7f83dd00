"""Broken metrics and observers."""

from defects import caught_by
from ganreg import Metric, Observer


@caught_by("figures")
class NotANumber(Metric, name="not-a-number"):
    """0 / 0."""

    def __call__(self, evaluation):
        return {"mean": float("nan")}


@caught_by("figures")
class Verdict(Metric, name="verdict"):
    """A word for a figure."""

    def __call__(self, evaluation):
        return {"verdict": "good"}


@caught_by("figures")
class Bare(Metric, name="bare"):
    """A number without a name."""

    def __call__(self, evaluation):
        return next(iter(evaluation.generated(8))).images.mean()


@caught_by("figures")
class Accumulates(Metric, name="accumulates"):
    """Goes on where the last measurement ended."""

    def build(self, task):
        total = []

        def measure(evaluation):
            total.extend(float(batch.images.mean()) for batch in evaluation.generated(8))
            return {"mean": sum(total)}

        return measure


@caught_by("requires")
class SecretMetric(Metric, name="secret-metric"):
    """The spread of an embedding that it does not ask for."""

    def __call__(self, evaluation):
        pictures = next(evaluation.generated(8)).images
        return {"spread": float(evaluation.discriminate(pictures).embedding.std())}


@caught_by("figures")
class Pixels(Metric, name="pixels"):
    """A picture in [0, 255]."""

    def __call__(self, evaluation):
        return {"first": (next(evaluation.generated(8)).images[0] + 1) * 127.5}


@caught_by("protocol")
class Diary(Metric, name="diary"):
    """Takes the step for a part of its protocol."""

    def __call__(self, evaluation):
        return {"mean": float(next(evaluation.generated(8)).images.mean())}

    def protocol(self, evaluation):
        return {"step": evaluation.step}


@caught_by("protocol")
class Nested(Metric, name="nested"):
    """A mapping in its protocol."""

    def __call__(self, evaluation):
        return {"mean": float(next(evaluation.generated(8)).images.mean())}

    def protocol(self, evaluation):
        return {"pictures": {"count": 8}}


@caught_by("disturbs-nothing")
class Silences(Metric, name="silences"):
    """Leaves the generator in evaluation."""

    def __call__(self, evaluation):
        evaluation._match.networks["generator"].eval()
        return {"mean": float(next(evaluation.generated(8)).images.mean())}


@caught_by("disturbs-nothing")
class Tampers(Metric, name="tampers"):
    """Rounds the weights of what it measures."""

    def __call__(self, evaluation):
        import torch

        network = evaluation._match.networks["generator"]
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half())
        return {"mean": float(next(iter(evaluation.generated(8))).images.mean())}


@caught_by("builds")
class Deaf(Observer, name="deaf"):
    """Listens for an event that does not exist."""

    def log(self, step, values):
        self.last = step


@caught_by("hears")
class Hasty(Observer, name="hasty"):
    """Takes fewer arguments than it is given."""

    def logged(self, values):
        values.items()


@caught_by("hears")
class Picky(Observer, name="picky"):
    """Expects a loss in all that is logged."""

    def logged(self, step, values):
        values["generator/loss"]
