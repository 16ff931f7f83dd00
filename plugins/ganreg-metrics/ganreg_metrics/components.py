"""The metrics. Each measures a sample of generated and real pictures; `protocol` says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, PositiveInt, model_validator

from ganreg import Extractor, Metric, Task
from ganreg_metrics import enough

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ganreg_metrics.measurement import Measurement, Sample

GENERATED, REAL = "generated pictures", "real pictures, evenly from the set; null for all"


class Measured(Metric):
    """What all of them share: counts of pictures, and the protocol.

    window: the side that pictures have at least. While those of a growing network are smaller, there are no figures.
    """

    window: ClassVar[int] = 1

    generated: int = Field(10_000, ge=2, description=GENERATED, examples=[48])
    real: int | None = Field(None, ge=2, description=REAL, examples=[48])

    def suffice(self, real: int | None) -> None:
        """Raises ValueError where figures take more pictures. real: how many real ones; None for enough."""

    def within(self, real: int) -> Self:
        """The same for as many real pictures as there are: of those that a set tells of, some may be broken."""
        return self

    @model_validator(mode="after")
    def _suffices(self) -> Self:
        self.suffice(self.real)
        return self

    def check(self, task: Task) -> None:
        """Refuses pictures that are smaller than the window, and sets of too few."""
        if min(task.image[1:]) < self.window:
            raise ValueError(f"compares windows of {self.window}x{self.window}, which pictures must have room for")
        if task.count is not None:
            self.suffice(min(self.real or task.count, task.count))

    def build(self, task: Task) -> Measurement:
        """A callable of an evaluation, with its protocol."""
        from ganreg_metrics.measurement import Measurement

        return Measurement(self, task)

    def figures(self, sample: Sample) -> Mapping[str, float | Tensor]:
        """The figures of a sample, by name. Raises ValueError where it is too small for them."""
        raise NotImplementedError

    def told(self, sample: Sample) -> Mapping[str, str]:
        """What the protocol has beside the parameters."""
        return {}


class InFeatures(Measured):
    """What is measured in the space of an extractor."""

    extractor: Extractor = Field("fashion-cnn", description="gives the space that is measured in")  # type: ignore[assignment]

    def check(self, task: Task) -> None:
        """As its extractor."""
        super().check(task)
        self.extractor.check(task)

    def build(self, task: Task) -> Measurement:
        """A callable of an evaluation, with its protocol."""
        from ganreg_metrics.measurement import Measurement

        return Measurement(self, task, self.extractor.build(task))


class Frechet(InFeatures, name="frechet"):
    """Fréchet distance of features: FID, with the extractor `inception` (Heusel et al., 2017; arXiv:1706.08500).

    |μ_r - μ_g|² + tr(Σ_r + Σ_g - 2 (Σ_r Σ_g)^½) of the Gaussians with their means and covariances; 0 or more, lower is
    better. It falls with the number of pictures: compare figures of one count alone, of more pictures than features.
    """

    def suffice(self, real: int | None) -> None:
        """Either side scatters."""
        if real is not None:
            enough.for_covariance(real)

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """frechet."""
        from ganreg_metrics.distances import Moments, frechet

        return {"frechet": frechet(Moments.of(sample.generated.values), Moments.of(sample.real.values))}


class IntraFrechet(InFeatures, name="intra-frechet"):
    """Fréchet distance within each class of a conditional run (Miyato & Koyama, 2018; arXiv:1802.05637).

    The mean over the classes, and the largest of them; lower is better.
    """

    def check(self, task: Task) -> None:
        """Refuses an unconditional run, and fewer pictures than two of each class."""
        super().check(task)
        if task.classes is None:
            raise ValueError("compares class by class: set conditional: true, with labelled data")
        for side, count in {"generated": self.generated, "real": self.real}.items():
            if count is not None:
                enough.for_classes(side, count, task.classes)

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """intra-frechet and intra-frechet/largest. Raises ValueError for a class of fewer than two real pictures."""
        from ganreg_metrics.distances import Moments, frechet

        generated, real = sample.generated, sample.real
        assert generated.labels is not None, "a conditional run gives labels"
        assert real.labels is not None, "a conditional run gives labels"
        assert sample.classes is not None, "an unconditional run is refused"
        found = []
        for label in range(sample.classes):
            ours, theirs = (side.values[side.labels == label] for side in (generated, real))
            if len(theirs) < 2:
                count = f"{len(theirs)} of the {len(real.values):,} real pictures"
                raise ValueError(f"class {label} has {count}, and 2 are the least: let it take more real ones")
            found.append(frechet(Moments.of(ours), Moments.of(theirs)))
        return {"intra-frechet": sum(found) / len(found), "intra-frechet/largest": max(found)}


class Kernel(InFeatures, name="kernel"):
    """Kernel distance of features: KID, with the extractor `inception` (Bińkowski et al., 2018; arXiv:1801.01401).

    The unbiased estimate of MMD² with k(x, y) = (xᵀy / D + 1)³, mean over random subsets, with its standard error.
    About 0 for one distribution, where it may be negative; lower is better. It does not lean on the number of pictures.
    """

    subsets: int = Field(100, ge=2, description="random subsets that are compared", examples=[4])
    size: int = Field(1000, ge=2, description="pictures of each side in a subset, half of them at most", examples=[16])

    def suffice(self, real: int | None) -> None:
        """Subsets are no more than half of either side."""
        enough.for_subset(self.size, min(self.generated, real or self.generated))

    def within(self, real: int) -> Self:
        """With smaller subsets, if need be."""
        return self.model_copy(update={"size": enough.most(self.size, min(self.generated, real) // 2, 2)})

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """kernel and kernel/error."""
        from ganreg_metrics.distances import kernel_distance

        mean, error = kernel_distance(sample.generated.values, sample.real.values, self.subsets, self.size)
        return {"kernel": mean, "kernel/error": error}


class InceptionScore(InFeatures, name="inception-score"):
    """Inception score (Salimans et al., 2016; arXiv:1606.03498) with any classifier.

    exp(E_x KL(p(y|x) ‖ p(y))) over generated pictures alone, mean and deviation over splits; from 1 to the number of
    classes, higher is better. It does not see whether classes look real.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"logits"})

    splits: PositiveInt = Field(10, description="parts that the pictures are cut into", examples=[2])

    def suffice(self, real: int | None) -> None:
        """Each part has a picture."""
        if self.splits > self.generated:
            most = f"let splits be {self.generated} at most"
            raise ValueError(f"{self.generated} pictures cannot be cut into {self.splits} parts: {most}")

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """inception-score and inception-score/deviation."""
        import torch

        from ganreg_metrics.distances import inception_score

        logits = sample.generated.logits
        assert logits is not None, "the extractor provides them"
        # In a conditional run the classes come in order.
        order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(0))
        mean, deviation = inception_score(logits[order], self.splits)
        return {"inception-score": mean, "inception-score/deviation": deviation}


