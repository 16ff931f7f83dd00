"""Components to try the kit on: packages in `site`, and plugins that a test installs for itself."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "site"))

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a plugin of one module, the only one that loads: its namespace, and its code."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(namespace: str, code: str) -> Path:
        info = tmp_path / f"ganreg_{namespace}-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ganreg-{namespace}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[ganreg.plugins]\n{namespace} = kit_{namespace}\n")
        (tmp_path / f"kit_{namespace}.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("GANREG_PLUGINS", namespace)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
        return tmp_path

    yield put
    for name in [name for name in sys.modules if name.startswith("kit_")]:
        del sys.modules[name]
