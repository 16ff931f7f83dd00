"""Loading one plugin in isolation: whatever it does wrong becomes a Problem, and leaves nothing behind."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.metadata import EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

import pluggy

from ganreg import hookspecs
from ganreg.components import KINDS, Component
from ganreg.components.base import NAME
from ganreg.registry.plugin import Plugin, mend
from ganreg.registry.problems import Refused, conflict, explain


def manager() -> pluggy.PluginManager:
    """A pluggy manager that knows ganreg's hooks."""
    made = pluggy.PluginManager("ganreg")
    made.add_hookspecs(hookspecs)
    return made


def load(namespace: str, claims: tuple[EntryPoint, ...], plugins: pluggy.PluginManager) -> Plugin:
    """Import the plugin behind a namespace, register it with pluggy, and take its components.

    Never raises for what the plugin does, `sys.exit` included.
    """
    plugin = Plugin(namespace, claims)
    if len(claims) > 1:
        return replace(plugin, problem=conflict(namespace, plugin.sources))
    package = claims[0].value.partition(":")[0].partition(".")[0].strip()
    return _isolated(plugin, claims[0].load, plugins, package, mend(namespace))


def load_file(path: Path, plugins: pluggy.PluginManager) -> Plugin:
    """The same for a single file."""
    plugin = Plugin(namespace_of(path), file=path)
    return _isolated(plugin, lambda: _execute(path), plugins, "", "mend the file")


def namespace_of(path: Path) -> str:
    """The namespace of a single file: my_parts.py is `my-parts`."""
    return path.stem.replace("_", "-")


def _isolated(
    plugin: Plugin, import_: Callable[[], Any], plugins: pluggy.PluginManager, package: str, remedy: str
) -> Plugin:
    had_torch = "torch" in sys.modules
    output = Overheard(sys.stderr)
    started = time.perf_counter()
    try:
        with redirect_stdout(cast(TextIO, output)):
            components = _components(plugin.namespace, import_(), plugins)
    except (Exception, SystemExit) as error:
        if plugins.has_plugin(plugin.namespace):
            plugins.unregister(name=plugin.namespace)
        return replace(plugin, seconds=time.perf_counter() - started, problem=explain(error, package, remedy))
    seconds = time.perf_counter() - started
    warnings = []
    if "torch" in sys.modules and not had_torch:
        warnings.append("imports torch at import: import it inside build")
    if output.heard:
        warnings.append("prints at import")
    return replace(plugin, components=components, seconds=seconds, warnings=tuple(warnings))


def _execute(path: Path) -> ModuleType:
    if not NAME.fullmatch(namespace_of(path)):
        raise Refused(f"'{path.stem}' does not make a namespace", "call it like my_parts.py")
    name = f"ganreg_file_{path.stem}"  # no other module is called so
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Refused("it is no Python file", "its name ends in .py")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _components(namespace: str, module: Any, plugins: pluggy.PluginManager) -> tuple[type[Component], ...]:
    plugins.register(module, name=namespace)
    plugins.check_pending()
    others = [other for _, other in plugins.list_name_plugin() if other is not module]
    answers = plugins.subset_hook_caller("ganreg_components", remove_plugins=others)()
    if not answers:
        unmarked = ", only a function of that name without @hookimpl" if hasattr(module, "ganreg_components") else ""
        raise Refused(f"it implements no hook ganreg_components{unmarked}")
    offered: list[type[Component]] = []
    for component in (item for answer in answers for item in _listed(answer)):
        if not (isinstance(component, type) and issubclass(component, Component)):
            raise Refused(f"ganreg_components returned {component!r}, which is no component class")
        if not component.name or component.kind not in KINDS:
            raise Refused(f"{component.__qualname__} has no name", "a component is a class X(Loss, name='x')")
        offered.append(component)
    twice = [key for key, count in Counter((c.kind, c.name) for c in offered).items() if count > 1]
    if twice:
        raise Refused(f"it offers {twice[0][0]} '{twice[0][1]}' twice", "")
    return tuple(offered)


def _listed(answer: object) -> Iterable[object]:
    if isinstance(answer, str | type) or not isinstance(answer, Iterable):
        raise Refused(f"ganreg_components returned {answer!r}, not a list of component classes")
    return answer


class Overheard:
    """A stream that tells whether anything was written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.heard = False

    def write(self, text: str) -> int:
        """Pass it on."""
        self.heard = self.heard or bool(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
