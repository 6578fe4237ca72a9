"""Discriminators on a frozen network's maps: they tell images apart, train with the GAN, and are resumed with it."""

import numpy as np
import pandas as pd
import tensorflow as tf

from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.projected import Projected, hinge_of
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards
from facepipe.training.optimizer import Adam
from tests.trainings import train as train_model


def test_hinge_by_hand():
    real, fake = [np.zeros((1, 1, 2, 1)), np.zeros((1, 1, 1, 1))], [np.zeros((1, 1, 2, 1)), np.zeros((1, 1, 1, 1))]
    real[0][0, 0, :, 0], fake[0][0, 0, :, 0] = (2.0, 0.5), (-3.0, 1.0)
    real[1][...], fake[1][...] = -1.0, -0.5
    d_loss, g_loss = hinge_of(*([tf.constant(each, tf.float32) for each in side] for side in (real, fake)))
    # first map: (0 + .5) / 2 + (0 + 2) / 2, second: 2 + .5
    np.testing.assert_allclose(d_loss, [(1.25 + 2.5) / 2])
    np.testing.assert_allclose(g_loss, [-(-1.0 - 0.5) / 2])


def test_they_learn_to_tell_faces_from_blurred_ones(tiny_shards):
    images = Shards(tiny_shards).images("train", 0, 64)
    heads = Projected(images, 0, "float32")
    x = tf.constant(images, tf.float32) / 127.5 - 1.0
    blurred = tf.image.resize(tf.image.resize(x, (4, 4), antialias=True), x.shape[1:3])
    variables = heads.network.trainable_variables
    assert not any("mix" in each.path or "down" in each.path for each in variables), "what mixes the maps stays"
    optimizer = Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
    optimizer.build(variables)

    def loss():
        return tf.reduce_mean(hinge_of(heads.judge(x), heads.judge(blurred))[0])

    before = float(loss())
    for _ in range(15):
        heads.iterate_spectra()
        with tf.GradientTape() as tape:
            value = loss()
        optimizer.apply(tape.gradient(value, variables), variables)
    assert float(loss()) < 0.6 * before, (before, float(loss()))


def test_a_gan_trains_with_them(tiny_shards, tiny_params, tmp_path):
    params = TrainGAN(
        latent_dim=4, generator_widths=(8, 8), discriminator_widths=(8, 8), batch_size=16, images=64,
        projected_weight=0.5, ema_half_life_kimg=0.01,
    )  # fmt: skip
    train_model("gan", tiny_params[0], params, tiny_shards, tmp_path / "with", tmp_path / "report")
    history = pd.read_csv(tmp_path / "report/history.csv")
    assert np.isfinite(history[["projected_d_loss", "projected_g_loss"]].to_numpy()).all()
    train_model(
        "gan", tiny_params[0], params.model_copy(update={"projected_weight": 0.0}), tiny_shards, tmp_path / "without",
        tmp_path / "report2",
    )  # fmt: skip
    z = np.zeros((1, 4), np.float32)
    found, alone = (load_model(tmp_path / name).decode(z) for name in ("with", "without"))
    assert np.abs(found - alone).max() > 1e-4
