"""Which dimensions of a latent say something: dead ones of any model, active units of a VAE."""

DEAD = 1e-4  # of the largest standard deviation among the dimensions
ACTIVE_VARIANCE = 0.01  # of mu, in squared latent units


def dead_dimensions(sd):
    """Which dimensions (nearly) never change from image to image.

    Args:
        sd: float (d,), standard deviations over a set of images.

    Returns:
        bool (d,): at most `DEAD` of the largest; so all of them where none changes.
    """
    return sd <= DEAD * sd.max()


def active_units(variance, threshold=ACTIVE_VARIANCE):
    """Which dimensions of a VAE carry information (Burda et al. 2016, "Importance weighted autoencoders").

    Args:
        variance: float (d,), of the posterior means mu over a set of images.
        threshold: float, in squared latent units.

    Returns:
        bool (d,): above the threshold.
    """
    return variance > threshold
