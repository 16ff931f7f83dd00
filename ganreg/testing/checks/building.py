"""What `build(task)` promises."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ganreg.assembly import SHAPED, unshaped
from ganreg.batch import Batch
from ganreg.components import EVENTS, KINDS
from ganreg.rng import rekey, untouched
from ganreg.spec.compatibility import ROLES
from ganreg.testing.check import Failure, check
from ganreg.testing.files import present
from ganreg.testing.network import build, same_tensors
from ganreg.testing.suite import Subject

FACTORY = "return functools.partial(torch.optim.Adam, lr=self.lr)"
"""What an optimizer's build does."""
METHODS = {
    "loss": (("discriminator", "generator"),),
    "penalty": (("__call__",), ("after_update",)),
    "augmentation": (("__call__",),),
    "schedule": (("step",),),
    "game": (("terms",),),
    "metric": (("__call__",),),
    "extractor": (("__call__",),),
    "observer": tuple((event,) for event in EVENTS),
}
"""Per kind the methods of which what is built has these, or those."""


@check(
    needs=("constructs", "tasks", "info"), remedy="let build(task) return what its kind promises, or leave build out"
)
def builds(subject: Subject) -> None:
    """build(task) returns what the kind promises."""
    built = present(lambda: build(subject.make(), subject.task))
    if subject.kind in ROLES:
        if not isinstance(built, nn.Module):
            raise Failure(f"it builds a {type(built).__name__}, not a torch.nn.Module")
        if lazy := unshaped(built):
            raise Failure(f"its network has a weight that takes its shape from the first batch, '{lazy}'", SHAPED)
        if not any(p.requires_grad for p in built.parameters()):
            raise Failure("its network has no trainable parameter", "make weights nn.Parameter")
    elif subject.kind == "optimizer":
        if not callable(built):
            raise Failure(
                f"it builds a {type(built).__name__}, not a function from parameters to an optimizer", FACTORY
            )
        made = built([nn.Parameter(torch.zeros(2))])
        if not isinstance(made, torch.optim.Optimizer):
            raise Failure(
                f"what it builds makes a {type(made).__name__} of parameters, not a torch.optim.Optimizer",
                FACTORY,
            )
    elif subject.kind == "dataset":
        if not isinstance(built, Batch) and not (hasattr(built, "__len__") and hasattr(built, "batch")):
            raise Failure(f"it builds a {type(built).__name__}: neither a Batch nor an object with __len__ and batch")
    elif not any(all(_has(built, method, subject) for method in methods) for methods in METHODS[subject.kind]):
        wanted = " or ".join(" and ".join(methods) for methods in METHODS[subject.kind])
        raise Failure(f"what it builds ({type(built).__name__}) has no {wanted} of its own", f"define {wanted}")


def _has(built: Any, method: str, subject: Subject) -> bool:
    """Whether it has a method that is not the kind's own empty one; a module's `forward` is what calling it does."""
    own = getattr(type(built), method, None) or getattr(built, method, None)
    return callable(own) and own is not getattr(KINDS[subject.kind], method, None)


@check(
    *("generator", "discriminator", "encoder", "loss", "penalty", "augmentation", "schedule", "game"),
    needs=("builds",),
    remedy="draw weights with torch's global generator, which the engine seeds, and with nothing else",
)
def seeded(subject: Subject) -> None:
    """What it builds depends on the seed alone."""
    one, other = _state(subject, 1, 11), _state(subject, 1, 22)
    different = same_tensors(one[0], other[0])
    if different:
        raise Failure(f"built twice from one seed, '{different[0]}' differs")
    third = _state(subject, 2, 33)
    if one[2] and third[2] and torch.equal(one[1], third[1]):
        raise Failure(
            "it seeds torch's global generator itself: no seed of a run changes it", "leave seeding to ganreg"
        )


def _state(subject: Subject, seed: int, elsewhere: int) -> tuple[dict[str, Any], Any, bool]:
    """The built state, torch's generator after building, and whether it has been used; other generators vary."""
    rekey(elsewhere)
    with untouched():
        rekey(seed)
        before = torch.get_rng_state()
        built = subject.make().build(subject.task)
        after = torch.get_rng_state()
    state = {k: v.clone() for k, v in built.state_dict().items()} if isinstance(built, nn.Module) else {}
    return state, after, not torch.equal(before, after)
