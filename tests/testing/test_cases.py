"""The interface for authors: which cases there are, what they are tried with, and failures that are expected."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

import pytest
from defects.networks import Sigmoid, Unused
from defects.parameters import NoExample, Undescribed
from pydantic import Field
from sound.watchers import Listed

from ganreg import Dataset, Generator, Loss
from ganreg.errors import DataError, PluginError, UsageError
from ganreg.registry import Registry
from ganreg.task import DatasetInfo
from ganreg.testing import Case, Failure, cases

Install = Callable[..., Path]


def case(found: list[Case], check: str, kind: str = "") -> Case:
    (one,) = [c for c in found if c.check.name == check and c.kind in (kind or c.kind, kind)]
    return one


def test_a_case_has_a_name_for_pytest() -> None:
    names = [str(c) for c in cases([Undescribed])]
    assert "generator-undescribed-described" in names
    assert len(names) == len(set(names))
    assert all(" " not in name for name in names)


def test_a_failure_says_what_is_wrong_and_how_to_mend_it() -> None:
    with pytest.raises(Failure) as caught:
        case(cases([Undescribed]), "described").run()
    assert caught.value.message == "no description: width"
    assert str(caught.value) == f"no description: width\n  help: {caught.value.remedy}"
    assert "Field(" in caught.value.remedy


def test_a_result_is_structured() -> None:
    result = case(cases([Undescribed]), "described").result()
    assert (result.kind, result.component, result.check) == ("generator", "undescribed", "described")
    assert (result.status, result.message) == ("failed", "no description: width")
    assert result.seconds >= 0


def test_what_hangs_on_a_failure_is_skipped() -> None:
    found = cases([NoExample])
    with pytest.raises(SkipTest, match="needs 'constructs'"):
        case(found, "round-trip").run()
    statuses = {c.check.name: c.result().status for c in found if c.kind == "loss"}
    assert [name for name, status in statuses.items() if status == "failed"] == ["constructs"]
    assert [name for name, status in statuses.items() if status == "ok"] == ["documented", "described"]


def test_a_check_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cases([Undescribed])
    assert case(found, "round-trip").result() is case(found, "round-trip").result()


def test_an_expected_failure_passes_and_keeps_its_reason() -> None:
    found = cases([Sigmoid], expect_failure={"sigmoid": {"range": "made for a loss of its own"}})
    case(found, "range").run()
    result = case(found, "range").result()
    assert (result.status, result.message) == ("expected", "made for a loss of its own")


def test_an_expected_failure_that_does_not_come_is_a_failure() -> None:
    found = cases([Sigmoid], expect_failure={"generator sigmoid": {"described": "no time"}})
    with pytest.raises(Failure, match=r"expected to fail \(no time\), and passes\n  help: take it out"):
        case(found, "described").run()


def test_what_needs_an_expected_failure_is_skipped_still() -> None:
    found = cases([Unused], expect_failure={"unused": {"gradients": "a spare layer"}})
    with pytest.raises(SkipTest, match="needs 'gradients'"):
        case(found, "plays").run()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"expect_failure": {"nobody": {"range": "why"}}}, "no component here is called 'nobody'"),
        ({"expect_failure": {"sigmoid": {"rnage": "why"}}}, "no check of 'sigmoid' is called 'rnage'"),
        ({"expect_failure": {"sigmoid": {"signs": "why"}}}, "no check of 'sigmoid' is called 'signs'"),
        ({"expect_failure": {"loss sigmoid": {"range": "why"}}}, "no component here is called 'loss sigmoid'"),
        ({"expect_failure": {"sigmoid": {"range": " "}}}, "needs a reason"),
        ({"examples": {"nobody": {"width": 3}}}, "no component here is called 'nobody'"),
    ],
)
def test_what_is_expected_of_nobody_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cases([Sigmoid], **arguments)


def test_a_plugin_that_is_left_out(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("mine", "")
    monkeypatch.setenv("GANREG_PLUGINS", "")
    with pytest.raises(PluginError, match="the plugin 'mine' is installed, but GANREG_PLUGINS leaves it out"):
        cases("mine")


def test_a_plugin_that_is_not_there_or_is_broken(install: Install) -> None:
    install("broken", "import a_module_that_nobody_has")
    with pytest.raises(PluginError, match=r"no plugin 'brken' is installed\n  help: did you mean 'broken'\?"):
        cases("brken")
    with pytest.raises(PluginError, match="a_module_that_nobody_has"):
        cases("broken")


def test_a_distribution_whose_entry_point_is_misspelt(install: Install) -> None:
    info = install("mine", "") / "ganreg_mine-0.1.dist-info"
    (info / "entry_points.txt").write_text("[ganreg.plugin]\nmine = kit_mine\n")
    with pytest.raises(PluginError, match=r"ganreg-mine 0\.1 is installed, but has no entry point 'mine' in the group"):
        cases("mine")


def test_ids_and_names_are_those_of_the_namespace(install: Install) -> None:
    code = "from ganreg import hookimpl\nfrom defects.networks import Sigmoid\n@hookimpl\ndef ganreg_components():\n"
    install("mine", code + "    return [Sigmoid]\n")
    found = cases("mine", expect_failure={"mine/sigmoid": {"range": "on purpose"}})
    assert {(c.kind, c.component) for c in found} == {("plugin", "mine"), ("generator", "mine/sigmoid")}
    assert case(found, "range").result().status == "expected"


class Wide(Generator, name="wide"):
    """Refuses to be tried with its default."""

    width: int = Field(10**9, description="units", examples=[8, 16])
    depth: int = Field(description="layers")

    def build(self, task):
        assert (self.width, self.depth) == (8, 2), "far too large"
        from defects.modules import Maker

        return Maker(task)


def test_examples_of_a_field_and_of_the_call_are_what_a_component_is_tried_with() -> None:
    assert "'depth' is required" in case(cases([Wide]), "constructs").result().message
    for key in ("wide", "generator wide"):
        assert case(cases([Wide], examples={key: {"depth": 2}}), "forward").result().status == "ok"
    assert (
        "far too large" in case(cases([Wide], examples={"wide": {"depth": 2, "width": 9}}), "builds").result().message
    )


class Folder(Dataset, name="folder"):
    """Pictures in the sub-folders of a folder."""

    folder: Path = Field(description="where they are")

    def info(self):
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder")
        classes = tuple(sorted(path.name for path in self.folder.iterdir()))
        return DatasetInfo((3, 20, 20), len(list(self.folder.glob("*/*.png"))), classes)

    def build(self, task):
        import numpy as np
        import torch
        from PIL import Image

        from ganreg import Batch

        files = sorted(self.folder.glob("*/*.png"))
        pictures = torch.stack([torch.from_numpy(np.array(Image.open(file))).movedim(2, 0) for file in files])
        return Batch(pictures, torch.tensor([self.info().classes.index(file.parent.name) for file in files]))


def test_a_required_path_is_a_folder_of_pictures() -> None:
    assert [str(c) for c in cases([Folder]) if c.kind == "dataset" and c.result().status != "ok"] == []


def test_data_that_is_not_here_is_a_skip_with_its_reason() -> None:
    found = [c.result() for c in cases([Listed]) if c.kind == "dataset"]
    assert [result for result in found if result.status == "failed"] == []
    (reason,) = [result.message for result in found if "not here" in result.message]
    assert reason == "its data is not here: /nowhere/names.txt: No such file or directory"


def test_components_find_their_partners_in_other_plugins(install: Install) -> None:
    code = """
