"""What importing modules and looking at their components does, seen in a fresh process.

`python -m ganreg.testing.probe` reads a question as JSON and writes the answer as JSON; `ask` starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

TIMEOUT = 120
"""Seconds after which a process that hangs is ended."""


def ask(modules: Mapping[str, str], components: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Import modules, each by its name or else from its file, in a fresh process.

    Without components: the seconds that all of it took this process, which does not count waiting for a processor.
    With them, each as its module, qualified name, parameters and tasks: torch cannot be imported; for each module and
    component, where somebody tried to, or None. A module that fails is answered with its error.
    """
    question = {"path": sys.path, "modules": dict(modules), "components": components}
    command = [sys.executable, "-c", "from ganreg.testing.probe import main; main()"]
    try:
        done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"error": f"it takes longer than {TIMEOUT} seconds"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout.rstrip("\n").rpartition("\n")[2])
    except ValueError:
        return {"error": " ".join(done.stderr.split()[-40:]) or f"the process ended with code {done.returncode}"}
    return answer


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    sys.path[:] = question["path"]
    with redirect_stdout(sys.stderr):
        answer = _watch(question) if question["components"] is not None else {"seconds": _measure(question["modules"])}
    print("\n" + json.dumps(answer))


def _measure(modules: Mapping[str, str]) -> float:
    import ganreg

    for name in ganreg.__all__:  # what every plugin may use, and pydantic below it, is not the plugin's
        getattr(ganreg, name)
    import ganreg.errors
    import ganreg.task

    started = _busy()
    for name, file in modules.items():
        _import(name, file)
    return _busy() - started


def _busy() -> float:
    """Seconds, less those in which this process waited for a processor, where the system tells."""
    try:
        waited = int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        waited = 0.0
    return time.perf_counter() - waited


def _import(name: str, file: str) -> ModuleType:
    """A module by its name, or from its file; its hook is called, as it may import more."""
    module = _find(name, file)
    hook = getattr(module, "ganreg_components", None)
    if callable(hook):
        hook()
    return module


def _find(name: str, file: str) -> ModuleType:
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        spec = spec_from_file_location(name, file) if file and name.startswith(error.name or name) else None
        if spec is None or spec.loader is None:
            raise
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def _watch(question: Mapping[str, Any]) -> dict[str, Any]:
    watcher = Watcher()
    sys.meta_path.insert(0, watcher)
    answer: dict[str, Any] = {"modules": {}, "components": {}}
    for name, file in question["modules"].items():
        with watcher.hearing() as heard:
            try:
                _import(name, file)
            except (Exception, SystemExit) as error:
                heard.append("" if heard else f"it cannot be imported: {type(error).__name__}: {error}")
        answer["modules"][name] = heard[0] if heard else None
    for key, component in question["components"].items():
        with watcher.hearing() as heard:
            _look(component)
        answer["components"][key] = heard[0] if heard else None
    return answer


def _look(described: Mapping[str, Any]) -> None:
    """Do with a component what ganreg does before it trains."""
    from ganreg.registry import Registry
    from ganreg.task import Task

    try:
        found: Any = sys.modules[described["module"]]
        for name in described["name"].split("."):
            found = getattr(found, name)
        part = found.model_validate(described["parameters"], context={"registry": Registry.discover()})
    except Exception:
        return  # another check's business
    looks: list[Callable[[], Any]] = [lambda: part.provides, lambda: part.requires]
    looks += [lambda task=task: part.check(Task(**task)) for task in described["tasks"]]  # type: ignore[misc]
    looks += [getattr(part, name) for name in ("info", "milestones", "fingerprint") if hasattr(part, name)]
    for look in looks:
        try:
            look()
        except Exception:
            continue


class Watcher(MetaPathFinder, Loader):
    """Stands where torch would be found: an import of it fails, and is remembered with its place."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    @contextmanager
    def hearing(self) -> Iterator[list[str]]:
        """The places of what is imported inside."""
        self._heard = []
        yield self._heard

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """torch, and nothing else."""
        return ModuleSpec(name, self) if name.partition(".")[0] == "torch" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Only an import comes as far as this; who looks whether torch is there does not."""
        frame = sys._getframe()
        while frame.f_back and (frame.f_code.co_filename.startswith("<frozen") or frame.f_code.co_filename == __file__):
            frame = frame.f_back
        self._heard.append(f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}")
        raise ImportError("torch cannot be imported here")

    def exec_module(self, module: ModuleType) -> None:
        """Never reached."""


if __name__ == "__main__":
    main()
