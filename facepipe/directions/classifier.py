"""A judge of attributes that sees pixels only: a small convolutional network, trained on original images."""

import numpy as np

from facepipe.core.determinism import rng

BATCH, LEARNING_RATE = 64, 2e-3
# of the maps after each halving
WIDTHS = (32, 64, 128)
SHIFT = 3  # pixels to each side, of training images


class AttributeClassifier:
    """Says of images which of `names` they have.

    Attributes:
        names: list of str.
        network: images float32 (n, h, w, c) in [-1, 1] -> logits (n, k).
    """

    def __init__(self, names, network):
        self.names, self.network = names, network

    def probabilities(self, images):
        """uint8 (n, h, w, c) -> float32 (n, k) in [0, 1]."""
        import tensorflow as tf

        found = [np.empty((0, len(self.names)), np.float32)]
        for start in range(0, len(images), 4 * BATCH):
            x = images[start : start + 4 * BATCH].astype(np.float32) / 127.5 - 1
            found.append(tf.sigmoid(self.network(x, training=False)).numpy())
        return np.concatenate(found)


def fit_classifier(names, shards, labels, seed, images, stream="classifier"):
    """Train one on the training split.

    Args:
        names: list of str, the attributes.
        shards: `Shards`.
        labels: float (n, k) of the training images: 1 with, 0 without, NaN unknown, which teaches nothing.
        seed: int, of weights, order and augmentation (flips and shifts of a few pixels).
        images: int, how many are seen.
        stream: str, names its random numbers: judges with different ones share none, whatever their seeds.

    Returns:
        `AttributeClassifier`.
    """
    import keras
    import tensorflow as tf

    from facepipe.networks.layers import BatchNorm, Initializers

    init = Initializers(seed)
    x = inputs = keras.Input(shards.image_shape)
    for level, width in enumerate(WIDTHS):
        name = f"{stream}_conv{level}"
        stride = 2 if min(x.shape[1:3]) > 2 else 1
        x = keras.layers.Conv2D(width, 4, stride, "same", use_bias=False, kernel_initializer=init.he(name), name=name)(
            x
        )
        x = keras.layers.ReLU()(BatchNorm(name=f"{name}_norm")(x))
    x = keras.layers.Flatten()(x)
    kernel = init.glorot(f"{stream}_logits")
    network = keras.Model(inputs, keras.layers.Dense(len(names), kernel_initializer=kernel)(x), name=stream)
    variables = network.trainable_variables
    optimizer = keras.optimizers.Adam(LEARNING_RATE, beta_2=0.99)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(x, targets):
        known = tf.cast(tf.math.is_finite(targets), tf.float32)
        with tf.GradientTape() as tape:
            logits = network(x, training=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.where(known > 0, targets, 0.0), logits)
            loss = tf.reduce_sum(known * losses) / tf.maximum(tf.reduce_sum(known), 1.0)
        optimizer.apply(tape.gradient(loss, variables), variables)

    count, steps = len(labels), max(1, images // BATCH)
    for index in range(steps):
        draw = rng(seed, stream, index)
        rows = draw.integers(0, count, BATCH)
        batch = _moved(shards.gather("train", rows), draw)
        optimizer.learning_rate = np.float32(LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * index / steps)))
        step(batch.astype(np.float32) / 127.5 - 1, labels[rows].astype(np.float32))
    return AttributeClassifier(list(names), network)


def _moved(images, draw):
    """Every other image mirrored at random, all shifted by up to SHIFT pixels; what comes in repeats the edge."""
    flips, shifts = draw.random(len(images)) < 0.5, draw.integers(0, 2 * SHIFT + 1, (len(images), 2))
    images = np.where(flips[:, None, None, None], images[:, :, ::-1], images)
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), "edge")
    height, width = images.shape[1:3]
    return np.stack([p[y : y + height, x : x + width] for p, (y, x) in zip(padded, shifts, strict=True)])
