"""Data sets in: sources, archives, images, shards."""
