"""A trained generator as a file that others can use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ganreg import Generator
from ganreg.api import Run
from ganreg.cli import main
from ganreg.errors import PluginError, RunFolderError, UsageError
from tests.conftest import Tiny


def pictures(run: Run, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
    network = next(iter(run.training.match.generators.values())).eval()
    with torch.no_grad():
        return network(z, labels).clamp(-1, 1)


@pytest.fixture(params=[False, True], ids=["unconditional", "conditional"])
def trained(request: pytest.FixtureRequest, tiny: Tiny) -> tuple[Run, tuple[torch.Tensor, ...]]:
    """A run, and inputs of its generator."""
    run = tiny(conditional=request.param, generator={"name": "tiny-generator", "normalized": True}).train()
    return run, (torch.randn(7, 8), *([torch.arange(7)] if request.param else []))


def test_a_program_runs_without_ganreg(trained: tuple[Run, tuple[torch.Tensor, ...]], tmp_path: Path) -> None:
    run, inputs = trained
    made = run.export(tmp_path / "generator.pt2")
    assert (made.difference, made.pictures, made.step) == (0, 52, 6)
    assert made.bytes == made.path.stat().st_size
    program = torch.export.load(made.path).module()
    assert torch.equal(program(*inputs), pictures(run, inputs[0], *(inputs[1:] or [None])))
    blind = "import sys; sys.modules['ganreg'] = None; import torch; torch.export.load(sys.argv[1]).module()"
    subprocess.run([sys.executable, "-c", blind, made.path], cwd=tmp_path, check=True, timeout=300)


def test_onnx_runs_elsewhere(trained: tuple[Run, tuple[torch.Tensor, ...]], tmp_path: Path) -> None:
    import onnxruntime

    run, inputs = trained
    made = run.export(tmp_path / "generator.onnx")
    assert made.difference < 1e-5
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    named = {given.name: value.numpy() for given, value in zip(session.get_inputs(), inputs, strict=True)}
    expected = pictures(run, inputs[0], *(inputs[1:] or [None]))
    torch.testing.assert_close(torch.from_numpy(session.run(None, named)[0]), expected, atol=1e-5, rtol=0)
    facts = json.loads(session.get_modelmeta().custom_metadata_map["ganreg"])
    assert facts["inputs"] == {name: list(shape) for name, shape in made.inputs.items()}


def test_weights_are_those_of_the_average(trained: tuple[Run, tuple[torch.Tensor, ...]], tmp_path: Path) -> None:
    from safetensors import safe_open

    run, _ = trained
    made = run.export(tmp_path / "deep" / "generator.safetensors")
    network = next(iter(run.training.match.ema.networks.values()))
    with safe_open(made.path, "pt") as file:
        assert {name: file.get_tensor(name).tolist() for name in file.keys()} == {  # noqa: SIM118 - it is no mapping
            name: value.tolist() for name, value in network.state_dict().items()
        }
        assert json.loads(file.metadata()["ganreg"])["generator"] == "tiny-generator"


def test_source_pictures_are_an_input(tmp_path: Path) -> None:
    import ganreg

    run = ganreg.compose(
        data="tiny-unpaired",
        game="tiny-cyclegan",
        generator="tiny-translator",
        discriminator="tiny-patches",
        loss="tiny-least-squares",
        schedule="tiny-alternating",
        optimizers=dict.fromkeys(("generator", "discriminator"), "tiny-adam"),
        train={"steps": 1, "batch_size": 2, "device": "cpu"},
        output={"folder": tmp_path / "run"},
    ).train()
    made = run.export(tmp_path / "generator.pt2")
    source = torch.rand(3, *made.inputs["source"])
    assert torch.export.load(made.path).module()(torch.zeros(3, *made.inputs["z"]), source).shape[0] == 3
    run.training.match.stage(0, 4)
    assert run.export(tmp_path / "young.safetensors").inputs["source"][1:] == (4, 4)


class Network(nn.Module):
    """Its pictures depend on z, in the way that is asked for."""

    def __init__(self, image, way):
        super().__init__()
        self.image, self.way = image, way
        self.weight = nn.Parameter(torch.zeros(image))

    def get_extra_state(self):
        return {"way": self.way}

    def set_extra_state(self, state):
        assert state == {"way": self.way}

    def forward(self, z, labels=None):
        if self.way == "branch" and z.sum() > 0:
            z = -z
        start = self.weight.expand(len(z), *self.image) if self.way == "count" else self.weight
        if self.way == "complex":
            z = torch.einsum("nk,k->nk", torch.complex(z, z), torch.ones(z.shape[1], dtype=torch.complex64)).real
        if self.way == "pad":
            count = z.shape[0]
            z = torch.cat([z, z.new_zeros((-count) % 4, z.shape[1])])[:count]
        if self.way == "write":
            z.mul_(2)
        if self.way == "groups":  # one for each picture, as a modulated convolution has them
            z = torch.conv1d(z[None], self.weight.mean().expand(len(z), 1, 1) + 1, groups=len(z))[0]
        images = (3 if self.way == "loud" else 1) * torch.tanh(start + z.mean(dim=1)[:, None, None, None])
        return images + torch.rand_like(images) / 9 if self.way == "noise" else images


class Wayward(Generator, name="wayward"):
    """A generator with a whim."""

    way: str = "branch"

    def build(self, task):
        return Network(task.image, self.way)


def test_what_cannot_be_traced_is_refused_and_leaves_nothing(
    tiny: Tiny, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tiny(generator=Wayward())
    training = run.assemble()
    run.training = training
    with pytest.raises(PluginError, match=r"(?s)cannot be traced: .*safetensors writes its weights"):
        run.export(tmp_path / "generator.pt2")
    assert not list(tmp_path.glob("*generator*"))
    with pytest.raises(PluginError, match=r"state has '_extra_state', which is no tensor .*\n.*--format pt2"):
        run.export(tmp_path / "generator.safetensors")
    assert not list(tmp_path.glob("*generator*"))
    assert capfd.readouterr() == ("", ""), "torch tells of it at length"


def test_pictures_from_a_file_lie_in_the_range_of_the_runs(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Wayward(way="loud"))
    run.training = run.assemble()
    program = torch.export.load(run.export(tmp_path / "generator.pt2").path).module()
    assert program(torch.full((3, 8), 9.0)).max() == 1
    assert run.sample(9).abs().max() == 1


def test_a_program_that_takes_some_batches_alone_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    """Tracing bakes in what was true of the batch that it saw, and says no word of it."""
    run = tiny(generator=Wayward(way="pad"))
    run.training = run.assemble()
    with pytest.raises(
        PluginError, match=r"(?s)fails with a batch of 3: .*help: --format onnx or --format safetensors"
    ):
        run.export(tmp_path / "generator.pt2")
    assert not list(tmp_path.glob("*generator*"))


def test_a_generator_that_counts_its_batch_makes_batches_of_any_size(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Wayward(way="count"))
    run.training = run.assemble()
    made = run.export(tmp_path / "generator.pt2")
    assert torch.export.load(made.path).module()(torch.zeros(9, 8)).shape == (9, 1, 28, 28)


def test_what_onnx_has_no_words_for_is_refused_in_a_sentence(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Wayward(way="complex"))
    run.training = run.assemble()
    with pytest.raises(PluginError, match=r"(?s)cannot be said in ONNX: .*einsum.*\n  help: --format pt2") as refused:
        run.export(tmp_path / "generator.onnx")
    assert len(str(refused.value)) < 500
    assert not list(tmp_path.glob("*generator*"))
    assert run.export(tmp_path / "generator.pt2").difference == 0


class AttentiveNetwork(nn.Module):
    def __init__(self, latent, image):
        super().__init__()
        self.image = image
        self.layer = nn.TransformerEncoderLayer(latent, 2, 16, batch_first=True)
        self.last = nn.Linear(latent, image[0] * image[1] * image[2])

    def forward(self, z, labels=None):
        return self.last(self.layer(z[:, None])[:, 0]).view(-1, *self.image).tanh()


class Attentive(Generator, name="attentive"):
    """A layer of a transformer, which torch has a single operation for where nothing is differentiated."""

    def build(self, task):
        return AttentiveNetwork(task.latent, task.image)


def test_a_transformer_is_written_in_operations_that_others_know(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Attentive())
    run.training = run.assemble()
    assert run.export(tmp_path / "generator.onnx").difference < 1e-5
    made = run.export(tmp_path / "generator.pt2")
    assert "_transformer_encoder_layer_fwd" not in str(torch.export.load(made.path).graph)
    assert torch.backends.mha.get_fastpath_enabled()


class ConvolvingNetwork(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.last = nn.Conv2d(latent, 1, 3, padding=1)

    def forward(self, z, labels=None):
        return self.last(z[:, :, None, None].expand(-1, -1, 28, 28)).tanh()


class Convolving(Generator, name="convolving"):
    """One convolution whose order in the memory matters."""

    def build(self, task):
        return ConvolvingNetwork(task.latent)


def test_weights_in_an_order_of_their_own_are_written_as_others_read_them(tiny: Tiny, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run = tiny(generator=Convolving(), train={"channels_last": True, "steps": 1}).train()
    weights = next(iter(run.training.match.generators.values())).state_dict()
    assert not weights["last.weight"].is_contiguous()
    path = run.export(tmp_path / "generator.safetensors").path
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
    written = load_file(path)
    assert all(torch.equal(written[name], value) for name, value in weights.items())


class Undefined(Generator, name="undefined"):
    """No numbers for a batch of three."""

    def build(self, task):
        network = ConvolvingNetwork(task.latent)
        network.register_forward_hook(lambda _, given, images: images * (torch.nan if len(images) == 3 else 1))
        return network


def test_pictures_that_are_no_numbers_compare_with_none(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Undefined())
    run.training = run.assemble()
    with pytest.raises(PluginError, match="pictures differ from the run's by up to nan"):
        run.export(tmp_path / "generator.safetensors")


class Normalized(Generator, name="normalized"):
    """A weight that is computed from others, as by torch's older function."""

    def build(self, task):
        network = ConvolvingNetwork(task.latent)
        network.last = nn.utils.weight_norm(network.last)
        return network


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("ending", ["pt2", "safetensors"])
def test_a_generator_without_an_average_makes_pictures_without_gradients(
    ending: str, tiny: Tiny, tmp_path: Path
) -> None:
    run = tiny(generator=Normalized(), ema=None).train()
    assert run.export(tmp_path / f"here.{ending}").difference == 0
    run.training = None
    made = run.export(tmp_path / f"later.{ending}")
    assert made.difference == 0
    if ending == "pt2":
        assert not torch.export.load(made.path).module()(torch.randn(3, 8)).requires_grad


