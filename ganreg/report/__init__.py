"""The page that shows a run, and the page that shows several side by side, each one HTML file; floor 4, no torch."""

from ganreg.report.comparison import compare
from ganreg.report.page import write_report
from ganreg.report.side_by_side import write_comparison

__all__ = ["compare", "write_comparison", "write_report"]
