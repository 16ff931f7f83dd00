"""The plugin as ganreg finds it."""

import subprocess
import sys
from importlib.metadata import entry_points

import pluggy
import pytest
from ganreg_datasets import FashionMNIST, FashionMNIST10k, ImageFolder
from pydantic import ValidationError

from ganreg import Dataset, hookspecs


def test_the_entry_point_offers_the_datasets_through_the_hook():
    (entry,) = entry_points(group="ganreg.plugins", name="datasets")
    manager = pluggy.PluginManager("ganreg")
    manager.add_hookspecs(hookspecs)
    manager.register(entry.load())
    manager.check_pending()
    (components,) = manager.hook.ganreg_components()
    assert {component.name for component in components} == {"fashion-mnist-10k", "fashion-mnist", "image-folder"}
    assert all(issubclass(component, Dataset) for component in components)


def test_info_imports_neither_torch_nor_numpy_nor_pillow(tmp_path):
    (tmp_path / "a.png").touch()
    script = f"""
import sys
from ganreg.errors import DataError
from ganreg_datasets import FashionMNIST, FashionMNIST10k, ImageFolder

assert FashionMNIST10k().info().count == 10_000
assert ImageFolder(folder={str(tmp_path)!r}).info().count == 1
for missing in (FashionMNIST(folder={str(tmp_path)!r}), ImageFolder(folder={str(tmp_path / "none")!r})):
    try:
        missing.info()
    except DataError:
        continue
    raise SystemExit("no DataError")
raise SystemExit(" ".join(sys.modules.keys() & {{"torch", "numpy", "PIL", "rich", "platformdirs"}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "\n"), done.stderr


@pytest.mark.parametrize(
    ("component", "parameters"),
    [
        (FashionMNIST10k, {"size": 0}),
        (FashionMNIST10k, {"size": 257}),
        (FashionMNIST10k, {"channels": 2}),
        (FashionMNIST10k, {"folder": "x"}),
        (FashionMNIST, {}),
        (FashionMNIST, {"folder": "x", "split": "validation"}),
        (ImageFolder, {}),
        (ImageFolder, {"folder": "x", "size": None}),
        (ImageFolder, {"folder": "x", "resize": "pad"}),
        (ImageFolder, {"folder": "x", "broken": "ignore"}),
    ],
)
def test_wrong_parameters_are_refused(component, parameters):
    with pytest.raises(ValidationError):
        component(**parameters)


@pytest.mark.parametrize("component", [FashionMNIST10k, FashionMNIST, ImageFolder])
def test_every_parameter_is_described_and_survives_a_round_trip(component):
    made = component() if component is FashionMNIST10k else component(folder="~/pictures")
    assert component.model_validate_json(made.model_dump_json()) == made
    assert all(field.description for field in component.model_fields.values())
    assert component.__doc__
