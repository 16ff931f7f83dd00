"""All checks, one module per theme. Importing this package fills the table; it imports torch."""

from importlib import import_module

MODULES = (
    *("plugin", "component", "building", "networks", "derivatives", "losses", "penalties", "augmentations"),
    *("optimizers", "games", "playing", "drawing", "schedules", "datasets", "extractors", "listeners"),
)
"""In the order in which their checks run."""

for module in MODULES:
    import_module(f"{__name__}.{module}")