class PRDC(InFeatures, name="prdc"):
    """Precision, recall, density and coverage, from each picture's k nearest neighbours.

    Precision and recall after Kynkäänniemi et al. (2019; arXiv:1904.06991), density and coverage after Naeem et al.
    (2020; arXiv:2002.09797), with balls that reach each picture's k-th neighbour on its own side. Precision and density
    fall where pictures look wrong, recall and coverage where kinds of pictures are missing. All but density, which may
    exceed 1, lie in [0, 1]; higher is better.
    """

    neighbours: PositiveInt = Field(5, description="k: 3 in the paper on precision and recall, 5 in the other")

    def suffice(self, real: int | None) -> None:
        """Each picture of either side has that neighbour."""
        enough.for_ball(self.neighbours, min(self.generated, real or self.generated))

    def within(self, real: int) -> Self:
        """With fewer neighbours, if need be."""
        return self.model_copy(update={"neighbours": enough.most(self.neighbours, min(self.generated, real) - 1)})

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """precision, recall, density and coverage."""
        from ganreg_metrics.distances import prdc

        return prdc(sample.generated.values, sample.real.values, self.neighbours)


class Neighbours(InFeatures, name="neighbours"):
    """Generated pictures beside the real ones that are nearest to them, and whether they are copies.

    With d(x) the distance of x to its nearest real picture, other than itself: `closer` is the share of generated
    pictures with d below the median of the real ones, 1/2 for unseen pictures of the same distribution and 1 for
    copies; `distance` is the mean d of generated pictures over that of real ones, 0 for copies.
    """

    shown: PositiveInt = Field(8, le=64, description="generated pictures in the picture, a row for each")
    neighbours: PositiveInt = Field(5, le=64, description="real pictures beside each of them")

    def suffice(self, real: int | None) -> None:
        """There are so many real ones, and one more."""
        if real is not None:
            enough.for_neighbours(self.neighbours, real)

    def within(self, real: int) -> Self:
        """With fewer neighbours, if need be."""
        return self.model_copy(update={"neighbours": enough.most(self.neighbours, real - 1)})

    def figures(self, sample: Sample) -> Mapping[str, float | Tensor]:
        """neighbours, a picture of which the first column is generated; neighbours/closer and neighbours/distance."""
        from ganreg_metrics.neighbours import among_real, sheet

        figures, indices = among_real(sample.generated.values, sample.real.values, self.neighbours)
        return {"neighbours": sheet(sample, indices[: self.shown]), **figures}


