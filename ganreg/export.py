"""A trained generator as a file for others: a program that needs neither ganreg nor the plugin, or its weights."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn

from ganreg.engine.disk import writing
from ganreg.engine.ema import copied
from ganreg.engine.match import Match
from ganreg.errors import PluginError, UsageError, brief
from ganreg.task import Task

COUNTS = (1, 2, 3, 5, 8, 33)
"""Pictures of the batches that a file is compared on: one, as few as it was traced with, and others of every kind."""
TOLERANCE = 1e-4
"""Largest difference of a value in [-1, 1] between a file's pictures and the run's."""
NOISE = "\n  help: the generator draws noise of its own, in its forward; --format pt2 draws its noise as torch does"


@dataclass(frozen=True)
class Exported:
    """A file that was written and compared with the run. difference: the largest one, of values in [-1, 1]."""

    path: Path
    network: str
    step: int
    inputs: Mapping[str, tuple[int, ...]]
    bytes: int
    pictures: int
    difference: float


class Sampler(nn.Module):
    """A generator as the game samples from it: z (N, latent), then labels (N,) and source pictures where it has them.

    On the host and in evaluation mode; pictures (N, C, H, W) in [-1, 1].
    """

    def __init__(self, match: Match, network: str) -> None:
        super().__init__()
        self.task = task = match.spec.game.task_for(network, match.parts.task)
        self.network = copied(match.generators[network]).cpu().eval()
        self.game = match.spec.game
        self.inputs = ("z", *(["labels"] if task.classes is not None else []), *(["source"] if task.source else []))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Pictures from the inputs, in their order, which stay as they are: a network may write into its z."""
        given = dict(zip(self.inputs, (value.clone() for value in inputs), strict=True))
        images: Tensor = self.game.sample(self.network, given["z"], given.get("labels"), given.get("source"))
        return images.float().clamp(-1, 1)


def export(match: Match, path: Path, network: str | None = None) -> Exported:
    """Write a match's generator, its moving average where there is one, and compare the file with it.

    network: which one, of a game with several; the first by default.
    path: .pt2 is a program for `torch.export.load`, .onnx one for any runtime of ONNX, .safetensors the weights alone.
    What the file holds beside them, under "ganreg", is JSON: the generator, its network, the step and the inputs.
    Nothing is left under the path where that fails: PluginError where the generator cannot be exported or the file
    makes other pictures, UsageError for another ending or network or where a package is missing, RunFolderError where
    the path cannot be written.
    """
    network = network or next(iter(match.generators))
    if network not in match.generators:
        raise UsageError(f"the game has no generator '{network}'; it has {', '.join(match.generators)}")
    if path.suffix not in FORMATS:
        raise UsageError(f"'{path.name}' has none of the endings {', '.join(FORMATS)}")
    sampler = Sampler(match, network)
    given = partial(_inputs, match, sampler.task)
    inputs = {name: tuple(value.shape[1:]) for name, value in zip(sampler.inputs, given(1), strict=True)}
    facts = {"format": 1, "generator": match.spec.generator.name, "network": network, "step": match.step_index}
    facts |= {"inputs": inputs, "latent": match.spec.latent.distribution, "classes": match.parts.task.classes}
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    with _quiet(), writing(path), torch.no_grad(), torch.random.fork_rng([]):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.touch()  # what cannot be written is an OSError here, and who knows what in a library
            reopened = FORMATS[path.suffix](sampler, given(2), temporary, json.dumps(facts))
            found = [_difference(sampler, reopened, given(count), path.suffix) for count in COUNTS]
            difference = torch.tensor(found, dtype=torch.float64).max().item()  # NaN where one is, unlike Python's
            if not difference <= TOLERANCE:
                what = f"the exported generator's pictures differ from the run's by up to {difference:.1e}"
                raise PluginError(what + (NOISE if _draws(sampler, given(2)) else ""))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return Exported(path, network, match.step_index, inputs, path.stat().st_size, sum(COUNTS), difference)


def _inputs(match: Match, task: Task, count: int) -> tuple[Tensor, ...]:
    found = [match.noise(count, "export", count).cpu()]
    if task.classes is not None:
        found.append(torch.arange(count) % task.classes)
    if task.source:
        source = torch.linspace(-1, 1, count * torch.Size(task.source).numel()).view(count, *task.source)
        found.append(match.current_stage.fit(source))
    return tuple(found)


