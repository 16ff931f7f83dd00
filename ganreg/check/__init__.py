"""The dry run: one step of a spec's schedule on the meta device, where shapes are real and numbers are not; floor 4."""

from ganreg.check.dry_run import NUMBERLESS, DryRun, dry_run
from ganreg.check.probe import NetworkSummary

__all__ = ["NUMBERLESS", "DryRun", "NetworkSummary", "dry_run"]
