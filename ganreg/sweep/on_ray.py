"""Jobs as tasks of a Ray cluster. Its machines share the file system of this one, and have the same packages."""

from __future__ import annotations

import logging
import os
import re
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from socket import create_connection
from threading import Event
from typing import Any

from ganreg.errors import UsageError, brief
from ganreg.sweep.processes import NOW, Job, Outcome, execute

PLACE = re.compile(r"(?:ray://)?\[?([^/]+?)\]?:([0-9]{1,5})")
PATIENCE = 5
"""Seconds that somebody has to answer."""


class Cluster:
    """A Ray cluster at an address, or one on this machine where there is none; RAY_ADDRESS counts too.

    cpus, gpus: what each job takes of a machine. Raises UsageError where Ray is missing or cannot be reached.
    """

    def __init__(self, address: str | None, *, cpus: float, gpus: float) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise UsageError("there is no package ray here\n  help: pip install 'ganreg[ray]'") from None
        address = address or os.environ.get("RAY_ADDRESS") or None
        # A cluster of this machine's own has no need of a dashboard, and what the cells say is in their files.
        own = {"include_dashboard": False} if address is None else {}
        try:
            if address:
                _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except Exception as error:
            raise UsageError(f"there is no Ray at {address or 'this machine'}: {brief(error)}") from error
        self._ray = ray
        self._task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_execute)
        self._stop: Path | None = None

    def submit(self, job: Job) -> Future[Outcome | None]:
        """Run a job where there is room."""
        self._stop = job.stop
        reference = self._task.remote(job, str(Path.cwd()))
        found: Future[Outcome | None] = reference.future()
        return found

    def running(self) -> list[str]:
        """Ray knows."""
        return []

    def stop(self, *, now: bool = False) -> None:
        """Tell the tasks, begun or not, by a file: Ray's own way to cancel does not reach one that waits."""
        if self._stop is not None:
            self._stop.write_text(NOW if now else "", encoding="utf-8")

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at a host's port: Ray would wait for minutes before it says so."""
    if found := PLACE.fullmatch(address):
        create_connection((found[1], int(found[2])), PATIENCE).close()


def _execute(job: Job, folder: str) -> Outcome | None:
    """A job in the folder that the sweep was started in; None where it was stopped before."""
    os.chdir(folder)
    return None if job.stop.exists() else execute(job, {}, Event())
