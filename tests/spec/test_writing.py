"""A spec that is written reads back to itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganreg
from ganreg.registry import Registry
from ganreg.spec.document import read
from ganreg.spec.validation import validate
from ganreg.spec.writing import to_yaml

REGISTRY = Registry.discover()

moments = st.lists(st.floats(0, 0.9999), min_size=2, max_size=2)
specs = st.fixed_dictionaries(
    {
        "data": st.just({"name": "tiny-pictures", "classes": 3}),
        "generator": st.fixed_dictionaries({"name": st.just("tiny-generator"), "width": st.integers(1, 9)}),
        "discriminator": st.sampled_from(["tiny-discriminator", "proofs/tiny-discriminator"]),
        "loss": st.sampled_from(["tiny-hinge", "proofs/tiny-wasserstein", "tiny-relativistic"]),
        "game": st.just("tiny-standard"),
        "schedule": st.sampled_from(["tiny-alternating", "proofs/tiny-extragradient"]),
        "optimizers": st.fixed_dictionaries(
            {
                "generator": st.just({"name": "tiny-sgd", "lr": 1e-5}),
                "discriminator": st.fixed_dictionaries({"name": st.just("tiny-adam"), "betas": moments}),
            }
        ),
    },
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "latent": st.integers(1, 1000) | st.just({"distribution": "uniform"}),
        "ema": st.none() | st.fixed_dictionaries({"decay": st.floats(0, 0.9999)}),
        "penalties": st.lists(st.fixed_dictionaries({"name": st.just("tiny-r1"), "weight": st.floats(0)}), max_size=3),
        "conditional": st.booleans(),
    },
)


@given(specs)
def test_it_reads_back_to_an_equal_spec(tmp_path_factory: pytest.TempPathFactory, spec: dict[str, object]) -> None:
    made = ganreg.compose(registry=REGISTRY, **spec).spec
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(to_yaml(made, REGISTRY), encoding="utf-8")
    again = validate(read(path), REGISTRY)
    assert again == made
    assert to_yaml(again, REGISTRY) == path.read_text(encoding="utf-8")


def test_components_are_written_with_their_ids_and_every_default(composition: dict[str, Any]) -> None:
    text = to_yaml(ganreg.compose(registry=REGISTRY, **composition).spec, REGISTRY)
    assert "name: proofs/tiny-generator" in text
    assert "name: proofs/tiny-adam" in text
    assert "precision: fp32" in text
