"""torch's compiler comes when something asks for it, in a process that is ganreg's own.

torch imports it for every training, to tell it which functions it had better not compile: where an optimizer is made
and moves weights, and where networks are tried on the meta device. That takes a second and some 40 MiB, for nothing
where nothing is compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


@contextmanager
def compiler_when_asked() -> Iterator[None]:
    """Within, `import torch._dynamo` imports nothing until something is asked of it that only a compiler can do."""
    if NAME in sys.modules:
        yield
        return
    stand_in, inside = _StandIn(NAME), _Inside()
    sys.modules[NAME] = stand_in
    sys.meta_path.insert(0, inside)
    try:
        yield
    finally:
        sys.meta_path.remove(inside)
        stand_in.give_way()


class _StandIn(ModuleType):
    """What `torch._dynamo` is until the compiler is there: the three functions that torch calls without compiling."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._spared: list[Callable[..., Any]] = []
        self._real: ModuleSpec | None = None

    def __getattr__(self, name: str) -> Any:
        if self._stands and not self._has(name):  # some look at every module that there is for a name
            raise AttributeError(f"module '{NAME}' has no attribute '{name}'")
        return getattr(self.compiler(), name)

    @property
    def __spec__(self) -> ModuleSpec | None:  # type: ignore[override]
        """The compiler's, which is not imported for it: some ask whether it could be."""
        if self._real is None and "torch" in sys.modules:
            self._real = PathFinder.find_spec(NAME, sys.modules["torch"].__path__)
        return self._real

    def _has(self, name: str) -> bool:
        """Whether the compiler has such a name, as its file and folder tell."""
        if name.startswith("__"):
            return name in ("__path__", "__all__")
        if not (self.__spec__ and self.__spec__.origin):
            return True
        file = Path(self.__spec__.origin)
        inside = file.with_name(name)
        return inside.is_dir() or inside.with_suffix(".py").is_file() or name in file.read_text()

    def graph_break(self, *told: Any, **more: Any) -> None:
        """There is no graph to break."""
        if not self._stands:
            self.compiler().graph_break(*told, **more)

    def disable(self, function: Any = None, recursive: bool = True, **options: Any) -> Any:
        """The function itself: nothing compiles it."""
        if self._stands and function is not None and options == {"wrapping": False}:  # as torch asks for its own
            self._spared.append(function)
            return function
        return self.compiler().disable(function, recursive, **options)

    @property
    def trace_rules(self) -> Any:
        """What the compiler does with each function."""
        return _Rules(self) if self._stands else self.compiler().trace_rules

    def give_way(self) -> None:
        """Let the next import of the compiler find it; torch forgets what it was told of its functions."""
        if self._stands:
            del sys.modules[NAME]
        for function in self._spared:
            getattr(function, "__dict__", {}).pop("__dynamo_disable", None)
        self._spared.clear()

    @property
    def _stands(self) -> bool:
        return sys.modules.get(NAME) is self

    def compiler(self) -> ModuleType:
        """torch's, which takes its place."""
        self.give_way()
        return import_module(NAME)


class _Rules:
    """Its rules: where processes meet, torch has it forget what it remembers of them."""

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stand_in.compiler().trace_rules, name)

    def clear_lru_cache(self) -> None:
        """There is nothing to forget."""


class _Inside(MetaPathFinder, Loader):
    """Finds what is inside the compiler where importing that has brought it already.

    An `import torch._dynamo.config` asks the stand-in for its path, and so comes by the compiler and by this part of
    it, of which it would make a second one.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Where a part of the compiler is."""
        if target is None and name.startswith(f"{NAME}.") and name in sys.modules:
            return spec_from_loader(name, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The one that is there."""
        module = sys.modules[spec.name]
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has been; it keeps what it knew of itself."""
        if (spec := module.__spec__) and spec.loader is self:  # some take no other attributes
            module.__spec__ = spec.loader_state
