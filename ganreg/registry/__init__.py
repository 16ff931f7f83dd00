"""Plugins and what they offer; floor 1, no torch."""

from ganreg.registry.loading import Plugin, Problem
from ganreg.registry.lock import environment, lock
from ganreg.registry.registry import Offer, Registry, first_party

__all__ = ["Offer", "Plugin", "Problem", "Registry", "environment", "first_party", "lock"]
