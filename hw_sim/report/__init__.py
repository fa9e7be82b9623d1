"""The report of a run as one page: `render(history, lang)`."""

from hw_sim.report.page import render

__all__ = ["render"]
