"""How steep a discriminator is: the penalty that keeps it trainable, and its weight."""

import tensorflow as tf

# of a gamma "auto": by pixels over batch size (StyleGAN2-ADA, Karras et al. 2020b, appendix C)
GAMMA_BY_PIXELS = 0.0002


def squared_slope(discriminate, images):
    """|d logit / d image|^2, the R1 penalty where the images are real (Mescheder et al. 2018).

    Args:
        discriminate: function, float32 images (n, h, w, c) -> float32 logits (n,); a logit depends on its image alone.
        images: float32 (n, h, w, c).

    Returns:
        (logits, squared slope): float32 (n,) each; differentiable.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminate(images)
    return logits, tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=(1, 2, 3))


def gamma_for(image_shape, batch_size):
    """The weight gamma of R1 that suits images (h, w, c) and a batch, float: 0.0256 at 64x64 and a batch of 32."""
    return GAMMA_BY_PIXELS * image_shape[0] * image_shape[1] / batch_size
