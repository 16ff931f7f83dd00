"""The index: what plugins offer, known without importing them here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint

from ganreg.registry import cache
from ganreg.registry.fingerprint import fingerprint, surroundings
from ganreg.registry.plugin import Listing


class Index:
    """Listings by namespace.

    They come from a cache while the plugin is as it was. What is not there, or has changed, is imported in another
    process, once. Nobody waits for a plugin that was not asked for.
    """

    def __init__(self, claims: Mapping[str, tuple[EntryPoint, ...]]) -> None:
        self._claims = dict(claims)
        self._listings: dict[str, Listing] = {}
        self._probed: set[str] = set()
        self._fingerprints: dict[str, str] = {}
        self._surroundings = surroundings()

    def listings(self, namespaces: Iterable[str]) -> dict[str, Listing]:
        """What these plugins offer, in their order."""
        names = list(namespaces)
        unknown = [name for name in names if name not in self._listings]
        remembered = {name: listing for name in unknown if (listing := self._remembered(name))}
        self._listings.update(remembered)
        self._probe([name for name in unknown if name not in remembered])
        return {name: self._listings[name] for name in names}

    def refresh(self, namespaces: Iterable[str]) -> None:
        """Look at these plugins whatever the cache says, unless that was done here already."""
        self._probe([name for name in namespaces if name not in self._probed])

    @cached_property
    def _stored(self) -> cache.Marked:
        return cache.read()

    def _remembered(self, namespace: str) -> Listing | None:
        mark, listing = self._stored.get(namespace, ("", None))
        return listing if listing and mark == self._mark(namespace, listing) else None

    def _mark(self, namespace: str, listing: Listing) -> str:
        """What a listing is fresh for: a failure, only until something is installed."""
        return self._fingerprint(namespace) + (self._surroundings if listing.problem else "")

    def _fingerprint(self, namespace: str) -> str:
        if namespace not in self._fingerprints:
            self._fingerprints[namespace] = fingerprint(self._claims[namespace])
        return self._fingerprints[namespace]

    def _probe(self, namespaces: Sequence[str]) -> None:
        if not namespaces:
            return
        from ganreg.registry.probing import probe

        for name in namespaces:
            self._fingerprint(name)  # as of now: what changes from here on is looked at again
        found = {listing.namespace: listing for listing in probe({name: self._claims[name] for name in namespaces})}
        self._listings.update(found)
        self._probed |= found.keys()
        cache.update({name: (self._mark(name, listing), listing) for name, listing in found.items()})
