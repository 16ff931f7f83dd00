"""What runs in the other process: `probing` starts it."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import EntryPoint

from ganreg.registry.discovery import GROUP, installed, source
from ganreg.registry.loading import load, manager
from ganreg.registry.plugin import Listing, mend
from ganreg.registry.problems import unmet


def main(plugins: Mapping[str, Sequence[str]], seconds: float) -> None:
    """Examine plugins, given by namespace and the values of their entry points, and write what is found.

    It writes where standard output leads, and turns standard output, which plugins print to, to standard error. An
    import that takes longer than `seconds` ends the process, in C if need be, and writes which lines it was in.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        print("begin", file=answer, flush=True)
        gc.disable()  # nothing here becomes garbage
        here = installed(plugins)
        for namespace, values in plugins.items():
            claims = here.get(namespace) or tuple(EntryPoint(namespace, value, GROUP) for value in values)
            faulthandler.dump_traceback_later(seconds, exit=True, file=answer)
            listing = examine(namespace, claims)
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(asdict(listing)), file=answer, flush=True)
            if "torch" in sys.modules:  # which would hide that the next one imports it, too
                break
        print("end", file=answer, flush=True)
    os._exit(0)  # whatever threads a plugin has left


def examine(namespace: str, claims: tuple[EntryPoint, ...]) -> Listing:
    """Import a plugin here and list what it offers. One that says it needs another ganreg is not imported."""
    problem = unmet(claims[0], mend(namespace)) if len(claims) == 1 else None
    if problem:
        return Listing(namespace, (source(claims[0]),), problem=problem)
    return Listing.of(load(namespace, claims, manager()))
