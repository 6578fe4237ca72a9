"""facepipe: face generation and editing as reproducible DVC stages."""


def load(path, inverter=None):
    """A trained model for use from Python: see `facepipe.latents.facemodel.load`."""
    from facepipe.latents.facemodel import load

    return load(path, inverter)
