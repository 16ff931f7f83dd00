"""Networks: shapes, range, labels, devices and dtypes."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import combinations
from math import comb
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganreg.batch import DiscriminatorOutput
from ganreg.engine.outputs import as_output, tensors_of
from ganreg.spec.compatibility import ROLES
from ganreg.task import Task, describe
from ganreg.testing.check import Failure, Skip, check
from ganreg.testing.network import (
    CPU,
    LARGEST,
    META,
    NUMBERLESS,
    built,
    mixed,
    same_tensors,
    shape_of,
    task_with,
    verify,
)
from ganreg.testing.suite import Subject
from ganreg.testing.tasks import CLASSES

ROUNDING = 1e-3
"""What a picture may exceed [-1, 1] by."""

FIELDS = ("features", "embedding", "class_logits")
"""Of an output, what a discriminator may leave out."""

SHOWN = 1e-2
"""How far pictures go to either side of 0 at the least."""


@check(*ROLES, needs=("builds",), remedy="mend forward, or refuse in check(task) what it cannot serve")
def forward(subject: Subject) -> None:
    """Four inputs become what the kind promises."""
    built(subject).serves()


@check(*ROLES, needs=("forward",), remedy="let the first size be the batch's, and normalize by batch in training only")
def batch_sizes(subject: Subject) -> None:
    """Batches of three in training, and of one and of five in evaluation, are served, in finite numbers."""
    network = built(subject)
    for count, training in ((3, True), (1, False), (5, False)):
        network.module.train(training)
        made = network(count)
        verify(network, made, count)
        if not all(t.isfinite().all() for t in tensors_of(made)):
            what = "one input" if count == 1 else f"{count} inputs"
            raise Failure(f"of {what} it makes numbers that are not finite", "take no deviation over the batch")


@check(*ROLES, needs=("forward", "leaves-alone"), remedy="move running statistics in training only")
def evaluation(subject: Subject) -> None:
    """In evaluation a forward leaves weights and buffers as they are."""
    network = built(subject)
    network()  # whatever is filled at the first use
    network.module.eval()
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    network(seed=1)
    changed = same_tensors(before, network.module.state_dict())
    if changed:
        raise Failure(f"in evaluation a forward changes '{changed[0]}'")


@check(
    *ROLES,
    needs=("forward",),
    remedy=NUMBERLESS,
)
def meta(subject: Subject) -> None:
    """It is built and called on the meta device, as the dry run does."""
    network = built(subject, device=META)
    made = network(4)
    verify(network, made, 4)
    if any(t.device.type != "meta" for t in tensors_of(made)):
        raise Failure(
            "what it gives is not on the meta device", "make tensors on the device of an input: device=z.device"
        )


@check(*ROLES, needs=("forward", "meta"), remedy="make the layers fit task.image, or refuse the size in check(task)")
def sizes(subject: Subject) -> None:
    """Every size of picture that check(task) accepts is served, with classes and without."""
    for task in subject.claimed:
        if max(task.image) > 256:
            continue
        try:
            built(subject, task, device=META if max(task.image) > LARGEST else CPU).serves()
        except (Failure, Skip):
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            classes = f" and {task.classes} classes" if task.classes else ""
            raise Failure(f"check accepts {describe(task.image)}{classes}, and it fails: {text}") from None


@check("generator", needs=("forward",), remedy="end with tanh")
def range_(subject: Subject) -> None:
    """Pictures lie in [-1, 1], all of it, whatever the weights."""
    low, high = 0.0, 0.0
    for seed, strength in enumerate((0.0, 0.1, 0.5, 0.5, 2.0, 2.0)):
        network = built(subject)
        mixed(network.module, strength, seed)
        images = network(4, seed=seed).detach()
        finite = images[images.isfinite()]
        if len(finite):
            low, high = min(low, finite.min().item()), max(high, finite.max().item())
    if max(-low, high) > 1 + ROUNDING:
        raise Failure(f"with other weights its pictures reach [{low:.3g}, {high:.3g}]: real ones lie in [-1, 1]")
    if low > -SHOWN or high < SHOWN:
        raise Failure(f"its pictures stay in [{low:.3g}, {high:.3g}]: real ones lie in all of [-1, 1]")


@check("discriminator", needs=("forward",), remedy="return logits: leave the sigmoid to the loss")
def logits(subject: Subject) -> None:
    """Logits are no probabilities: with other weights they leave [0, 1]."""
    for seed, strength in enumerate((0.0, 0.5, 0.5, 2.0, 2.0)):
        network = built(subject)
        mixed(network.module, strength, seed)
        for scale in as_output(network(4, seed=seed), None).scales():
            if (scale.logits < 0).any() or (scale.logits > 1).any():
                return
    raise Failure("whatever its weights, its logits stay in [0, 1]")


@check(
    *("generator", "discriminator"), needs=("forward",), remedy="use labels in forward, or refuse task.classes in check"
)
def labels(subject: Subject) -> None:
    """In a conditional run, where it accepts one, each label changes what it gives."""
    task = task_with(subject, CLASSES)
    if task is None or (subject.kind == "discriminator" and "class_logits" in subject.part.provides):
        return  # a classifier is not told the class
    network = built(subject, task)
    mixed(network.module, 0.3)
    network.module.eval()
    made = [tensors_of(network(4, labels=torch.full((4,), label))) for label in range(CLASSES)]
    alike = [pair for pair in combinations(range(CLASSES), 2) if all(map(torch.equal, *(made[k] for k in pair)))]
    if not alike:
        return
    if len(alike) < comb(CLASSES, 2):
        one, other = alike[0]
        raise Failure(f"what it gives for the classes {one} and {other} is the same", "use the label as it is")
    plain = task_with(subject, None)
    if plain is not None and _shapes(built(subject, plain).module) == _shapes(network.module):
        raise Skip(
            "it ignores classes, and conditional runs refuse it in the dry run alone: raise ValueError in check(task) "
            "where task.classes is not None"
        )
    raise Failure("it is built for classes, and labels change nothing of what it gives")


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


@check(
    "discriminator",
    needs=("forward", "leaves-alone"),
    remedy="fill the field of DiscriminatorOutput, or take the word out of provides",
)
def provides(subject: Subject) -> None:
    """Every field that it provides is filled."""
    network = built(subject)
    mixed(network.module, 0.1)
    (images, *others), words = network.inputs(4)
    images.requires_grad_()
    made = as_output(network.module(images, *others, **words), None)
    for word in sorted(subject.part.provides):
        if word in FIELDS:
            _filled(made, word, network.task)
            if word == "embedding":
                _embeds(made, images)
        elif word not in made.extra:
            # Any word may be provided, such as a way to be called; but not a field by almost its name.
            for near in get_close_matches(word, FIELDS, n=1, cutoff=0.8):
                raise Failure(f"it provides '{word}', which is no field of its output", f"did you mean '{near}'?")


def _embeds(made: DiscriminatorOutput, images: Tensor) -> None:
    tensors = [leaf for leaf in tree_leaves(made.embedding) if isinstance(leaf, Tensor)]
    if any(t.dim() != 2 for t in tensors):
        raise Failure(f"its embedding is {shape_of(tensors[0])}: (N, D) is promised", "flatten it, or take the mean")
    for tensor in tensors:
        value = tensor.square().sum() + 0 * images.sum()  # so that there is a gradient, if one of zero
        if not torch.autograd.grad(value, images, retain_graph=True)[0].any():
            raise Failure("no gradient passes from its embedding to the pictures", "give it without detach or no_grad")


def _filled(made: DiscriminatorOutput, word: str, task: Task) -> None:
    value = getattr(made, word)
    tensors = [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
    if not tensors:
        raise Failure(f"it provides '{word}', and does not fill it")
    if any(len(t) != 4 for t in tensors):
        raise Failure(f"its {word} are {shape_of(tensors[0])} for four pictures: their first size must be 4")
    if word == "class_logits" and any(t.shape[1:] != (task.classes,) for t in tensors):
        raise Failure(f"its class_logits are {shape_of(tensors[0])} for {task.classes} classes: (N, K) is promised")


@check(
    *ROLES,
    needs=("forward", "meta"),
    remedy="register_buffer for tensors that are no parameters, with dtypes from the inputs",
)
def moves(subject: Subject) -> None:
    """It goes to another device and to float64 with all that it holds."""
    network = built(subject).to(META)
    with Strays():  # type: ignore[no-untyped-call]
        network(4)
    _double(subject)
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        network = built(subject).to(accelerator)
        verify(network, network(4), 4)


def _double(subject: Subject) -> None:
    single, double = built(subject), built(subject)
    double.module.double()
    for network in (single, double):
        network.module.eval()
    try:
        made = double(4, dtype=torch.float64)
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise Failure(f"in float64 it fails: {text[:200]}", "take dtypes from the inputs: dtype=z.dtype") from None
    for one, other in zip(tensors_of(single(4)), tensors_of(made), strict=True):
        if one.shape != other.shape or not other.isfinite().all():
            raise Failure(f"in float64 it gives {shape_of(other)} that are not all finite")


class Strays(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notices a tensor that was left behind on the CPU when the network moved to the meta device."""

    MOVES = frozenset({"aten::_to_copy", "aten::copy_", "aten::index", "aten::index_put", "aten::index_put_"})

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.dim() > 0]
        if len({t.device for t in tensors}) > 1 and func.name().partition(".")[0] not in self.MOVES:
            left = next(t for t in tensors if t.device.type != "meta")
            raise Failure(f"a tensor of size {tuple(left.shape)} stays behind when the network moves to another device")
        return func(*args, **(kwargs or {}))
