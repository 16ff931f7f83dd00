"""The hooks that a plugin may implement. New arguments are only ever added, so that old plugins keep working."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ganreg.components import Component

hookspec = pluggy.HookspecMarker("ganreg")
hookimpl = pluggy.HookimplMarker("ganreg")


@hookspec
def ganreg_components() -> Iterable[type[Component]]:  # type: ignore[empty-body]
    """Return the component classes that this plugin offers.

    Called once, when the plugin is loaded. The classes' module must not import torch: `build` does.
    """