from ganreg import Discriminator, hookimpl

class Again(Discriminator, name="again"):
    \"\"\"Provides what the loss needs.\"\"\"
    provides = frozenset({"again"})

    def build(self, task):
        from sound.modules import Autoencoder

        return Autoencoder(task)

@hookimpl
def ganreg_components():
    return [Again]
"""
    from sound.losses import Again

    assert case(cases([Again], registry=Registry({})), "requires").result().status == "failed"
    install("partner", code)
    assert [str(c) for c in cases([Again]) if c.kind == "loss" and c.result().status != "ok"] == []


class Based(Loss, name="based"):
    """A loss of another, L = L_base, by name."""

    base: Loss = Field("wasserstein-of-nobody", description="the other")


def test_a_default_that_is_nowhere_is_a_failure_with_the_name() -> None:
    result = case(cases([Based], registry=Registry({})), "constructs").result()
    assert "no loss is called 'wasserstein-of-nobody'" in result.message


def test_the_kit_leaves_threads_and_generators_as_they_were() -> None:
    import random

    import torch

    before = torch.get_num_threads(), torch.get_rng_state(), random.getstate()
    for one in cases([Sigmoid]):
        if str(one).startswith("generator-"):  # the plugin's have processes of their own
            one.result()
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert random.getstate() == before[2]


@pytest.mark.parametrize("module", ["ganreg.testing", "ganreg.testing.pytest_plugin", "ganreg.testing.partners"])
def test_the_kit_imports_no_torch_before_it_is_used(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Half(Loss, name="half"):
    """Half of another loss."""

    base: Loss = Field("classic/hinge", description="the loss that is halved")
    share: float = Field(0.5, description="how much of it")


def test_a_part_that_is_tried_with_an_absent_plugin_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANREG_PLUGINS", "proofs")
    result = case(cases([Half]), "constructs").result()
    assert result.status == "skipped"
    assert "ganreg-classic" in result.message
    assert ": base: no loss is called 'classic/hinge'" in result.message
    for examples in ({"base": "elsewhere/hinge"}, {"share": "much"}):
        assert case(cases([Half], examples={"half": examples}), "constructs").result().status == "failed"
    assert case(cases([Half], examples={"half": {"base": "proofs/tiny-hinge"}}), "constructs").result().status == "ok"