class MSSSIM(Measured, name="ms-ssim"):
    """Diversity: multi-scale structural similarity within pairs of pictures (Odena et al., 2016; arXiv:1610.09585).

    MS-SSIM after Wang, Simoncelli & Bovik (2003), with as many of its five scales as the pictures have room for. The
    mean over random pairs of generated pictures, and of real ones to compare with; in a conditional run pairs are of
    one class. 1 for pictures that are all the same; no higher than that of real ones is good.
    """

    window: ClassVar[int] = 11

    generated: int = Field(2_000, ge=2, description="generated pictures, two in a pair", examples=[48])
    real: int | None = Field(2_000, ge=2, description=REAL, examples=[48])

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """ms-ssim and ms-ssim/real."""
        from ganreg_metrics.pairs import mean_similarity

        sides = {"ms-ssim": sample.generated_pictures(), "ms-ssim/real": sample.real_pictures()}
        return {name: mean_similarity(side) for name, side in sides.items()}

    def told(self, sample: Sample) -> Mapping[str, str]:
        """Which pictures are compared, for within a class they are more alike; and on which scale."""
        return {"pairs": "any" if sample.seen.labels is None else "of one class", "intensities": "0 to 1"}


class SlicedWasserstein(Measured, name="sliced-wasserstein"):
    """Sliced Wasserstein distance of patches (Karras et al., 2017; arXiv:1710.10196, section 5).

    10³ E_θ W1(θᵀX, θᵀY) over random directions, for 7x7 patches at each level of a Laplacian pyramid, whose channels
    have mean 0 and deviation 1: the mean over the levels, and of each by its side in pixels. Lower is better; it needs
    no network. The paper takes 16,384 pictures, 128 patches and 512 directions.
    """

    window: ClassVar[int] = 7

    generated: int = Field(2_048, ge=2, description=GENERATED, examples=[48])
    real: int | None = Field(2_048, ge=2, description=REAL, examples=[48])
    patches: PositiveInt = Field(64, description="patches of each picture and level")
    directions: PositiveInt = Field(128, description="random directions that patches are projected on")

    def suffice(self, real: int | None) -> None:
        """Both sides have as many; of all that there are, some may yet turn out to be broken."""
        if real is not None and (self.real is not None or self.generated > real):
            enough.for_levels(self.generated, real)

    def within(self, real: int) -> Self:
        """With as many pictures of each side as the smaller one has."""
        count = enough.most(self.generated, real, 2)
        return self.model_copy(update={"generated": count, "real": count})

    def figures(self, sample: Sample) -> Mapping[str, float]:
        """sliced-wasserstein, and sliced-wasserstein/SIDE of each level. Raises ValueError for unlike counts."""
        from ganreg_metrics.pyramid import by_level

        generated, real = (
            (batch.images for batch in side) for side in (sample.generated_pictures(), sample.real_pictures())
        )
        found = by_level(generated, real, count=self.patches, directions=self.directions)
        levels = {f"sliced-wasserstein/{side}": distance for side, distance in found.items()}
        return {"sliced-wasserstein": sum(levels.values()) / len(levels), **levels}


METRICS = (Frechet, IntraFrechet, Kernel, InceptionScore, PRDC, Neighbours, MSSSIM, SlicedWasserstein)
