"""Damage or forge a checkpoint again and again: it is loaded equal, or refused and the one before it is loaded whole.

    python -m tests.crash.checkpoints --mutations 10000

Half of the mutations are forged: the manifest is written anew, so that everything verifies and only what is in it is
wrong. Each goes through `ganreg sample` and through the engine's own loading; those that are loaded, and each tenth
of the others, through `ganreg resume` too, which trains another step.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

import ganreg
from ganreg.engine.checkpoints import read
from ganreg.engine.state import same
from ganreg.errors import CheckpointError
from tests.crash.campaign import arguments, compose
from tests.crash.fuzzing import Summary, campaign_command, command, fuzz
from tests.crash.mutations import HOSTILE, mutate_bytes, mutate_data, nested

STEPS = 3
"""Of the whole run. The checkpoint of the last but one is mutated, and the one before it is what else there is."""
NEW, OLD, LAST = (f"{step:08d}" for step in (STEPS - 1, STEPS - 2, STEPS))
TENSORS = ("networks.safetensors", "ema.safetensors", "training.safetensors")
BAIT = "outside"
"""A folder beside the run's that nothing may read."""
SCENARIO = "conditional, lazy r1"

opened: list[str] = []


def seal(folder: Path, **changes: Any) -> None:
    """Write the manifest that verifies what a checkpoint now holds; changes replace what it says."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    files.pop("manifest.json", None)
    content = {"format": 1, "step": int(folder.name), "files": files, **changes}
    digest = sha256(json.dumps(content).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**content, "digest": digest}))


# Damage, which the digests tell.


def any_bytes(folder: Path, luck: random.Random) -> None:
    path = luck.choice(sorted(folder.iterdir()))
    path.write_bytes(mutate_bytes(path.read_bytes(), luck))


def other_file(folder: Path, luck: random.Random) -> None:
    """A file that is gone, empty, another checkpoint's, a link, a folder or a pipe."""
    path = luck.choice(sorted(folder.iterdir()))
    content = path.read_bytes()
    path.unlink()
    match luck.randrange(6):
        case 0:
            path.touch()
        case 1:
            shutil.copy(folder.parent / OLD / path.name, path)
        case 2:
            bait = folder.parents[2] / BAIT / path.name
            bait.write_bytes(content)
            path.symlink_to(bait)
        case 3:
            path.mkdir()
        case 4:
            os.mkfifo(path)


def other_folder(folder: Path, luck: random.Random) -> None:
    """A checkpoint under another's name, another under its own, or an empty one."""
    old = folder.parent / OLD
    match luck.randrange(3):
        case 0:
            folder.rename(folder.with_name(luck.choice(["00000009", "2", "٣", "99999999999999999999"])))
        case 1:
            shutil.rmtree(folder)
            shutil.copytree(old, folder)
        case 2:
            shutil.rmtree(folder)
            folder.mkdir()


# Forgery, which they do not.


def forged_manifest(folder: Path, luck: random.Random) -> None:
    files = dict.fromkeys((*TENSORS, "state.json"), "0" * 64)
    bait = sha256((folder.parents[2] / BAIT / "secret").read_bytes()).hexdigest()
    value = luck.choice(HOSTILE)
    changes: list[dict[str, Any]] = [
        {"step": value},
        {"format": value},
        {"files": value},
        {"files": {}},
        {"files": {**files, f"../../../{BAIT}/secret": bait}},
        {"files": {str((folder.parents[2] / BAIT / "secret").resolve()): bait}},
        {"files": {f"{number}": bait for number in range(100_000)}},
        {"files": dict.fromkeys(files, value)},
        {"files": {"\x1b[31mstate.json\x00": bait}},
        {"files": nested(luck.choice([10, 100_000]))} if luck.random() < 0.5 else {"step": -2},
    ]
    try:
        seal(folder, **luck.choice(changes))
    except RecursionError:
        (folder / "manifest.json").write_text("[" * 100_000 + "]" * 100_000)


