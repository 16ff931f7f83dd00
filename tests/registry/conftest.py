"""Plugins as the registry meets them: a module and a distribution's metadata on the path."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ganreg.registry import Registry
from ganreg.registry.discovery import installed

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a module on the path, claimed by a distribution under a namespace."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(
        namespace: str,
        code: str,
        *,
        distribution: str = "",
        version: str = "1.0",
        module: str = "",
        requires: Sequence[str] = (),
    ) -> None:
        module = module or f"plugin_{namespace}"
        name = distribution or f"ganreg-{namespace}"
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        metadata += [f"Requires-Dist: {text}" for text in requires]
        (info / "METADATA").write_text("\n".join(metadata) + "\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[ganreg.plugins]\n{namespace} = {module}\n", encoding="utf-8")

    before = set(sys.modules)
    yield put
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[module]


@pytest.fixture
def registry() -> Callable[..., Registry]:
    """A registry of some namespaces among those installed."""
    return lambda *namespaces: Registry(installed(namespaces))
