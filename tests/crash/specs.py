"""Mutate specs again and again, and check each: it is accepted, or refused with the place of what is wrong.

    python -m tests.crash.specs --mutations 10000

A mutation changes characters, lines, or the values and keys of the specs in docs/examples and of one with every key.
Each goes whole through `ganreg check`, the dry run on the meta device too, where it gets so far.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import torch.fx.experimental.symbolic_shapes  # noqa: F401 - which a check imports; before the fork, not in each process
from ruamel.yaml import YAML

from ganreg.engine import loop  # noqa: F401
from tests.crash.fuzzing import Summary, campaign_command, command, fuzz
from tests.crash.mutations import HOSTILE, mutate_bytes, mutate_data, mutate_text

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
WHOLE = """\
seed: 0
data: fashion-mnist-10k
generator: {name: dcgan, width: 8}
discriminator: {name: mlp, widths: [16]}
latent: {size: 16, distribution: normal}
conditional: true
game: standard
loss: non-saturating
penalties:
  - {name: r1, weight: 5, every: 16}
  - gradient-penalty
augment: null
schedule: {name: alternating, discriminator_steps: 1}
optimizers:
  generator: {name: adam, lr: 2e-4, betas: [0.5, 0.999]}
  discriminator: {name: adam, lr: 2e-4, betas: [0.5, 0.999]}
ema: {decay: 0.999}
train: {steps: 2000, batch_size: 64, precision: fp32, device: auto, compile: false, nonfinite: stop}
metrics: []
output: {folder: runs/fashion, samples_every: 200, checkpoint_every: 500, keep: 2}
"""
"""The spec of the design, whole."""
PLACE = re.compile(r"[^\n:]+\.yaml:\d+:\d+: ")
NAMES: list[Any] = ["dcgan", "mlp", "conv", "hinge", "wasserstein", "r1", "classic/dcgan", "proofs/tiny-generator"]
SNIPPETS = [
    *(
        "!!python/object/apply:os.system [touch executed]",
        "!!python/name:os.system",
        "!x y",
        "!<tag:yaml.org,2002:int> 1",
    ),
    *("&a [*a, *a]", "*a", "&a {<<: *a}", "<<: [*a, *a]", "? [a]\n: b", "? ? ?", "[" * 100_000, "{a: " * 100_000),
    *("- " * 100_000, "a:\n" * 50_000, "9" * 100_000, "0x" + "f" * 1_000, "1e999999999", "-1e-999999999", "0o777"),
    *(
        "\x1b[31m",
        '"\\x1b]0;x\\x07"',
        '"\\UFFFFFFFF"',
        "\u202e",
        "%YAML 1.1\n---\n",
        "---\n",
        "...\n",
        "\t- x",
        "|9\n x",
    ),
    *(
        "extends: ../../etc/passwd",
        "extends: /etc/passwd",
        "extends: spec.yaml",
        "extends: [x]",
        "extends: .",
        "${HOME}",
    ),
    "[" + "0, " * 20_000 + "]",
]


def spellings() -> list[str]:
    """The texts that are mutated."""
    return [WHOLE, *(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.yaml")))]


def mutate(text: str, luck: random.Random) -> tuple[str, bytes]:
    """A mutated spec, and how it was made."""
    rounds = luck.choice([1, 1, 1, 2, 3, 8])
    match luck.choice(["data", "data", "text", "snippet", "bytes"]):
        case "data":
            data = YAML(typ="safe", pure=True).load(text)
            for _ in range(rounds):
                data = mutate_data(data, luck, HOSTILE + NAMES)
            return "values", _written(data, luck)
        case "text":
            for _ in range(rounds):
                text = mutate_text(text, luck)
            return "characters", text.encode("utf-8", "surrogatepass")
        case "snippet":
            spots = [found.end() for found in re.finditer(r"^|: ?|\[|, |\n", text)]
            at = luck.choice(spots)
            end = at + luck.choice([0, len(text[at:].partition("\n")[0])])
            return "snippets", (text[:at] + luck.choice(SNIPPETS) + text[end:]).encode()
    content = text.encode()
    for _ in range(rounds):
        content = mutate_bytes(content, luck)
    return "bytes", content


def _written(data: Any, luck: random.Random) -> bytes:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = luck.choice([None, False, True])
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue().encode("utf-8", "surrogatepass")


def trial(luck: random.Random, place: Path) -> tuple[str, str]:
    """Mutate a spec, and check it from its folder."""
    how, content = mutate(luck.choice(spellings()), luck)
    folder = place / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLES, folder)
    (folder / "spec.yaml").write_bytes(content)
    before = sorted(folder.iterdir())
    os.chdir(folder)
    done = command("check", "spec.yaml")
    outcome = f"{how}: {'accepted' if done.code == 0 else 'refused'}"
    if not done.clean or done.code not in (0, 3):
        return outcome, f"exit code {done.code}: {done.text[-800:]}"
    if done.code == 3 and not PLACE.match(done.text):
        return outcome, f"no place is told: {done.text[:800]}"
    if sorted(folder.iterdir()) != before:
        return outcome, "something was written"
    return outcome, ""


def campaign(numbers: range, seed: int) -> Summary:
    """The mutations of these numbers."""
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(trial, numbers, seed, Path(folder))


main = campaign_command(campaign, "Mutate specs: each is accepted, or refused with a place.")

if __name__ == "__main__":
    main()