def forged_state(folder: Path, luck: random.Random) -> None:
    path = folder / "state.json"
    data = json.loads(path.read_text())
    for _ in range(luck.choice([1, 1, 1, 2, 5])):
        data = mutate_data(data, luck)
    path.write_text(json.dumps(data))


def forged_text(folder: Path, luck: random.Random) -> None:
    path = folder / "state.json"
    text = path.read_text()
    hostile = ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "", "null", "[]", "{}", '"\\ud800"', "9" * 5_000]
    path.write_text(luck.choice([*hostile, text.replace('"step": 2', '"step": ' + "9" * 100), text + text, text[:-1]]))


def forged_counter(folder: Path, luck: random.Random) -> None:
    path = folder / "state.json"
    data = json.loads(path.read_text())
    value = luck.choice(HOSTILE)
    match luck.choice(["step", "position", "attempt", "stage", "updates", "task", "param_groups"]):
        case "stage":
            data["stage"][luck.choice(["index", "size", "fade", "more"])] = value
        case "updates":
            data["updates"][luck.choice(["generator", "nobody"])] = value
        case "task":
            data["task"][luck.choice(["image", "latent", "classes", "source"])] = luck.choice(
                [value, {"$tuple": [1, 2**20, 2**20]}, {"$tuple": [1, 8, 8, 8]}, {"$tuple": [value] * 3}, 2**40]
            )
        case "param_groups":
            group = data["optimizers"]["generator"]["param_groups"][0]
            group[luck.choice(list(group))] = value
        case name:
            data[name] = value
    path.write_text(json.dumps(data))


def forged_tensors(folder: Path, luck: random.Random) -> None:
    path = folder / luck.choice(TENSORS)
    tensors = safetensors.torch.load(path.read_bytes())
    name, other = luck.choice(sorted(tensors)), luck.choice(sorted(tensors))
    tensor = tensors[name]
    match luck.randrange(8):
        case 0:
            del tensors[name]
        case 1:
            tensors[luck.choice([*(h for h in HOSTILE if isinstance(h, str)), name + "x"])] = tensor.clone()
        case 2:
            tensors[name] = tensor.to(luck.choice([torch.float64, torch.float16, torch.int32, torch.bool, torch.int64]))
        case 3:
            tensors[name] = tensor.reshape(luck.choice([(-1,), (1, *tensor.shape), (*tensor.shape, 1)])).clone()
        case 4:
            tensors[name] = torch.full_like(tensor, luck.choice([torch.nan, torch.inf, 0.0, -1.0, 1e30]))
        case 5:
            tensors[name] = luck.choice([torch.zeros(0), torch.zeros(2**20), torch.tensor(1.0), torch.zeros(3, 0, 2)])
        case 6:
            tensors[name], tensors[other] = tensors[other].clone(), tensor.clone()
        case 7:
            tensor.view(-1)[luck.randrange(tensor.numel())] += 1
    path.write_bytes(safetensors.torch.save(tensors))


