"""What went wrong with a plugin, in a user's words: the cause, and what to do about it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import pluggy
import pydantic
from pydantic import PydanticUserError

import ganreg
from ganreg import hookspecs
from ganreg.errors import PluginError
from ganreg.registry.discovery import hidden, metadata
from ganreg.registry.plugin import Problem, describe

HOOKS = [name for name in vars(hookspecs) if name.startswith("ganreg_")]
CONTRACT = "its hook is `@hookimpl def ganreg_components()`, which returns a list of component classes"


def folder_of(module: ModuleType) -> str:
    """The folder of a package, with what ends it: beside ganreg may lie ganreg_sparkle."""
    return f"{Path(module.__file__ or '').parent}{os.sep}"


GANREG = folder_of(ganreg)
LIBRARIES = (GANREG, folder_of(pydantic), folder_of(pluggy), "<frozen ")
"""Where the files begin whose lines say nothing to a plugin's author."""


class Refused(Exception):  # noqa: N818 - never leaves the registry
    """A plugin that does not do what it should; the message is the cause."""

    def __init__(self, cause: str, remedy: str = CONTRACT) -> None:
        super().__init__(cause)
        self.remedy = remedy


def explain(error: BaseException, package: str, mend: str) -> Problem:
    """Why loading failed. package: the plugin's top-level one. mend: what can be done about a bug of it."""
    cause, remedy = _explain(error, package)
    trace = "".join(traceback.format_exception(error))
    return Problem(_line(cause), f"{remedy}, or {mend}" if remedy else mend, trace)


def conflict(namespace: str, sources: tuple[tuple[str, str], ...]) -> Problem:
    """Several distributions claim one namespace."""
    names = " or ".join(f"`ganreg uninstall {name}`" for name, _ in sources)
    return Problem(f"two distributions claim the namespace '{namespace}': {describe(sources)}", names)


def unmet(point: EntryPoint, mend: str) -> Problem | None:
    """The problem of a plugin whose metadata ask for another ganreg than this one; pip can be told to ignore that."""
    for text in metadata(point).get_all("Requires-Dist", ()):
        if not text.lower().startswith("ganreg"):
            continue
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.version import Version

        here = _version()
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.name.lower() != "ganreg" or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        # A development version of 2.0 has what 2.0 will have.
        if here and not wanted.specifier.contains(Version(here).base_version, prereleases=True):
            cause = f"it needs ganreg{wanted.specifier}, and this is ganreg {here}"
            return Problem(cause, f"pip install 'ganreg{wanted.specifier}', or {mend}")
    return None


def absent(namespace: str, known: Iterable[str], remedy: str = "") -> PluginError:
    """What to say of a namespace that is none of those known. remedy: what helps where no name is like it."""
    if why := hidden(namespace):
        return PluginError(why)
    names = sorted(known)
    near = get_close_matches(namespace, names, n=1)
    help_ = f"did you mean '{near[0]}'?" if near else f"{remedy}installed: {', '.join(names) or 'none'}"
    return PluginError(f"no plugin '{namespace}' is installed\n  help: {help_}")


def _explain(error: BaseException, package: str) -> tuple[str, str]:
    if isinstance(error, Refused):
        return str(error), error.remedy
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({'' if error.code is None else repr(error.code)}) when it is imported", ""
    if isinstance(error, pluggy.PluginValidationError):
        return _hook(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})", ""
    if isinstance(error, ImportError | AttributeError):
        return _missing(error, package)
    message = error.message if isinstance(error, PydanticUserError) else str(error)
    return f"{type(error).__name__}: {message} ({_place(error)})", ""


def _missing(error: ImportError | AttributeError, package: str) -> tuple[str, str]:
    """Something that is not there to be imported."""
    message = f"{type(error).__name__}: {error}"
    name = (error.name or "" if isinstance(error, ImportError) else str(error).partition("'")[2]).split("'")[0]
    top = name.partition(".")[0]
    if top == "ganreg":
        cause = f"it uses what ganreg {_version()} does not have: {str(error).partition(' (')[0]}"
        return cause, "it needs a newer one: pip install --upgrade ganreg"
    if isinstance(error, AttributeError) or not name:
        return f"{message} ({_place(error)})", ""
    if top == package:
        return message, "a part of its own is missing: reinstall it"
    if isinstance(error, ModuleNotFoundError):
        return message, f"pip install what it needs ({name})"
    return message, f"another version of {top} may have it"


def _hook(error: pluggy.PluginValidationError) -> tuple[str, str]:
    """A hook that there is not, or arguments that it does not have."""
    text = str(error)
    if text.startswith("unknown hook"):
        name = text.split("'")[1]
        near = get_close_matches(name, HOOKS, n=1, cutoff=0.3)
        meant = f": did it mean '{near[0]}'?" if near else ""
        return f"it implements a hook '{name}', which there is not{meant}", ""
    return "its hook takes other arguments than ganreg gives: " + text.splitlines()[-1], CONTRACT


def _place(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(LIBRARIES)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"


@cache
def _version() -> str:
    """ganreg's; empty where it is not installed, but on the path."""
    try:
        return version("ganreg")
    except PackageNotFoundError:
        return ""


def _line(text: str) -> str:
    return " ".join(text.split())
