"""What passes between networks and losses."""

import torch

from ganreg import DiscriminatorOutput
from ganreg.engine.play import as_output


def test_every_scale_has_its_own_part_of_everything() -> None:
    one, two = torch.zeros(3), torch.ones(3)
    output = DiscriminatorOutput(
        logits=(one, two),
        features=((one,), (two, two)),
        embedding=(one, two),
        class_logits=(one, two),
        labels=one,
        extra={"head": (one, two), "both": one},
    )
    first, second = output.scales()
    assert first.logits is first.embedding is first.class_logits is first.extra["head"] is first.features[0] is one
    assert second.logits is second.embedding is second.class_logits is second.extra["head"] is second.features[1] is two
    assert first.extra["both"] is second.extra["both"] is first.labels is second.labels is one


def test_heads_come_in_full_precision_whatever_the_network_ran_in() -> None:
    half = torch.zeros(3, dtype=torch.bfloat16)
    output = as_output(DiscriminatorOutput((half, half), embedding=half, class_logits=half, extra={"head": half}), None)
    found = (*output.logits, output.embedding, output.class_logits, output.extra["head"])
    assert {tensor.dtype for tensor in found} == {torch.float32}
