"""Signs that a GAN has collapsed: samples that are all alike, a discriminator that is never wrong."""

import numpy as np

# below this fraction of the real images' diversity the samples count as alike
LEAST_DIVERSITY = 0.3
# mean signs of D's logits over an epoch, +-1: never wrong
SATURATED = 0.98
REAL_IMAGES = 256


def diversity(images):
    """Mean over pairs of the root mean square difference of two images; 0 where all are one (mode collapse).

    Args:
        images: float (n, h, w, c) in [0, 1], n >= 2.

    Returns:
        float in [0, 1].
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    first, second = np.triu_indices(len(flat), 1)
    norms = np.square(flat).mean(axis=1)
    squared = norms[first] + norms[second] - 2 * (flat @ flat.T / flat.shape[1])[first, second]
    return float(np.sqrt(np.maximum(squared, 0)).mean())


def real_diversity(shards):
    """`diversity` of up to 256 training images, evenly spread over the split; a float in [0, 1].

    Args:
        shards: `facepipe.shards.shards.Shards` with at least two training images.
    """
    total = shards.count("train")
    rows = np.unique(np.linspace(0, total - 1, min(REAL_IMAGES, total)).astype(np.int64))
    return diversity(shards.gather("train", rows).astype(np.float32) / np.float32(255))


def messages(row, real, judge_samples=True, judge_signs=True):
    """What speaks for a collapse in an epoch.

    Args:
        row: dict with sample_diversity, real_sign and fake_sign, the means of the epoch.
        real: float, `real_diversity`.
        judge_samples: bool, False while the averaged generator still holds much of its start, whose faces are alike.
        judge_signs: bool, False for a critic (wasserstein_gp), whose logits have no sign that means anything.

    Returns:
        list of str, none if all is well.
    """
    found = []
    if judge_samples and row["sample_diversity"] < LEAST_DIVERSITY * real:
        found.append(f"the samples are alike (diversity {row['sample_diversity']:.3f}, real images {real:.3f})")
    if judge_signs and row["real_sign"] > SATURATED and row["fake_sign"] < -SATURATED:
        found.append(f"the discriminator is never wrong (signs {row['real_sign']:+.3f} and {row['fake_sign']:+.3f})")
    return found
