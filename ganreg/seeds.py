"""Every random draw of a run is a pure function of its seed and of what it is for."""

from __future__ import annotations

from hashlib import blake2b


def derive(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2^63) for one purpose: `derive(0, "noise", step)`. Different purposes are independent."""
    text = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