def test_noise_of_its_own_is_no_difference(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Wayward(way="noise"))
    run.training = run.assemble()
    assert run.export(tmp_path / "generator.pt2").difference == 0
    with pytest.raises(PluginError, match=r"(?s)pictures differ .* --format pt2 draws its noise"):
        run.export(tmp_path / "generator.onnx")
    assert not (tmp_path / "generator.onnx").exists()


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_a_generator_that_writes_into_its_noise_is_the_same_in_the_file(
    ending: str, tiny: Tiny, tmp_path: Path
) -> None:
    run = tiny(generator=Wayward(way="write"))
    run.training = run.assemble()
    made = run.export(tmp_path / f"generator.{ending}")
    assert made.difference < 1e-5
    if ending == "pt2":
        z = torch.ones(3, 8)
        torch.export.load(made.path).module()(z)
        assert torch.equal(z, torch.ones(3, 8))


def test_sizes_that_follow_from_the_batch_are_told_where_onnx_fixes_them(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(generator=Wayward(way="groups"))
    run.training = run.assemble()
    with pytest.raises(PluginError, match=r"(?s)cannot be said in ONNX: .*groups of a convolution .*--format pt2"):
        run.export(tmp_path / "generator.onnx")
    assert run.export(tmp_path / "generator.pt2").difference == 0


def test_a_place_that_cannot_be_written_and_a_format_that_is_none(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny().train()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot write .*generator\.pt2"):
        run.export(tmp_path / "file" / "generator.pt2")
    with pytest.raises(UsageError, match=r"'generator\.pkl' has none of the endings \.pt2, \.onnx, \.safetensors"):
        run.export(tmp_path / "generator.pkl")


def test_the_command(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    run = tiny().train()
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run.folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out == "generator.pt2\n"
    assert "takes z (N, 8); " in shown.err
    assert "read back: 52 pictures differ by at most 0.0e+00" in shown.err
    assert main(["export", str(run.folder), "--format", "safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == "generator.safetensors"
    for options in (("--out", str(run.folder / "spec.yaml" / "x.pt2")), ("--out", "x.pt2", "--format", "onnx")):
        assert main(["export", str(run.folder), *options]) == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_each_generator_of_a_game_with_several(tiny: Tiny, tmp_path: Path) -> None:
    run = tiny(
        data={"name": "tiny-unpaired"},
        game="tiny-cyclegan",
        generator="tiny-translator",
        discriminator="tiny-patches",
        loss="tiny-least-squares",
    ).train()
    shapes = {}
    for network in ("generator_ab", "generator_ba"):
        made = run.export(tmp_path / f"{network}.pt2", network=network)
        assert (made.network, made.difference) == (network, 0)
        shapes[network] = made.inputs["source"]
        program = torch.export.load(made.path).module()
        assert program(torch.randn(3, 8), torch.rand(3, *made.inputs["source"])).shape[1:] != made.inputs["source"]
    assert shapes == {"generator_ab": (1, 8, 8), "generator_ba": (3, 8, 8)}
    assert run.export(tmp_path / "first.pt2").network == "generator_ab"
    with pytest.raises(UsageError, match="no generator 'generator_c'; it has generator_ab, generator_ba"):
        run.export(tmp_path / "third.pt2", network="generator_c")
