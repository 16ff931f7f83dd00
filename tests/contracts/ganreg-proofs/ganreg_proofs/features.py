"""A metric in the space of an extractor, which is a part of its own."""

from pydantic import Field, PositiveInt

from ganreg import Extractor, Features, Metric


class Coarse(Extractor, name="tiny-coarse"):
    """A picture at a few pixels; with classes, logits that say how bright it is."""

    side: PositiveInt = Field(2, description="height and width that are left")
    classes: bool = Field(False, description="give logits of two classes, dark and bright")

    @property
    def provides(self):
        return frozenset({"logits"} if self.classes else ())

    adds = frozenset({"logits"})

    def __call__(self, images):
        from torch.nn.functional import adaptive_avg_pool2d

        values = adaptive_avg_pool2d(images, self.side).flatten(1)
        mean = values.mean(dim=1, keepdim=True)
        return Features(values, mean * mean.new_tensor([-1, 1]) if self.classes else None)


class MeanDistance(Metric, name="tiny-mean-distance"):
    """The distance of the mean features of generated pictures from those of real ones."""

    extractor: Extractor = Field("tiny-coarse", description="gives the features")
    count: PositiveInt = Field(8, description="pictures of each side")

    def build(self, task):
        return Measure(self, self.extractor.build(task))


class Measure:
    """What the metric builds."""

    def __init__(self, metric, extract):
        self.metric = metric
        self.extract = extract

    def __call__(self, evaluation):
        import torch

        sides = (evaluation.generated(self.metric.count), evaluation.real(self.metric.count))
        generated, real = (torch.cat([self.extract(b.images).values for b in side]).mean(dim=0) for side in sides)
        return {"mean-distance": (generated - real).norm().item()}

    def protocol(self, evaluation):
        extractor = self.metric.extractor.fingerprint()
        return {**evaluation.facts, "extractor": extractor, "count": self.metric.count}
