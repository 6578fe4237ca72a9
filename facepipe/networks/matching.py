"""How far apart images are in the eyes of a network that judges them (feature matching, Larsen et al. 2016)."""

import tensorflow as tf


def distance(real, made):
    """L1 between a network's maps of images and of what is made of them, over the mean size of the former.

    Args:
        real: (n, h, w, c), any float dtype; no gradient goes back through it.
        made: as `real`.

    Returns:
        float32 (n,), 0 or more.
    """
    real = tf.stop_gradient(tf.cast(real, tf.float32))
    return _mean(tf.abs(real - tf.cast(made, tf.float32))) / (tf.reduce_mean(tf.abs(real)) + 1e-6)


def mean_distance(real, made):
    """The mean of `distance` over two lists of maps of the same shapes; float32 (n,)."""
    distances = [distance(*pair) for pair in zip(real, made, strict=True)]
    return tf.add_n(distances) / len(distances)


def _mean(values):
    return tf.reduce_mean(values, axis=tuple(range(1, len(values.shape))))