def _difference(sampler: nn.Module, other: Callable[..., Tensor], inputs: tuple[Tensor, ...], ending: str) -> float:
    torch.manual_seed(0)  # a generator may draw noise of its own
    one = sampler(*inputs)
    torch.manual_seed(0)
    try:
        another = other(*inputs)
    except Exception as error:
        instead = " or ".join(f"--format {name[1:]}" for name in FORMATS if name != ending)
        raise PluginError(
            f"the exported generator fails with a batch of {len(one)}: {type(error).__name__}: {brief(error)}\n"
            f"  help: {instead} may take batches of any size"
        ) from error
    return (one - another).abs().max().item() if one.shape == another.shape else float("inf")


def _draws(sampler: nn.Module, inputs: tuple[Tensor, ...]) -> bool:
    """Whether pictures depend on more than the inputs."""
    torch.manual_seed(0)  # and go on from there
    return not torch.equal(sampler(*inputs), sampler(*inputs))


def _program(sampler: Sampler, inputs: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    """The sampler as a graph, for batches of any size."""
    shapes = (({0: torch.export.Dim("batch", min=1)},) * len(inputs),)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a transformer's layer would be one operation of torch's alone
    try:
        return torch.export.export(sampler, inputs, dynamic_shapes=shapes)
    except Exception as error:
        with suppress(Exception):  # reading the code gets by where tracing does not, as with `len(z)`
            return torch.export.export(sampler, inputs, dynamic_shapes=shapes, strict=True)
        raise PluginError(
            f"the generator cannot be traced: {type(error).__name__}: {brief(error)}\n"
            "  help: --format safetensors writes its weights"
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _pt2(sampler: Sampler, inputs: tuple[Tensor, ...], path: Path, facts: str) -> Callable[..., Tensor]:
    torch.export.save(_program(sampler, inputs), path, extra_files={"ganreg": facts})
    return torch.export.load(path).module()


def _onnx(sampler: Sampler, inputs: tuple[Tensor, ...], path: Path, facts: str) -> Callable[..., Tensor]:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - what torch.onnx writes with
    except ImportError as error:
        raise UsageError(f"there is no package {error.name} here\n  help: pip install 'ganreg[onnx]'") from None
    graph = _program(sampler, inputs)
    try:
        program = torch.onnx.export(graph, input_names=sampler.inputs, output_names=["images"], verbose=False)
        assert program is not None
        program.model.metadata_props["ganreg"] = facts
        program.save(path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except OSError:
        raise
    except Exception as error:
        reason = brief(_root(error))
        if "SymbolicTensor" in reason:  # as torch calls a number that follows from the batch
            reason = f"ONNX fixes what follows from the batch's size here, such as groups of a convolution ({reason})"
        raise PluginError(
            f"the generator cannot be said in ONNX: {reason}\n  help: --format pt2 writes it as a program of torch's"
        ) from error

    def run(*given: Tensor) -> Tensor:
        named = {name: value.numpy() for name, value in zip(sampler.inputs, given, strict=True)}
        return torch.from_numpy(session.run(["images"], named)[0])

    return run


def _root(error: BaseException) -> BaseException:
    """What an error came from in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _safetensors(sampler: Sampler, inputs: tuple[Tensor, ...], path: Path, facts: str) -> Callable[..., Tensor]:
    from safetensors.torch import load_file, save

    state = sampler.network.state_dict()
    if odd := next((name for name, value in state.items() if not isinstance(value, Tensor)), None):
        raise PluginError(
            f"the generator's state has '{odd}', which is no tensor and stands in no safetensors file\n"
            "  help: --format pt2 writes it as a program of torch's"
        )
    weights = {name: value.clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    path.write_bytes(save(weights, metadata={"ganreg": facts}))  # `save_file` makes a file that nobody else may read
    again = deepcopy(sampler)
    for value in again.network.state_dict().values():
        value.zero_()
    again.network.load_state_dict(load_file(path))
    return again


Write = Callable[[Sampler, tuple[Tensor, ...], Path, str], Callable[..., Tensor]]
FORMATS: Mapping[str, Write] = {".pt2": _pt2, ".onnx": _onnx, ".safetensors": _safetensors}
"""How each is written, by the ending; what was written then, as it is read back."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters talk about themselves, by loggers and without."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
