"""Sound components that a careless kit would find fault with: each does something unusual that its contract allows."""

from inspect import isclass

from ganreg.components import Component
from sound import losses, networks, parts, watchers

SOUND: list[type[Component]] = [
    found
    for module in (networks, losses, parts, watchers)
    for found in vars(module).values()
    if isclass(found) and issubclass(found, Component) and found.name and found.__module__ == module.__name__
]
