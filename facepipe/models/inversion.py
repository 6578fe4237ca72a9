"""Latents of given images by optimisation through the decoder, each image for itself."""

import tensorflow as tf

LEARNING_RATE = 0.05
BETAS = 0.9, 0.999
# of a pixel, in [0, 1]^2: how far an image may be from what a decoder makes before the prior gives way
VARIANCE = 0.01


def optimize(decode, x, z, steps):
    """Adam (Kingma & Ba 2015) on z from a start: at each image the least of squared error and prior that it comes by.

    sum (x - decode(z))^2 / (2 VARIANCE) + |z|^2 / 2, the negative log of p(x | z) p(z) but for a constant, with
    z from N(0, I). Nothing is random, and a row depends on that row alone.

    Args:
        decode: function, float32 latents (n, d) -> float32 images (n, h, w, c); differentiable, rows independent.
        x: float32 images (n, h, w, c) in [0, 1].
        z: float32 (n, d), the start.
        steps: int tensor, how many.

    Returns:
        float32 (n, d), of each row the best of the start and all steps.
    """

    def loss(z):
        error = tf.reduce_sum(tf.square(x - decode(z)), axis=(1, 2, 3))
        return error / (2.0 * VARIANCE) + 0.5 * tf.reduce_sum(tf.square(z), axis=1)

    def step(i, z, first, second, best, least):
        with tf.GradientTape() as tape:
            tape.watch(z)
            now = loss(z)
        better = now < least
        best, least = tf.where(better[:, None], z, best), tf.where(better, now, least)
        slope = tape.gradient(now, z)
        first = BETAS[0] * first + (1.0 - BETAS[0]) * slope
        second = BETAS[1] * second + (1.0 - BETAS[1]) * tf.square(slope)
        count = tf.cast(i + 1, tf.float32)
        mean, square = first / (1.0 - BETAS[0] ** count), second / (1.0 - BETAS[1] ** count)
        return i + 1, z - LEARNING_RATE * mean / (tf.sqrt(square) + 1e-8), first, second, best, least

    nothing = tf.zeros_like(z)
    start = (0, z, nothing, nothing, z, tf.fill(tf.shape(z)[:1], float("inf")))
    _, z, _, _, best, least = tf.while_loop(lambda i, *_: i < steps, step, start)
    return tf.where((loss(z) < least)[:, None], z, best)
