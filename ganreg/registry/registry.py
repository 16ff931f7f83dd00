"""The registry: what is installed, by kind and name. Plugins load when they are asked for, each in isolation."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING

from ganreg.errors import PluginError
from ganreg.registry import discovery
from ganreg.registry.index import Index
from ganreg.registry.plugin import Listing, Plugin

if TYPE_CHECKING:
    import pluggy
    from pydantic_core import PydanticCustomError

    from ganreg.components import Component

SHOWN = 20
"""Names in a message."""


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

    Who offers a name stands in the index, so that a spec loads the plugins that it names and no others. One that
    the index knows to be broken is not loaded here at all.
    """

    def __init__(self, claims: Mapping[str, tuple[EntryPoint, ...]]) -> None:
        self._claims = dict(claims)
        self._index = Index(claims)
        self._files: dict[str, Listing] = {}
        self._plugins: dict[str, Plugin] = {}
        self._offers: dict[type[Component], Offer] = {}

    @classmethod
    def discover(cls, *, plugins: bool = True, files: Iterable[str | Path] = ()) -> Registry:
        """The registry of what is installed, within GANREG_PLUGINS; of nothing with `plugins=False`.

        files: single-file plugins, which are loaded at once: their code runs because somebody named them here.
        Raises PluginError where one of them cannot be used.
        """
        made = cls(discovery.installed(discovery.allowed()) if plugins else {})
        for path in files:
            made._load_file(Path(path))
        return made

    @cached_property
    def manager(self) -> pluggy.PluginManager:
        """pluggy's, with every plugin that is loaded."""
        from ganreg.registry.loading import manager

        return manager()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace, loaded or not."""
        return tuple(sorted({*self._claims, *self._files}))

    def listing(self, namespace: str) -> Listing:
        """What a plugin offers, or why it cannot be used; it is not loaded for that."""
        return self.listings([namespace])[0]

    def listings(self, namespaces: Iterable[str] | None = None) -> tuple[Listing, ...]:
        """What these plugins offer, or all, by namespace."""
        names = self.namespaces if namespaces is None else tuple(namespaces)
        found = {**self._index.listings(name for name in names if name not in self._files), **self._files}
        return tuple(found[name] for name in names)

    def refresh(self, namespaces: Iterable[str] | None = None) -> None:
        """Look at these plugins, or all, anew: the index does not see all that a plugin may depend on."""
        names = self.namespaces if namespaces is None else namespaces
        self._index.refresh(name for name in names if name not in self._files)
        self._plugins = {name: plugin for name, plugin in self._plugins.items() if not plugin.problem}

    def plugin(self, namespace: str) -> Plugin:
        """The plugin of a namespace, loaded now if it was not."""
        if namespace not in self._plugins:
            claims, problem = self._claims[namespace], self.listing(namespace).problem
            if problem:
                self._plugins[namespace] = Plugin(namespace, claims, problem=problem)
            else:
                from ganreg.registry.loading import load

                self._keep(load(namespace, claims, self.manager))
        return self._plugins[namespace]

    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin, loaded."""
        self.listings()  # of all at once, which is quicker than one by one
        return tuple(map(self.plugin, self.namespaces))

    def offers(self, kind: str | None = None) -> tuple[Offer, ...]:
        """Every component of every plugin, which are loaded for it, by kind, then by id."""
        found = (Offer(c, p) for p in self.plugins() for c in p.components if kind in (None, c.kind))
        return tuple(sorted(found, key=lambda offer: (offer.component.kind, offer.id)))

    def resolve(self, kind: str, name: str) -> type[Component]:
        """The class behind an id or a bare name.

        Raises PydanticCustomError for a name that nobody offers or that several do, and PluginError where the
        plugin that is named cannot be loaded.
        """
        namespace = name.rpartition("/")[0]
        if namespace in self.namespaces:
            self._usable(namespace)
        offers = self.named(name, kind)
        if not offers:
            raise self._unknown(kind, name)
        if len(offers) > 1:
            raise self._ambiguous(kind, name, offers)
        return offers[0].component

    def named(self, name: str, kind: str | None = None) -> tuple[Offer, ...]:
        """The components of a bare name or an id, of one kind or of any; their plugins alone are loaded."""
        found = self._named(name, kind)
        if not found:  # it may come from code that the index does not watch: this is the moment to find out
            self.refresh(listing.namespace for listing in self.listings() if not listing.problem)
            found = self._named(name, kind)
        return found

    def what_brings(self, name: str, kind: str | None = None) -> str:
        """What would bring a part that is missing here: the remedy in words, or "" where none is known.

        A plugin that GANREG_PLUGINS misnames comes before a first-party one that has the part.
        """
        if told := discovery.misnamed():
            return told
        namespace, _, bare = name.rpartition("/")
        for missing, known in first_party().items():
            kinds = known["components"]
            offered = kinds.get(kind, ()) if kind else [n for names in kinds.values() for n in names]
            if missing not in self.namespaces and namespace in ("", missing) and bare in offered:
                what = discovery.left_out(missing)
                bringer = known["distribution"]
                return f"{bringer} is installed, but {what} leaves it out" if what else f"pip install {bringer}"
        return ""

    def broken(self) -> str:
        """The end of a message of something missing, which one of these may offer; empty where all can be loaded."""
        names = [listing.namespace for listing in self.listings() if listing.problem]
        return f"; cannot be loaded: {', '.join(names)} (see ganreg doctor)" if names else ""

    def offer_of(self, component: type[Component]) -> Offer | None:
        """Who offers a class; None for one that no loaded plugin does."""
        return self._offers.get(component)

    def id_of(self, component: type[Component]) -> str:
        """`namespace/name`, or the bare name of a class that no loaded plugin offers."""
        offer = self.offer_of(component)
        return offer.id if offer else component.name

    def _keep(self, plugin: Plugin) -> None:
        self._plugins[plugin.namespace] = plugin
        for component in plugin.components:
            self._offers.setdefault(component, Offer(component, plugin))

    def _load_file(self, path: Path) -> None:
        from ganreg.registry.loading import load_file, namespace_of

        namespace = namespace_of(path)
        if namespace in self.namespaces:
            other = self._plugins.get(namespace) or Plugin(namespace, self._claims[namespace])
            raise PluginError(
                f"{path} and {other.distribution} have one namespace, '{namespace}'\n  help: give the file another name"
            )
        plugin = load_file(path, self.manager)
        if plugin.problem:
            raise PluginError(f"{path} cannot be used: {plugin.problem.cause}\n  help: {plugin.problem.remedy}")
        self._files[namespace] = Listing.of(plugin)
        self._keep(plugin)

    def _named(self, name: str, kind: str | None) -> tuple[Offer, ...]:
        namespace, _, bare = name.rpartition("/")
        possible = [namespace] if namespace in self.namespaces else [] if namespace else self.namespaces
        wanted = [listing.namespace for listing in self.listings(possible) if listing.offers(kind, bare)]
        found = (Offer(c, plugin) for plugin in map(self._usable, wanted) for c in plugin.components)
        chosen = (o for o in found if o.component.name == bare and kind in (None, o.component.kind))
        return tuple(sorted(chosen, key=lambda offer: (offer.component.kind, offer.id)))

    def _usable(self, namespace: str) -> Plugin:
        """A plugin, loaded. Raises PluginError for one that cannot be, after another look at it."""
        if self.plugin(namespace).problem:
            self.refresh([namespace])
        plugin = self.plugin(namespace)
        if plugin.problem:
            raise PluginError(
                f"plugin '{namespace}' ({plugin.distribution}) cannot be used: {plugin.problem.cause}\n"
                f"  help: {plugin.problem.remedy}"
            )
        return plugin

    def _ambiguous(self, kind: str, name: str, offers: Iterable[Offer]) -> PydanticCustomError:
        from pydantic_core import PydanticCustomError

        return PydanticCustomError(
            "ambiguous_component",
            "several plugins offer a {kind} called '{name}'",
            {"kind": kind, "name": name, "hint": f"say which: {' or '.join(offer.id for offer in offers)}"},
        )

    def _unknown(self, kind: str, name: str) -> PydanticCustomError:
        from pydantic_core import PydanticCustomError

        context = {"kind": kind, "name": name, "hint": self._suggest(kind, name)}
        return PydanticCustomError("unknown_component", "no {kind} is called '{name}'", context)

    def _suggest(self, kind: str, name: str) -> str:
        namespace = name.rpartition("/")[0]
        if namespace and namespace not in first_party() and not difflib.get_close_matches(namespace, self.namespaces):
            if why := discovery.hidden(namespace):
                return why
            return f"no plugin '{namespace}' is here: `ganreg install {namespace}`, or `ganreg --plugin FILE …`"
        if remedy := self.what_brings(name, kind):
            return remedy
        offered = [(li.namespace, e.name) for li in self.listings() for e in li.entries if e.kind == kind]
        names = sorted({bare for _, bare in offered})
        near = difflib.get_close_matches(name, sorted({*names, *(f"{n}/{bare}" for n, bare in offered)}), n=1)
        if near:
            return f"did you mean '{near[0]}'?"
        more = f" and {len(names) - SHOWN} more (see ganreg list)" if len(names) > SHOWN else ""
        return f"installed: {', '.join(names[:SHOWN]) or 'none'}{more}{self.broken()}"


@cache
def first_party() -> Mapping[str, Mapping[str, Mapping[str, Iterable[str]]]]:
    """The first-party plugins that exist, installed or not: namespace to distribution and components by kind."""
    text = resources("ganreg.registry").joinpath("first_party.json").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, Mapping[str, Iterable[str]]]] = json.loads(text)
    return known
