"""Loading one plugin in isolation: whatever it does wrong becomes a Problem, and leaves nothing behind."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint

import pluggy

from ganreg import hookspecs
from ganreg.components import KINDS, Component
from ganreg.registry.discovery import distribution


@dataclass(frozen=True)
class Problem:
    """Why a plugin cannot be used, in one line, and what to do about it."""

    cause: str
    remedy: str
    error: BaseException | None = None


@dataclass(frozen=True)
class Plugin:
    """One namespace after loading. `components` is empty where there is a `problem`; `warnings` do not stop it."""

    namespace: str
    claims: tuple[EntryPoint, ...]
    components: tuple[type[Component], ...] = ()
    seconds: float = 0.0
    problem: Problem | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def distribution(self) -> str:
        """ "ganreg-classic 1.0.0"; all of them where several claim the namespace."""
        return _distributions(self.claims)


def manager() -> pluggy.PluginManager:
    """A pluggy manager that knows ganreg's hooks."""
    made = pluggy.PluginManager("ganreg")
    made.add_hookspecs(hookspecs)
    return made


def load(namespace: str, claims: tuple[EntryPoint, ...], plugins: pluggy.PluginManager) -> Plugin:
    """Import the plugin behind a namespace, register it with pluggy, and take its components.

    Never raises for what the plugin does, `sys.exit` included.
    """
    if len(claims) > 1:
        cause = f"two distributions claim the namespace '{namespace}': {_distributions(claims)}"
        return Plugin(namespace, claims, problem=Problem(cause, "uninstall one of them"))
    had_torch = "torch" in sys.modules
    started = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):
            components = _components(namespace, claims[0], plugins)
    except (Exception, SystemExit) as error:
        if plugins.has_plugin(namespace):
            plugins.unregister(name=namespace)
        return Plugin(namespace, claims, seconds=time.perf_counter() - started, problem=_explain(claims[0], error))
    slow = () if had_torch or "torch" not in sys.modules else ("imports torch at import: import it inside build",)
    return Plugin(namespace, claims, components, time.perf_counter() - started, warnings=slow)


def _components(namespace: str, point: EntryPoint, plugins: pluggy.PluginManager) -> tuple[type[Component], ...]:
    module = point.load()
    plugins.register(module, name=namespace)
    plugins.check_pending()
    others = [other for _, other in plugins.list_name_plugin() if other is not module]
    answers = plugins.subset_hook_caller("ganreg_components", remove_plugins=others)()
    if not answers:
        raise TypeError("it implements no ganreg_components hook")
    offered: list[type[Component]] = []
    for component in (item for answer in answers for item in _listed(answer)):
        if not (isinstance(component, type) and issubclass(component, Component)):
            raise TypeError(f"ganreg_components returned {component!r}, which is no component class")
        if not component.name or component.kind not in KINDS:
            raise TypeError(f"{component.__qualname__} has no name: class {component.__name__}(Loss, name='…')")
        offered.append(component)
    twice = [key for key, count in Counter((c.kind, c.name) for c in offered).items() if count > 1]
    if twice:
        raise TypeError(f"it offers {twice[0][0]} '{twice[0][1]}' twice")
    return tuple(offered)


def _listed(answer: object) -> Iterable[object]:
    if isinstance(answer, str | type) or not isinstance(answer, Iterable):
        raise TypeError(f"ganreg_components returned {answer!r}, not a list of component classes")
    return answer


def _distributions(claims: tuple[EntryPoint, ...]) -> str:
    # Reading a distribution's metadata costs milliseconds: only who shows it pays for it.
    return " and ".join(map(distribution, claims))


def _explain(point: EntryPoint, error: BaseException) -> Problem:
    message = " ".join(str(error).split()) or "no message"
    remedy = f"reinstall or uninstall it: pip uninstall {distribution(point).split()[0]}"
    if isinstance(error, ModuleNotFoundError):
        remedy = f"pip install what it needs ({error.name}), or {remedy}"
    elif isinstance(error, pluggy.PluginValidationError | TypeError):
        remedy = "tell its author: the hook is `ganreg_components()` and returns component classes"
    if isinstance(error, SyntaxError):
        message = f"{error.msg} ({error.filename}, line {error.lineno})"
    return Problem(f"{type(error).__name__}: {message}", remedy, error)
