"""Plugins and what they offer; floor 1, no torch.

What is imported here is light: `ganreg list` needs no pydantic. The rest, such as the lock, is in modules of its own.
"""

from ganreg.registry.plugin import Entry, Listing, Plugin, Problem
from ganreg.registry.registry import Offer, Registry, first_party

__all__ = ["Entry", "Listing", "Offer", "Plugin", "Problem", "Registry", "first_party"]
