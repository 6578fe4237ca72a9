"""Grids, curves and the report page."""
