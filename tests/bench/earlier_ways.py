"""The earlier projects' own way of training: `fit`, `fit` with an own train_step, `train_on_batch`; float32."""

import keras
import numpy as np
import tensorflow as tf

from tests.bench.earlier import target


def variational_loss(x, networks, noise):
    """S2's loss: 16,384 x MSE + KL."""
    mu, logvar = networks["encoder"](x, training=True)
    y = networks["decoder"](mu + tf.exp(0.5 * logvar) * noise, training=True)
    kl = 0.5 * tf.reduce_sum(tf.square(mu) + tf.exp(logvar) - logvar - 1.0, axis=1)
    return 16384 * tf.reduce_mean(tf.square(x - y)) + tf.reduce_mean(kl)


class _Variational(keras.Model):
    """S2's model with its own train_step."""

    def __init__(self, networks):
        super().__init__()
        self.encoder, self.decoder = networks["encoder"], networks["decoder"]
        self.built = True

    def train_step(self, data):
        x = keras.utils.unpack_x_y_sample_weight(data)[0]
        with tf.GradientTape() as tape:
            noise = keras.random.normal((tf.shape(x)[0], 2048))
            loss = variational_loss(x, {"encoder": self.encoder, "decoder": self.decoder}, noise)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def train(project, networks, images, on_step):
    """Train as the project does, until on_step(), called after each step, raises.

    Args:
        project: `Project`.
        networks: from `build`.
        images: float32 (n, h, w, c) in [0, 1].
        on_step: callable without arguments.
    """
    adam = keras.optimizers.Adam(project.rate)
    if project.kind == "gan":
        return _train_gan(project, networks, images * 2 - 1, on_step)
    loss = {"mse": "mse", "bce": "binary_crossentropy"}[project.loss]
    model = _Variational(networks) if project.kind == "vae" else networks["network"]
    adam.build(model.trainable_variables)
    model.compile(adam, loss=None if project.kind == "vae" else loss)
    aims = target(project, images)
    if project.way == "train_on_batch":
        for rows in _batches(len(images), project.batch):
            model.train_on_batch(images[rows], aims[rows])
            on_step()
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_step())
    data = (images,) if project.kind == "vae" else (images, aims)
    return model.fit(*data, batch_size=project.batch, epochs=10**9, verbose=0, callbacks=[callback])


def _batches(count, batch):
    generator = np.random.default_rng(0)
    while True:
        order = generator.permutation(count)
        for start in range(0, count - batch + 1, batch):
            yield order[start : start + batch]


def _train_gan(project, networks, images, on_step):
    generator, discriminator = networks["generator"], networks["discriminator"]
    discriminator.compile(keras.optimizers.Adam(project.rate), "binary_crossentropy", metrics=["accuracy"])
    discriminator.trainable = False
    # Keras 3 looks at `trainable` when it traces, not at compile: D's own step is traced while D may train
    both = keras.Sequential([generator, discriminator])
    both.compile(keras.optimizers.Adam(project.rate), "binary_crossentropy")
    ones, zeros, noise = np.ones((project.batch, 1)), np.zeros((project.batch, 1)), np.random.default_rng(1)
    for rows in _batches(len(images), project.batch):
        z = noise.standard_normal((project.batch, 100), np.float32)
        fake = generator.predict(z, batch_size=project.batch, verbose=0)
        discriminator.trainable = True
        discriminator.train_on_batch(images[rows], ones)
        discriminator.train_on_batch(fake, zeros)
        discriminator.trainable = False
        both.train_on_batch(z, ones)
        on_step()
