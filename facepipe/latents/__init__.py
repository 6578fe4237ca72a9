"""Latents: tables, samplers, directions, paths."""