def forged_header(folder: Path, luck: random.Random) -> None:
    path = folder / luck.choice(TENSORS)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + size], content[8 + size :]
    match luck.randrange(5):
        case 0:
            path.write_bytes(luck.choice([0, 2**27, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little") + header + data)
            return
        case 1:
            header = json.dumps(mutate_data(json.loads(header), luck)).encode()
        case 2:
            header = header.replace(b"F32", luck.choice([b"F64", b"F16", b"XXX", b"F4", b"I32", b"C64", b"F8_E5M2"]), 1)
        case 3:
            header = mutate_bytes(header, luck)
        case 4:
            header = b"[" * luck.choice([10, 100_000])
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


Mutation = Callable[[Path, random.Random], None]
DAMAGE: list[Mutation] = [any_bytes, other_file, other_folder]
FORGERY: list[Mutation] = [forged_state, forged_text, forged_counter, forged_tensors, forged_header]


def mutate(folder: Path, luck: random.Random) -> str:
    """Damage or forge a checkpoint; says how."""
    if luck.random() < 0.3:
        mutation = luck.choice(DAMAGE)
        mutation(folder, luck)
    elif luck.random() < 0.1:
        mutation = forged_manifest
        mutation(folder, luck)
    else:
        mutation = luck.choice(FORGERY)
        mutation(folder, luck)
        seal(folder)
    return mutation.__name__


def trial(model: Path, luck: random.Random, place: Path) -> tuple[str, str]:
    """Mutate a copy of a run, and use it."""
    shutil.rmtree(place / "trial", ignore_errors=True)
    shutil.copytree(model, place / "trial")
    run = place / "trial" / "run"
    new, old = run / "checkpoints" / NEW, run / "checkpoints" / OLD
    how = mutate(new, luck)
    if alone := luck.random() < 0.3:
        shutil.rmtree(old)
    opened.clear()
    loaded, wrong = load(run, None if alone else read(old))
    done = command("sample", str(run), "--count", "1", "--out", str(place / "sample.png"))
    if not done.clean or done.code != (6 if loaded is None else 0):
        wrong = wrong or f"sample: {done.code}: {done.text[-500:]}"
    if loaded == NEW or luck.random() < 0.1:
        wrong = wrong or resume(run, model / "run", loaded)
    outside = [path for path in opened if f"/{BAIT}/" in path]
    wrong = wrong or (f"it read {outside[0]}" if outside else "")
    return f"{how}: {'loaded' if loaded == NEW else 'refused'}", wrong and f"{how}: {wrong}"


def load(folder: Path, older: dict[str, Any] | None) -> tuple[str | None, str]:
    """The checkpoint that the engine loads, None where it refuses all; and what is wrong with that."""
    training = ganreg.load(folder).assemble()
    try:
        state, skipped = training.checkpoints.newest(training.match.load)
    except CheckpointError:
        return None, "" if older is None else "the older checkpoint was refused"
    name = f"{state['step']:08d}"
    if skipped and (older is None or not same(training.match.state(), older)):
        return name, "the older checkpoint was not loaded whole"
    if not same(training.match.state(), read(folder / "checkpoints" / name)):
        return name, "what was loaded is not what the checkpoint holds"
    return name, ""


def resume(run: Path, model: Path, loaded: str | None) -> str:
    """Go on for the steps that are left; what is wrong with that."""
    done = command("resume", str(run))
    codes = {None: (6,), OLD: (0,)}.get(loaded, (0, 7))
    if not done.clean or done.code not in codes:
        return f"resume: {done.code}: {done.text[-500:]}"
    if loaded == OLD and not same(read(run / "checkpoints" / LAST), read(model / "whole" / LAST)):
        return "resumed from the older checkpoint, the run ended elsewhere"
    return ""


def prepare(place: Path) -> Path:
    """A run that has a step to go, what it ends with, and bait outside of it."""
    torch.set_num_threads(1)  # the threads of a process do not live on in those that it forks
    model = place / "model"
    (model / BAIT).mkdir(parents=True)
    (model / BAIT / "secret").write_bytes(b"secret")
    run = compose(SCENARIO, model / "run")
    settings = ["--set", f"train.steps={STEPS}", "--set", "output.checkpoint_every=1", "--set", f"output.keep={STEPS}"]
    done = command("run", *arguments(run, place), *settings)
    if done.code != 0:
        raise RuntimeError(done.text)
    (model / "run" / "whole").mkdir()
    (model / "run" / "checkpoints" / LAST).rename(model / "run" / "whole" / LAST)
    (model / "run" / "report.html").unlink()
    return model


def campaign(numbers: range, seed: int) -> Summary:
    """The mutations of these numbers."""
    sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event == "open" else None)
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(partial(trial, prepare(Path(folder))), numbers, seed, Path(folder))


main = campaign_command(campaign, "Mutate checkpoints: each is loaded equal, or refused.")

if __name__ == "__main__":
    main()
