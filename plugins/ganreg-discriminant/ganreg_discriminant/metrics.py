"""How well discriminant analysis tells generated from real pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ganreg import Metric

if TYPE_CHECKING:
    from torch import Tensor

    from ganreg import Batch
    from ganreg.engine.metrics import Evaluation


class Separability(Metric, name="separability"):
    """How separable real and generated pictures are, by linear discriminant analysis.

    `count` pictures of each side, the first real ones, are dealt out to `folds` in turn. For each fold the analysis is
    fitted to the others (one covariance, Ledoit and Wolf's shrinkage; 2004) and says of each picture of the fold its
    log-odds t of being real, so every t is of a picture that was not fitted to. Figures: `separability/fisher`,
    Fisher's criterion (E[t_r] - E[t_f])² / (var t_r + var t_f) (1936), 0 where both sides are alike;
    `separability/error`, the share of pictures on the wrong side, 0.5 at best; `separability/auc`, the probability
    that a real picture has a larger t than a generated one, 0.5 at best: a two-sample test by classifier (Lopez-Paz &
    Oquab, 2016; arXiv:1610.06545). Picture: `separability/clouds`, real pictures blue, generated ones orange; to the
    right t, the line is t = 0, upwards the first principal component of both sides together. Of the embedding, all are
    called `embedding-separability/…`.
    """

    of: Literal["pixels", "embedding"] = Field(
        "pixels", description="what is analysed: the pictures, or what the discriminator's last layer sees of them"
    )

    count: int = Field(512, ge=2, examples=[32], description="pictures of each side")
    folds: int = Field(4, ge=2, description="into how many parts they are dealt out")

    @property
    def requires(self) -> frozenset[str]:
        """An embedding, where that is what is analysed."""
        return frozenset({"embedding"} if self.of == "embedding" else ())

    def __call__(self, evaluation: Evaluation) -> dict[str, Any]:
        """The figures and the picture, by name."""
        import torch

        from ganreg_discriminant.networks.clouds import clouds
        from ganreg_discriminant.networks.validation import left_out, separability, widest

        real, fake = (
            torch.cat([self._features(evaluation, batch) for batch in batches])
            for batches in (evaluation.real(self.count), evaluation.generated(self.count))
        )
        odds = left_out(real, fake, self.folds)
        rise = widest(torch.cat([real, fake])).split([len(real), len(fake)])
        figures: dict[str, Any] = separability(*odds)
        figures["clouds"] = clouds(*(torch.stack(axes, 1) for axes in zip(odds, rise, strict=True)))
        prefix = "separability" if self.of == "pixels" else "embedding-separability"
        return {f"{prefix}/{name}": value for name, value in figures.items()}

    def protocol(self, evaluation: Evaluation) -> dict[str, Any]:
        """Data and parameters, and how many pictures there were of each side: a set may have fewer than `count`."""
        parameters = self.model_dump(exclude={"every", "count"})
        real = sum(len(batch) for batch in evaluation.real(self.count))
        return {**evaluation.facts, "metric": self.name, **parameters, "generated": self.count, "real": real}

    def _features(self, evaluation: Evaluation, batch: Batch) -> Tensor:
        """(N, D) of what is analysed; a discriminator of several scales has several embeddings."""
        import torch

        if self.of == "pixels":
            return batch.images.flatten(1)
        outputs = evaluation.discriminate(batch.images, batch.labels).scales()
        return torch.cat([output.embedding.flatten(1) for output in outputs], 1)
