"""Points in a plane, for games that can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveFloat, PositiveInt

from ganreg import Dataset
from ganreg.task import DatasetInfo

if TYPE_CHECKING:
    from ganreg import Batch
    from ganreg.task import Task


class EightGaussians(Dataset, name="eight-gaussians"):
    """A ring of Gaussians in the plane, each point a pixel of two channels (Metz et al., 2016; arXiv:1611.02163).

    x = r(cos 2πk/K, sin 2πk/K) + σ·N(0, 1), clipped to [-1, 1]; label k is the mode, and all modes have as many points
    as can be. The paper's ring has radius 2 and deviation 0.02: the same ratio stands here.
    """

    modes: PositiveInt = Field(8, le=2**16, description="Gaussians on the ring (K)")
    radius: float = Field(0.8, gt=0, lt=1, description="of the ring (r)")
    deviation: PositiveFloat = Field(0.008, allow_inf_nan=False, description="of each Gaussian (σ)")
    count: PositiveInt = Field(8192, description="points")

    def info(self) -> DatasetInfo:
        """(2, 1, 1), the count, and a class for each mode."""
        return DatasetInfo((2, 1, 1), self.count, tuple(f"mode {k}" for k in range(self.modes)))

    def build(self, task: Task) -> Batch:
        """The points (count, 2, 1, 1), in float32."""
        import torch

        from ganreg import Batch

        labels = torch.arange(self.count) % self.modes
        angles = labels * (2 * torch.pi / self.modes)
        centres = self.radius * torch.stack([angles.cos(), angles.sin()], dim=1)
        points = centres + self.deviation * torch.randn(self.count, 2)
        return Batch(points.clamp(-1, 1)[:, :, None, None], labels)
