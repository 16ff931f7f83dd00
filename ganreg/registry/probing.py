"""Looking at plugins in another process: one that hangs or crashes there does so nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint

from ganreg.registry.discovery import source
from ganreg.registry.plugin import Listing, Problem, mend

SECONDS = 10.0
"""How long the import of one plugin may take: on a cold disk, torch takes several seconds where it is imported."""

CHILD = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request["path"]
from ganreg.registry.probe import main
main(request["plugins"], request["seconds"])
"""

Claims = Mapping[str, tuple[EntryPoint, ...]]


def probe(claims: Claims, seconds: float = SECONDS) -> Iterator[Listing]:
    """What every plugin offers, in the order of `claims`.

    One process imports them one after the other, and tells of each what it found. Where it ends in the midst of one,
    that one is the reason, and another process goes on behind it.
    """
    left = dict(claims)
    while left:
        text, how = _child(left, seconds)
        begun, *lines = text.splitlines() or [""]
        if begun != "begin":  # there is no Python to be started, as inside another program
            from ganreg.registry.probe import examine

            yield from (examine(namespace, points) for namespace, points in left.items())
            return
        while lines and lines[0].startswith("{"):
            listing = Listing.read(json.loads(lines.pop(0)))
            if left.pop(listing.namespace, None):  # once, although a plugin may have forked
                yield listing
        if lines != ["end"]:
            namespace = next(iter(left))
            points = left.pop(namespace)
            hangs = f"does not end within {seconds:g} s" if lines else f"ends Python, with {how}"
            problem = Problem(f"its import {hangs}", mend(namespace), "\n".join(lines))
            yield Listing(namespace, tuple(map(source, points)), problem=problem)


def _child(claims: Claims, seconds: float) -> tuple[str, str]:
    """What the other process tells, and how it ended.

    It tells "begin", a line of JSON for each plugin that it has done, and "end"; where one hangs, in which lines.
    """
    plugins = {namespace: [point.value for point in points] for namespace, points in claims.items()}
    request = json.dumps({"path": list(map(str, sys.path)), "plugins": plugins, "seconds": seconds})
    try:
        done = subprocess.run(
            [sys.executable or "python", "-P", "-c", CHILD],
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30 + len(claims) * (seconds + 1),  # it has a watchdog of its own
            check=False,
        )
    except OSError:
        return "", ""
    except subprocess.TimeoutExpired as error:
        return f"{(error.stdout or b'').decode(errors='replace')}Timeout", ""
    how = f"exit code {done.returncode}" if done.returncode >= 0 else f"signal {-done.returncode}"
    return done.stdout.decode(errors="replace"), how
