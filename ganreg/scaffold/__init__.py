"""A new plugin, written from the files in template/; floor 5.15.

Names of files are templates as their contents are. What they may use: `namespace` as in `style-mix`, `package` as in
`style_mix`, `title` as in `StyleMix`, `author` and `year`.
"""

from __future__ import annotations

import re
import subprocess
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path

from ganreg.errors import UsageError
from ganreg.registry import first_party
from ganreg.registry.discovery import installed

__all__ = ["create"]

NAMESPACE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
LONGEST = 30
"""Letters of a namespace, so that what is written stays within the length of its lines."""
YAMLS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What YAML reads as something else than text, in one of its versions: in a spec it would have to stand in quotes."""
SUFFIX = ".jinja"


def create(namespace: str, folder: Path) -> list[Path]:
    """Write the distribution `ganreg-<namespace>` into a folder, and return what was written, relative to it.

    Raises UsageError for a namespace that cannot be one or that others have, and for a folder that holds something; a
    repository of git without any file is nothing.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    _check_namespace(namespace)
    _check_folder(folder)
    values = {
        "namespace": namespace,
        "package": namespace.replace("-", "_"),
        "title": namespace.title().replace("-", ""),
        "author": _author(),
        "year": date.today().year,
    }
    templates = Environment(  # what it writes is no HTML
        loader=PackageLoader("ganreg.scaffold", "template"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    written = []
    for name in templates.list_templates(extensions=[SUFFIX.removeprefix(".")]):
        path = Path(templates.from_string(name).render(values).removesuffix(SUFFIX))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(templates.get_template(name).render(values), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def _check_namespace(namespace: str) -> None:
    if not NAMESPACE.fullmatch(namespace):
        words = "-".join(re.findall(r"[a-z0-9]+", namespace.lower()))
        hint = f"did you mean '{words}'?" if NAMESPACE.fullmatch(words) else "such as 'sparkle' or 'style-mix'"
        raise UsageError(
            f"'{namespace}' cannot be a namespace\n"
            f"  help: it is lower-case words, joined by hyphens, and begins with a letter: {hint}"
        )
    if namespace in YAMLS:
        raise UsageError(
            f"'{namespace}' cannot be a namespace: YAML does not read it as text, so no spec could name its parts\n"
            f"  help: choose another, such as '{namespace}-gan'"
        )
    if namespace.startswith("ganreg-"):
        raise UsageError(
            f"'{namespace}' would make the distribution 'ganreg-{namespace}'\n"
            f"  help: leave out the prefix: ganreg new {namespace.removeprefix('ganreg-')}"
        )
    if len(namespace) > LONGEST:
        raise UsageError(f"the namespace '{namespace}' has {len(namespace)} letters, and {LONGEST} are enough")
    if owner := _owner(namespace):
        raise UsageError(f"the namespace '{namespace}' belongs to {owner}\n  help: choose another name")


def _owner(namespace: str) -> str | None:
    """The distribution by which the namespace is taken; another version of the one to be written does not count."""
    if namespace in first_party():
        return str(first_party()[namespace]["distribution"])
    claims: tuple[EntryPoint, ...] = installed().get(namespace, ())
    names = [claim.dist.name for claim in claims if claim.dist]
    return next((name for name in names if name != f"ganreg-{namespace}"), None)


def _check_folder(folder: Path) -> None:
    if folder.is_dir():
        if found := sorted(path.name for path in folder.iterdir() if path.name != ".git"):
            raise UsageError(f"the folder {folder} is not empty: it holds {found[0]}\n  help: give a new one")
    elif folder.exists():
        raise UsageError(f"{folder} is a file\n  help: give a new folder")


def _author() -> str:
    """Who git says that its user is."""
    try:
        asked = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except OSError:
        return "the authors"
    return " ".join(asked.stdout.split()) or "the authors"
