"""The dry run: one step of a spec's schedule on the meta device, where shapes are real and numbers are not; floor 4."""

from ganreg.check.dry_run import DryRun, dry_run, rehearsal
from ganreg.check.probe import NetworkSummary

__all__ = ["DryRun", "NetworkSummary", "dry_run", "rehearsal"]
