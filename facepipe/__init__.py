"""facepipe: face generation and editing as reproducible DVC stages."""


def load(path, inverter=None):
    """A trained model for use from Python: see `facepipe.api.facemodel.load`."""
    from facepipe.api.facemodel import load

    return load(path, inverter)
