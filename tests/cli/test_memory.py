"""The memory of a process that trains."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
from ganreg.cli.memory import keep_freed_memory
import torch
torch.set_num_threads(1)
if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    images = [torch.ones(2**18 * size) for size in range(1, 8)]
    return sum(image.sum() for image in images)

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept: str, **environment: str) -> int:
    """Pages that ten steps had to be given, 4 KiB each."""
    words = [sys.executable, "-c", STEPS, kept]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={"PATH": "", **environment})
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back so soon")
def test_what_a_step_frees_is_there_for_the_next_one() -> None:
    given_back = faults("plain")
    assert given_back > 10_000
    assert faults("kept") < given_back / 10
    assert faults("kept", MALLOC_MMAP_THRESHOLD_="100000") > 10_000, "what the user has chosen stays"
