"""Networks on top of any discriminator that has an embedding."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganreg import DiscriminatorOutput, Head, Task, outline


class OnBase(nn.Module):
    """The base of a head, built for its own task, which is not told the labels where that has no classes."""

    def __init__(self, head: Head, task: Task) -> None:
        super().__init__()
        its = head.inner(task)
        self.size = outline(head, task).embedding.shape[1]
        self.labelled = its.classes is not None
        self.base = head.base.build(its)

    def output(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """The base's, of images (N, C, H, W)."""
        output: DiscriminatorOutput = self.base(images, labels if self.labelled else None)
        return output


class LinearEmbedding(OnBase):
    """The base's output with a linear layer's of its embedding in that one's place."""

    def __init__(self, head: Head, task: Task, size: int) -> None:
        super().__init__(head, task)
        self.linear = nn.Linear(self.size, size)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, whose embedding is (N, size)."""
        output = self.output(images, labels)
        return replace(output, embedding=self.linear(output.embedding))


class Slicing(OnBase):
    """Logits along a unit direction that they pass no gradient to, and `direction` along it, for it alone."""

    def __init__(self, head: Head, task: Task, classes: int) -> None:
        super().__init__(head, task)
        self.directions = nn.Parameter(normalize(torch.randn(classes, self.size), dim=1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to logits (N,) and `direction` (N,)."""
        output = self.output(images, labels)
        directions = normalize(self.directions, dim=1)
        direction = directions[labels] if len(directions) > 1 else directions
        logits = (output.embedding * direction.detach()).sum(dim=1)
        along = (output.embedding.detach() * direction).sum(dim=1)
        return judged(replace(output, extra={**output.extra, "direction": along}), logits)


class Projection(OnBase):
    """The base's logits with the label's projection; its vectors start as a linear layer's weights do."""

    def __init__(self, head: Head, task: Task, classes: int) -> None:
        super().__init__(head, task)
        self.projection = nn.Embedding(classes, self.size)
        nn.init.uniform_(self.projection.weight, -(self.size**-0.5), self.size**-0.5)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, whose logits know of the label."""
        output = self.output(images, labels)
        projected = (self.projection(labels) * output.embedding).sum(dim=1)
        places = (1,) * (output.logits.dim() - 1)
        return replace(output, logits=output.logits + projected.view(-1, *places))


class MultiDiscriminator(OnBase):
    """The label's logit of one for each class."""

    def __init__(self, head: Head, task: Task, classes: int) -> None:
        super().__init__(head, task)
        self.linear = nn.Linear(self.size, classes)

    def forward(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        """(N, C, H, W) to logits (N,)."""
        output = self.output(images, labels)
        return judged(output, self.linear(output.embedding).gather(1, labels[:, None]).squeeze(1))


class ClassHead(OnBase):
    """The base's output with slices of one linear layer's.

    `class_logits` (N, K), and in `extra` `others` of the same shape and `words` (N,), by their names.
    """

    def __init__(
        self, head: Head, task: Task, classes: int, others: tuple[str, ...] = (), words: tuple[str, ...] = ()
    ) -> None:
        super().__init__(head, task)
        self.others = others
        self.words = words
        self.widths = [classes] * (1 + len(others)) + [1] * len(words)
        self.linear = nn.Linear(self.size, sum(self.widths))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output with (N, K) class logits and what else there is."""
        output = self.output(images, labels)
        told = self.linear(output.embedding).to(self.linear.weight.dtype)
        class_logits, *slices = told.split(self.widths, dim=1)
        extra = dict(zip(self.others, slices, strict=False))
        extra |= {word: value.squeeze(1) for word, value in zip(self.words, slices[len(extra) :], strict=True)}
        return replace(output, class_logits=class_logits, extra={**output.extra, **extra})


class SemiSupervised(ClassHead):
    """The logits are how much more likely all classes together are than "generated"."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, with logits (N,) that follow from the others."""
        output = super().forward(images, labels)
        return judged(output, output.class_logits.logsumexp(dim=1) - output.extra["generated"])


class Omni(ClassHead):
    """The logits are how much more "real" is said than "generated"."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, with logits (N,) that follow from the others."""
        output = super().forward(images, labels)
        return judged(output, output.extra["real"] - output.extra["generated"])


class Contrastive(OnBase):
    """The base's output with unit vectors of the pictures and of their classes."""

    def __init__(self, head: Head, task: Task, classes: int, size: int) -> None:
        super().__init__(head, task)
        self.projection = nn.Linear(self.size, size)
        self.proxies = nn.Embedding(classes, size)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """(N, C, H, W) to the output, with `projected` and `proxies`, (N, size) each."""
        output = self.output(images, labels)
        projected = self.projection(output.embedding).to(self.projection.weight.dtype)
        unit = {"projected": normalize(projected, dim=1), "proxies": normalize(self.proxies(labels), dim=1)}
        return replace(output, extra={**output.extra, **unit})


def judged(output: DiscriminatorOutput, logits: Tensor) -> DiscriminatorOutput:
    """The output with other logits (N,); the base's stay in it, so that its last layer is seen to be spare."""
    return replace(output, logits=logits, extra={**output.extra, "base_logits": output.logits})
