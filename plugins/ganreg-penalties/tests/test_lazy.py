"""The optimizer that goes with a lazy penalty."""

import pytest
import torch
from ganreg_penalties import Lazy
from pydantic import PositiveFloat

from ganreg import Optimizer, Task, component
from ganreg.errors import SpecError

classic = pytest.importorskip("ganreg_classic", reason="needs ganreg-classic, which is not installed")

TASK = Task((1, 4, 4), 4)


@pytest.mark.parametrize(("every", "share"), [(1, 1 / 2), (4, 4 / 5), (16, 16 / 17)])
def test_lr_and_betas_are_corrected_and_nothing_else(every, share):
    base = classic.Adam(lr=2e-3, betas=(0.0, 0.99), eps=1e-6, weight_decay=0.1)
    optimizer = Lazy(base=base, every=every).build(TASK)([torch.nn.Parameter(torch.ones(2))])
    (group,) = optimizer.param_groups
    assert type(optimizer) is torch.optim.Adam
    assert group["lr"] == pytest.approx(2e-3 * share, rel=1e-12)
    assert group["betas"] == pytest.approx((0.0, 0.99**share), rel=1e-12)
    assert (group["eps"], group["weight_decay"]) == (1e-6, 0.1)
    assert base.lr == 2e-3


class Own(Optimizer, name="own"):
    """A stranger's, with the same words for its settings."""

    lr: PositiveFloat = 0.5
    betas: tuple[float, float] = (0.5, 0.5)

    def build(self, task):
        return lambda weights: torch.optim.AdamW(weights, lr=self.lr, betas=self.betas)


def test_strangers_optimizers_are_corrected_too():
    (group,) = Lazy(base=Own(), every=1).build(TASK)([torch.nn.Parameter(torch.ones(2))]).param_groups
    assert (group["lr"], group["betas"]) == (0.25, (0.5**0.5, 0.5**0.5))


@pytest.mark.parametrize(
    ("base", "lacking"), [(classic.SGD(), "betas"), (classic.RMSprop(), "betas")], ids=["sgd", "rmsprop"]
)
def test_what_it_cannot_correct_is_refused(base, lacking):
    with pytest.raises(ValueError, match=f"'{base.name}' has no {lacking} to correct"):
        Lazy(base=base)
    with pytest.raises(SpecError, match=f"has no {lacking}"):
        component("optimizer", "lazy", base=base.name)


def test_a_lazy_one_is_not_corrected_again():
    with pytest.raises(ValueError, match="'lazy' has no lr and no betas"):
        Lazy(base=Lazy(base=classic.Adam()))


def test_every_kth_update_has_a_term_k_times_as_large(make_match):
    """The penalty's share of the gradient at the k-th updates, on average that of every update."""
    spec = {"optimizers": {"discriminator": {"name": "lazy", "every": 3, "base": {"name": "adam", "lr": 1e-9}}}}
    always, lazy = (make_match(penalties=[{"name": "r2", "weight": 2, "every": k}], **spec) for k in (1, 3))
    seen = {1: [], 3: []}
    for every, match in ((1, always), (3, lazy)):
        for _ in range(6):
            match.terms.clear()
            match.update("discriminator")
            match._turns.clear()
            seen[every].append(float(match.terms.get("discriminator/r2", 0)))
    assert [value > 0 for value in seen[3]] == [True, False, False] * 2
    assert sum(seen[3]) == pytest.approx(sum(seen[1]), rel=1e-4)
