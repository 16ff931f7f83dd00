"""The optimizer that goes with a lazy penalty."""

import pytest
import torch
from ganreg_penalties import Lazy
from pydantic import PositiveFloat

from ganreg import Optimizer, Task, component
from ganreg.errors import SpecError

CLASSIC = pytest.mark.needs("ganreg-classic")
TASK = Task((1, 4, 4), 4)


@pytest.mark.parametrize(("every", "share"), [(1, 1 / 2), (4, 4 / 5), (16, 16 / 17)])
@pytest.mark.parametrize(
    ("name", "others"),
    [
        pytest.param("proofs/tiny-adam", {"eps": 1e-6}, id="tiny"),
        pytest.param("classic/adam", {"eps": 1e-6, "weight_decay": 0.1}, id="classic", marks=CLASSIC),
    ],
)
def test_lr_and_betas_are_corrected_and_nothing_else(name, others, every, share):
    base = component("optimizer", name, lr=2e-3, betas=(0.0, 0.99), **others)
    optimizer = Lazy(base=base, every=every).build(TASK)([torch.nn.Parameter(torch.ones(2))])
    (group,) = optimizer.param_groups
    assert type(optimizer) is torch.optim.Adam
    assert group["lr"] == pytest.approx(2e-3 * share, rel=1e-12)
    assert group["betas"] == pytest.approx((0.0, 0.99**share), rel=1e-12)
    assert {key: group[key] for key in others} == others
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
    "name",
    [
        "proofs/tiny-sgd",
        pytest.param("classic/sgd", marks=CLASSIC),
        pytest.param("classic/rmsprop", marks=CLASSIC),
    ],
)
def test_what_it_cannot_correct_is_refused(name):
    base = component("optimizer", name)
    with pytest.raises(ValueError, match=f"'{base.name}' has no betas to correct"):
        Lazy(base=base)
    with pytest.raises(SpecError, match="has no betas"):
        component("optimizer", "lazy", base=base.name)


def test_in_a_spec_the_message_says_what_to_do_and_no_more(make_match):
    optimizers = {"discriminator": {"name": "lazy", "base": "proofs/tiny-sgd"}, "generator": "proofs/tiny-sgd"}
    with pytest.raises(SpecError) as caught:
        make_match(optimizers=optimizers)
    (mistake,) = caught.value.mistakes
    assert mistake.path == ("optimizers", "discriminator")
    remedy = "name it without 'lazy', or take one that has both, such as adam"
    assert mistake.message == f"'tiny-sgd' has no betas to correct: {remedy}"


def test_a_lazy_one_is_not_corrected_again():
    with pytest.raises(ValueError, match="'lazy' has no lr and no betas"):
        Lazy(base=Lazy(base=Own()))


def test_every_kth_update_has_a_term_k_times_as_large(make_match):
    """The penalty's share of the gradient at the k-th updates, on average that of every update."""
    still = {"name": "proofs/tiny-adam", "lr": 1e-9}
    spec = {"optimizers": {"generator": still, "discriminator": {"name": "lazy", "every": 3, "base": still}}}
    always, lazy = (make_match(penalties=[{"name": "r2", "weight": 2, "every": k}], **spec) for k in (1, 3))
    seen = {1: [], 3: []}
    for every, match in ((1, always), (3, lazy)):
        for _ in range(6):
            match.terms.clear()
            match.update("discriminator")
            match.turns.clear()
            seen[every].append(float(match.terms.get("discriminator/r2", 0)))
    assert [value > 0 for value in seen[3]] == [True, False, False] * 2
    assert sum(seen[3]) == pytest.approx(sum(seen[1]), rel=1e-4)
