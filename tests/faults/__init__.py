"""What the pipeline makes of kills, full disks, damaged files and other mishaps: see `run`."""
