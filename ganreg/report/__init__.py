"""The page that shows a run: its samples, curves, spec and lock in one HTML file; floor 4, no torch."""

from ganreg.report.page import write_report

__all__ = ["write_report"]
