"""Networks: gradients that reach all that they must, twice, and in bfloat16."""

from __future__ import annotations

import torch
from torch import Tensor

from ganreg.engine.outputs import as_output, tensors_of
from ganreg.engine.play import Play
from ganreg.engine.second_derivatives import twice_differentiable
from ganreg.spec.compatibility import ROLES
from ganreg.testing.check import Failure, check
from ganreg.testing.network import TYPES, Network, built, mixed, task_with
from ganreg.testing.suite import Subject


@check(
    *ROLES,
    needs=("forward",),
    remedy="work on a copy: no in-place operation, such as ReLU(inplace=True), on an input",
)
def leaves_alone(subject: Subject) -> None:
    """What it is given stays as it is, and nobody's random numbers begin anew."""
    network = built(subject)
    arguments, words = network.inputs(4)
    before = [a.clone() for a in arguments if isinstance(a, Tensor)]
    after = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network.module(*arguments, **words)
        after.append(torch.get_rng_state())
    if not all(map(torch.equal, before, [a for a in arguments if isinstance(a, Tensor)])):
        raise Failure("it changes its input in place")
    if torch.equal(*after):
        raise Failure("its forward seeds torch's global generator", "leave seeding to ganreg")


@check(
    *ROLES,
    needs=("forward", "leaves-alone"),
    remedy="use every parameter in forward, and neither detach, no_grad nor round",
)
def gradients(subject: Subject) -> None:
    """A gradient reaches every trainable parameter, and the noise or pictures that it is given."""
    for classes in (None, 3):
        task = task_with(subject, classes)
        if task is not None:
            _gradients(built(subject, task))


def _gradients(network: Network) -> None:
    mixed(network.module, 0.1)  # a head may begin at zero, and let nothing through at first
    arguments, words = network.inputs(4)
    watched = [a.requires_grad_() for a in arguments if isinstance(a, Tensor) and a.is_floating_point()]
    made = [t for t in tensors_of(network.module(*arguments, **words)) if t.requires_grad]
    if not made:
        raise Failure("its output carries no gradient")
    weighted = [(t.float() * torch.linspace(-1, 2, t.numel()).view_as(t)).sum() for t in made]
    names = [name for name, p in network.module.named_parameters() if p.requires_grad]
    wanted = [p for p in network.module.parameters() if p.requires_grad]
    found = torch.autograd.grad(torch.stack(weighted).sum(), [*wanted, *watched], allow_unused=True)
    lost = [name for name, gradient in zip(names, found, strict=False) if gradient is None]
    if lost:
        raise Failure(f"no gradient reaches {', '.join(lost)}")
    if not any(g.any() for g in found if g is not None):
        raise Failure("its gradient is zero everywhere")
    first = found[len(names)]
    if first is None or (network.role != "generator" and not first.any()):
        what = "noise" if network.role == "generator" and network.task.source is None else "pictures"
        raise Failure(f"no gradient reaches the {what} that it is given")


@check(*ROLES, needs=("forward", "gradients"), remedy=TYPES)
def bf16(subject: Subject) -> None:
    """Under bfloat16 autocast it runs, and outputs and gradients stay finite."""
    network = built(subject)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = tensors_of(network(4))
    squares = torch.stack([t.float().square().mean() for t in made if t.requires_grad])
    torch.autograd.backward(squares.sum())
    grads = [p.grad for p in network.module.parameters() if p.grad is not None]
    if not all(t.isfinite().all() for t in (*made, *grads)):
        raise Failure("under bfloat16 autocast an output or gradient is not finite")


@check(
    "discriminator",
    needs=("forward", "gradients"),
    remedy="use operations that can be differentiated twice, and no in-place ones",
)
def double_backward(subject: Subject) -> None:
    """Its gradient with respect to pictures can be differentiated: gradient penalties do so."""
    network = built(subject)
    (images, *others), words = network.inputs(4)
    images.requires_grad_()
    with twice_differentiable():  # as a run does for its penalties
        gradient = Play.gradients_of(as_output(network.module(images, *others, **words), None), images)
    if not gradient.requires_grad:
        raise Failure("the gradient of its logits with respect to the pictures carries no gradient itself")
    torch.autograd.backward(gradient.square().sum())
    found = [p.grad for p in network.module.parameters() if p.grad is not None]
    if not found or not all(g.isfinite().all() for g in found):
        raise Failure("the second derivative is missing or not finite")
