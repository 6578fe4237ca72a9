"""Grids, strips and charts."""
