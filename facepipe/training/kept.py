"""Where the states of unfinished trainings are kept, and how long; known without TensorFlow."""

import os
from pathlib import Path

KEPT_DAYS = 14


def states_folder():
    """.facepipe/resume, or where the environment variable FACEPIPE_RESUME says."""
    return Path(os.environ.get("FACEPIPE_RESUME") or ".facepipe/resume")
