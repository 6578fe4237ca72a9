"""Losses of discriminator and generator as pure functions; per-sample values, float32, reduced by the caller.

real_logits, fake_logits: float32 (n,), of real and of generated images; each loss returns (d_loss, g_loss), (n,) each.
"""

import tensorflow as tf

from facepipe.networks.slope import squared_slope


def non_saturating(real_logits, fake_logits):
    """Non-saturating loss (Goodfellow et al. 2014, sec. 3): softplus(-real) + softplus(fake); softplus(-fake)."""
    return tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits), tf.nn.softplus(-fake_logits)


def bce(real_logits, fake_logits, label_smoothing):
    """Cross-entropy with one-sided label smoothing (Salimans et al. 2016, sec. 3.4), in nats.

    With a = 1 - label_smoothing the target of real images, p = sigmoid(logit):
    d_loss = -a log p(real) - (1 - a) log(1 - p(real)) - log(1 - p(fake)); g_loss = -log p(fake).
    Only D's target for real images is smoothed; with label_smoothing 0 this is `non_saturating`.

    Args:
        label_smoothing: float in [0, 0.5).
    """
    # softplus(-x) + (1 - a) x = -a log p - (1 - a) log(1 - p)
    real = tf.nn.softplus(-real_logits) + label_smoothing * real_logits
    return real + tf.nn.softplus(fake_logits), tf.nn.softplus(-fake_logits)


def relativistic(real_logits, fake_logits):
    """Relativistic pairing (Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 2): softplus(fake - real); the reverse."""
    return tf.nn.softplus(fake_logits - real_logits), tf.nn.softplus(real_logits - fake_logits)


def hinge(real_logits, fake_logits):
    """Hinge loss (Lim & Ye 2017; Miyato et al. 2018): relu(1 - real) + relu(1 + fake); -fake."""
    return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits), -fake_logits


def wasserstein(real_logits, fake_logits):
    """Wasserstein loss (Arjovsky et al. 2017): fake - real; -fake. D must be kept near 1-Lipschitz: `slope_penalty`."""
    return fake_logits - real_logits, -fake_logits


def losses_of(params, real_logits, fake_logits):
    """The loss that `params.loss` of `models.gan.config.TrainGAN` names; (d_loss, g_loss), without any penalty."""
    if params.loss == "bce":
        return bce(real_logits, fake_logits, params.label_smoothing)
    losses = {f.__name__: f for f in (non_saturating, relativistic, hinge)} | {"wasserstein_gp": wasserstein}
    return losses[params.loss](real_logits, fake_logits)


def slope_penalty(discriminate, real, fake, share):
    """(|d logit / d image| - 1)^2 at share * real + (1 - share) * fake (WGAN-GP, Gulrajani et al. 2017, eq. 3).

    Args:
        discriminate: as in `squared_slope`.
        real, fake: float32 images (n, h, w, c).
        share: float32 (n,) in [0, 1), drawn uniformly.

    Returns:
        float32 (n,).
    """
    share = share[:, None, None, None]
    _, squared = squared_slope(discriminate, share * real + (1.0 - share) * tf.stop_gradient(fake))
    # the root has no gradient at 0
    return tf.square(tf.sqrt(squared + 1e-12) - 1.0)


def judge(params, discriminate, real, fake, share, with_penalty):
    """D's logits, and the penalty on its slope that `params` asks for.

    Args:
        params: `models.gan.config.TrainGAN`.
        discriminate, real, fake, share: as in `slope_penalty`; share is used by wasserstein_gp alone.
        with_penalty: bool, whether it is due.

    Returns:
        (real logits, fake logits, penalties): float32 (n,) each; penalties a dict by name, r2 that of the slope at
        generated images (Roth et al. 2017; Huang et al. 2024).
    """
    if not with_penalty:
        return discriminate(real), discriminate(fake), {}
    if params.loss == "wasserstein_gp":
        penalty = slope_penalty(discriminate, real, fake, share)
        return discriminate(real), discriminate(fake), {"gradient_penalty": penalty}
    real_logits, r1 = squared_slope(discriminate, real)
    if not params.r2:
        return real_logits, discriminate(fake), {"r1": r1}
    fake_logits, r2 = squared_slope(discriminate, fake)
    return real_logits, fake_logits, {"r1": r1, "r2": r2}
