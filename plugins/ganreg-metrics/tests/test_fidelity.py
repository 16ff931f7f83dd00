"""The same features give the same values as torch-fidelity's own functions, to 1e-4."""

from importlib import import_module

import pytest
import torch
from ganreg_metrics.distances import Manifold, Moments, frechet, inception_score, kernel_distance, polynomial_mmd, prdc

CLOSE = 1e-4


@pytest.mark.parametrize("features", [12, 64, 200])
def test_frechet(fidelity, features):
    fid = import_module("torch_fidelity.metric_fid")
    numbers = torch.Generator().manual_seed(3)
    one = torch.rand(700, features, generator=numbers) ** 2
    other = torch.rand(600, features, generator=numbers) ** 3 + 0.1
    statistics = [fid.fid_features_to_statistics(side.double()) for side in (one, other)]
    expected = fid.fid_statistics_to_metric(*statistics, verbose=False)[fid.KEY_METRIC_FID]
    assert frechet(Moments.of(one), Moments.of(other)) == pytest.approx(expected, rel=CLOSE)


def test_kernel(fidelity, sides):
    kid = import_module("torch_fidelity.metric_kid")
    one, other = (side[:500].double() for side in sides)
    settings = {"kid_subsets": 2, "kid_subset_size": 500, "verbose": False}
    expected = kid.kid_features_to_metric(one, other, **settings)[kid.KEY_METRIC_KID_MEAN]
    assert polynomial_mmd(one, other) == pytest.approx(expected, rel=CLOSE)
    settings = {"kid_subsets": 200, "kid_subset_size": 100, "verbose": False}
    found = kid.kid_features_to_metric(one, other, **settings)
    mean, error = kernel_distance(one, other, subsets=200, size=100)
    assert mean == pytest.approx(found[kid.KEY_METRIC_KID_MEAN], abs=3 * error)
    assert error == pytest.approx(found[kid.KEY_METRIC_KID_STD] * (100 / 400 + 1 / 200) ** 0.5, rel=0.2)


def test_inception_score(fidelity, sides):
    isc = import_module("torch_fidelity.metric_isc")
    logits = sides[0].double()
    found = isc.isc_features_to_metric(logits, splits=5, shuffle=False, rng_seed=0)
    expected = (found[isc.KEY_METRIC_ISC_MEAN], found[isc.KEY_METRIC_ISC_STD])
    assert inception_score(logits, 5) == pytest.approx(expected, rel=CLOSE)


def test_precision_and_recall(fidelity, sides):
    prc = import_module("torch_fidelity.metric_prc")
    fake, real = sides
    found = prc.prc_features_to_metric(
        fake, real, prc_neighborhood=3, prc_batch_size=100, save_cpu_ram=True, verbose=False
    )
    mine = prdc(fake, real, 3)
    expected = {"precision": found[prc.KEY_METRIC_PRECISION], "recall": found[prc.KEY_METRIC_RECALL]}
    assert 0 < expected["recall"] < 1
    assert {name: mine[name] for name in expected} == pytest.approx(expected, rel=CLOSE)
    assert Manifold.of(real, 3).squares.shape == (600,)
