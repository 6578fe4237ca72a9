"""How the GAN's learning rates, the weight of its penalty and its average of weights change over the training."""

import math

from facepipe.networks.slope import gamma_for


def rate_left(params, share):
    """What is left of both learning rates where `share` of the training is done, in [0, 1]: 1 up to `decay_from`."""
    done = max(0.0, share - params.decay_from) / (1.0 - params.decay_from)
    if params.learning_rate_decay == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    return 1.0 - done if params.learning_rate_decay == "linear" else 1.0


def penalty_weight(params, share, image_shape):
    """The weight of D's penalty, float: of wasserstein_gp, or of R1 and R2 on the steps that they are due.

    gamma / 2 (Mescheder et al. 2018), times r1_every, since it acts on every r1_every-th step only (Karras et al.
    2020a); from `r1_gamma` to `r1_end` of it by a cosine (Huang et al. 2024).
    """
    if params.loss == "wasserstein_gp":
        return params.gp_weight
    gamma = params.r1_gamma
    if gamma == "auto":
        gamma = gamma_for(image_shape, params.batch_size)
    left = params.r1_end + (1.0 - params.r1_end) * 0.5 * (1.0 + math.cos(math.pi * share))
    return 0.5 * gamma * left * params.r1_every


def average_decay(params, images):
    """What a step leaves of the averaged generator, where so many images were seen: in [0, 1).

    Half of it is gone after `ema_half_life_kimg`; with `ema_ramp` at most after that share of the images seen (Karras
    et al. 2020b), so that the average does not hold the first weights.
    """
    half_life = params.ema_half_life_kimg * 1000
    if params.ema_ramp is not None:
        half_life = min(half_life, params.ema_ramp * images)
    return 0.5 ** (params.batch_size / half_life) if half_life else 0.0
