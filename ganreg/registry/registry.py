"""The registry: what is installed, by kind and name. Plugins load when they are asked for, each in isolation."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from importlib.resources import files

from pydantic_core import PydanticCustomError

from ganreg.components import Component
from ganreg.errors import PluginError
from ganreg.registry import discovery
from ganreg.registry.loading import Plugin, load, manager


@dataclass(frozen=True)
class Offer:
    """A component and the plugin that offers it."""

    component: type[Component]
    plugin: Plugin

    @property
    def id(self) -> str:
        """`namespace/name`."""
        return f"{self.plugin.namespace}/{self.component.name}"


class Registry:
    """Finds components by id or bare name.

    An id (`classic/dcgan`) loads its namespace alone. A bare name loads every installed plugin, since it serves only
    where one of them offers it.
    """

    def __init__(self, claims: Mapping[str, tuple[EntryPoint, ...]]) -> None:
        self._claims = dict(claims)
        self._plugins: dict[str, Plugin] = {}
        self._offers: dict[type[Component], Offer] = {}
        self.manager = manager()

    @classmethod
    def discover(cls, *, plugins: bool = True) -> Registry:
        """The registry of what is installed, within GANREG_PLUGINS; an empty one with `plugins=False`."""
        return cls(discovery.installed(discovery.allowed()) if plugins else {})

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every installed namespace, loaded or not."""
        return tuple(self._claims)

    def plugin(self, namespace: str) -> Plugin:
        """The plugin of an installed namespace, loaded now if it was not."""
        if namespace not in self._plugins:
            plugin = load(namespace, self._claims[namespace], self.manager)
            self._plugins[namespace] = plugin
            for component in plugin.components:
                self._offers.setdefault(component, Offer(component, plugin))
        return self._plugins[namespace]

    def plugins(self) -> tuple[Plugin, ...]:
        """Every installed plugin, loaded."""
        return tuple(map(self.plugin, self.namespaces))

    def offers(self, kind: str | None = None) -> tuple[Offer, ...]:
        """Every component of every plugin that loads, by kind, then by id."""
        found = (Offer(c, p) for p in self.plugins() for c in p.components if kind in (None, c.kind))
        return tuple(sorted(found, key=lambda offer: (offer.component.kind, offer.id)))

    def resolve(self, kind: str, name: str) -> type[Component]:
        """The class behind an id or a bare name.

        Raises PydanticCustomError for a name that nobody offers or that several do, and PluginError where the
        plugin that is named cannot be loaded.
        """
        namespace, _, bare = name.rpartition("/")
        if namespace and namespace in self._claims:
            plugin = self.plugin(namespace)
            if plugin.problem:
                raise PluginError(
                    f"plugin '{namespace}' ({plugin.distribution}) cannot be used: {plugin.problem.cause}\n"
                    f"  help: {plugin.problem.remedy}"
                )
            matches = [Offer(c, plugin) for c in plugin.components if (c.kind, c.name) == (kind, bare)]
        else:
            matches = [] if namespace else [o for o in self.offers(kind) if o.component.name == bare]
        if len(matches) > 1:
            ids = " or ".join(offer.id for offer in matches)
            raise PydanticCustomError(
                "ambiguous_component",
                "several plugins offer a {kind} called '{name}'",
                {"kind": kind, "name": name, "hint": f"say which: {ids}"},
            )
        if not matches:
            raise PydanticCustomError(
                "unknown_component",
                "no {kind} is called '{name}'",
                {"kind": kind, "name": name, "hint": self._suggest(kind, name)},
            )
        return matches[0].component

    def offer_of(self, component: type[Component]) -> Offer | None:
        """Who offers a class; None for one that no loaded plugin does."""
        return self._offers.get(component)

    def id_of(self, component: type[Component]) -> str:
        """`namespace/name`, or the bare name of a class that no loaded plugin offers."""
        offer = self.offer_of(component)
        return offer.id if offer else component.name

    def _suggest(self, kind: str, name: str) -> str:
        offers = self.offers(kind)
        names = {offer.component.name for offer in offers} | {offer.id for offer in offers}
        near = difflib.get_close_matches(name, sorted(names), n=1)
        if near:
            return f"did you mean '{near[0]}'?"
        for namespace, known in first_party().items():
            if namespace not in self._claims and name.split("/")[-1] in known["components"].get(kind, ()):
                return f"pip install {known['distribution']}"
        broken = [p.namespace for p in self.plugins() if p.problem]
        listed = f"installed: {', '.join(o.component.name for o in offers) or 'none'}"
        return listed + (f"; cannot be loaded: {', '.join(broken)} (see ganreg doctor)" if broken else "")


@cache
def first_party() -> Mapping[str, Mapping[str, Mapping[str, Iterable[str]]]]:
    """The first-party plugins that exist, installed or not: namespace to distribution and components by kind."""
    text = files("ganreg.registry").joinpath("first_party.json").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, Mapping[str, Iterable[str]]]] = json.loads(text)
    return known
