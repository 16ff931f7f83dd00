"""A spec that is written reads back to itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganreg
from ganreg.registry import Registry
from ganreg.spec.document import read
from ganreg.spec.validation import validate
from ganreg.spec.writing import to_yaml

REGISTRY = Registry.discover()
EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml"))

specs = st.fixed_dictionaries(
    {
        "data": st.just("fashion-mnist-10k"),
        "generator": st.fixed_dictionaries({"name": st.just("mlp"), "widths": st.lists(st.integers(1, 9), min_size=1)}),
        "discriminator": st.sampled_from(["conv", "mlp", "dcgan", "classic/dcgan"]),
        "loss": st.sampled_from(["minimax", "hinge", "classic/wasserstein"]),
    },
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "latent": st.integers(1, 1000) | st.just({"distribution": "uniform"}),
        "ema": st.none() | st.fixed_dictionaries({"decay": st.floats(0, 0.9999)}),
        "penalties": st.lists(st.fixed_dictionaries({"name": st.just("r1"), "weight": st.floats(0, 1e30)}), max_size=3),
        "optimizers": st.just({"generator": {"name": "sgd", "lr": 1e-5}}),
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


def test_components_are_written_with_their_ids_and_every_default() -> None:
    spec = ganreg.compose(
        registry=REGISTRY, generator="dcgan", discriminator="dcgan", loss="hinge", data="fashion-mnist-10k"
    ).spec
    text = to_yaml(spec, REGISTRY)
    assert "name: classic/dcgan" in text
    assert "name: classic/adam" in text
    assert "precision: fp32" in text
