"""Documents as they are read from files, and the mistakes that reading them finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganreg.errors import Mistake, SpecError
from ganreg.spec.document import Document, read


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Document]:
    """Read a text as a file, `spec.yaml` unless it is named, of an empty folder."""
    monkeypatch.chdir(tmp_path)

    def from_text(text: str | bytes, name: str = "spec.yaml") -> Document:
        Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
        return read(name)

    return from_text


@pytest.fixture
def mistakes() -> Callable[..., tuple[Mistake, ...]]:
    """The mistakes for which a call is refused."""

    def found(function: Callable[..., object], *arguments: Any) -> tuple[Mistake, ...]:
        with pytest.raises(SpecError) as caught:
            function(*arguments)
        assert caught.value.mistakes
        assert "\x1b" not in str(caught.value)
        return caught.value.mistakes

    return found


@pytest.fixture
def place() -> Callable[[Mistake], tuple[int, int]]:
    """Line and column of a mistake."""

    def of(mistake: Mistake) -> tuple[int, int]:
        assert mistake.position is not None
        return mistake.position.line, mistake.position.column

    return of
