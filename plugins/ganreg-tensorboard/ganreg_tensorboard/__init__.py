"""TensorBoard's event files for ganreg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganreg import Observer, hookimpl

if TYPE_CHECKING:
    from ganreg import Task
    from ganreg_tensorboard.events import Events

__all__ = ["TensorBoard"]


class TensorBoard(Observer, name="tensorboard"):
    """Event files for TensorBoard, in `tensorboard/` in the run's folder.

    Losses and metrics are scalars under their names in the log, sample grids and metrics' pictures images, the spec is
    a text. Steps that a resumed run repeats are marked, and TensorBoard shows each once.
    """

    def build(self, task: Task) -> Events:
        """Who writes them."""
        from ganreg_tensorboard.events import Events

        return Events()


@hookimpl
def ganreg_components() -> list[type[Observer]]:
    """The observer of this plugin."""
    return [TensorBoard]
