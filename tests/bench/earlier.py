"""The networks of five earlier projects in plain Keras; how they train them is in `earlier_ways`.

Rebuilt from facts (sizes, layers, loss, optimiser, batch). What is not known is chosen here so that the parameters and
the multiply-adds come to the known counts (S4: the transposed convolutions keep the channels, the convolution after
each goes to the next level's), or does not change the speed: S4's target is cropped at the bottom and the right, S0's
dropout stays at 0.12, S1 goes step by step with train_on_batch.
"""

from typing import NamedTuple

import keras
from keras import layers

from facepipe.networks.layers import BatchNorm
from tests.bench.counting import forward_macs, parameters

TOLERANCE = 0.02


class Project(NamedTuple):
    """An earlier project: its facts, and what builds its networks.

    `kind` is facepipe's model of the same sort, `parameters` and `macs` what its networks must come to.
    """

    name: str
    kind: str
    shape: tuple
    batch: int
    loss: str
    rate: float
    way: str
    parameters: dict
    macs: dict
    build: callable


def build(project, fused_norm=False):
    """Networks by name, under the current dtype policy, outputs float32; checked against the known counts.

    Args:
        project: `Project`.
        fused_norm: bool, facepipe's batch normalisation in the place of Keras' (the same function).
    """
    networks = project.build(_fused if fused_norm else _plain)
    for known, count in ((project.parameters, parameters), (project.macs, forward_macs)):
        for names, expected in known.items():
            found = count(*(networks[name] for name in names.split("+")))
            if abs(found / expected - 1) > TOLERANCE:
                raise ValueError(f"{project.name} {names}: {count.__name__} {found:,}, expected {expected:,.0f}")
    return networks


def _plain(x):
    return layers.BatchNormalization()(x)


def _fused(x):
    return BatchNorm(0.99)(x) if len(x.shape) == 4 else _plain(x)


def _chain(x, steps, activate, norm=None, up=False, kernel=3):
    """Convolutions (transposed where `up`) of (channels, stride), each normalised and activated."""
    kind = layers.Conv2DTranspose if up else layers.Conv2D
    for channels, stride in steps:
        x = kind(channels, kernel, stride, "same")(x)
        x = activate(norm(x) if norm else x)
    return x


def _relu(x):
    return layers.ReLU()(x)


def _output(x, activation):
    return layers.Activation(activation, dtype="float32")(x)


def _s0(norm):
    x = image = keras.Input((218, 178, 3))
    for channels in (4, 8):
        x = layers.MaxPooling2D()(layers.Conv2D(channels, 3, activation="relu")(x))
    x = layers.Dropout(0.12)(layers.Flatten()(x))
    for units, activation in ((1024, "relu"), (1024, "elu"), (512, "relu"), (512, "elu"), (1024, "sigmoid")):
        x = layers.Dense(units, activation=activation)(x)
    x = layers.Reshape((218, 178, 3))(layers.Dense(218 * 178 * 3)(x))
    return {"network": keras.Model(image, _output(x, "sigmoid"))}


def _s1_mse(norm):
    x = image = keras.Input((128, 128, 3))
    down = [(32, 1), (32, 1), (64, 2), (128, 1), (128, 1), (256, 2), (512, 1), (512, 1), (512, 2), (128, 1)]
    x = layers.Flatten()(_chain(x, down, _relu, norm))
    x = _relu(norm(layers.Dense(1024)(x)))
    x = layers.Reshape((16, 16, 128))(norm(layers.Dense(32768)(x)))
    up = [(512, 1), (512, 2), (512, 1), (256, 1), (128, 2), (128, 1), (64, 1), (32, 2), (32, 1)]
    x = layers.Conv2DTranspose(3, 3, padding="same")(_chain(x, up, _relu, norm, up=True))
    return {"network": keras.Model(image, _output(x, "relu"))}


def _s1_bce(norm):
    x = image = keras.Input((128, 128, 3))
    down = [(32, 1), (64, 2), (128, 1), (256, 2), (512, 1), (512, 2), (256, 1), (128, 1), (64, 1)]
    x = layers.Flatten()(_chain(x, down, _relu, norm))
    for units, activation in ((2048, "relu"), (1024, "sigmoid"), (2048, "relu"), (16384, "relu")):
        x = layers.Activation(activation)(norm(layers.Dense(units)(x)))
    x = layers.Reshape((16, 16, 64))(x)
    up = [(128, 1), (256, 1), (512, 1), (512, 2), (256, 1), (128, 2), (64, 1), (32, 2)]
    x = layers.Conv2DTranspose(3, 3, padding="same")(_chain(x, up, _relu, norm, up=True))
    return {"network": keras.Model(image, _output(x, "sigmoid"))}


def _s2(norm):
    x = image = keras.Input((128, 128, 3))
    for channels, kernel in ((32, 3), (64, 3), (128, 5), (128, 5)):
        x = layers.Conv2D(channels, kernel, 2, "same", kernel_initializer="he_normal")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.LeakyReLU(0.2)(layers.Dense(8192)(layers.Flatten()(x)))
    posterior = [_output(layers.Dense(2048)(x), "linear") for _ in range(2)]
    z = keras.Input((2048,))
    x = layers.Reshape((8, 8, 128))(layers.LeakyReLU(0.2)(layers.Dense(8192)(z)))
    for channels, kernel in ((128, 5), (64, 5), (32, 3)):
        x = layers.LeakyReLU(0.2)(layers.Conv2DTranspose(channels, kernel, 2, "same")(x))
    x = layers.Conv2DTranspose(3, 3, 2, "same")(x)
    return {"encoder": keras.Model(image, posterior), "decoder": keras.Model(z, _output(x, "sigmoid"))}


def _s3(norm):
    x = z = keras.Input((100,))
    x = layers.LeakyReLU(0.3)(norm(layers.Dense(32 * 32 * 512, use_bias=False)(x)))
    x = layers.Reshape((32, 32, 512))(x)
    x = _chain(x, [(256, 1), (128, 2), (64, 2)], layers.LeakyReLU(0.3), norm, up=True, kernel=5)
    x = layers.Conv2DTranspose(3, 5, padding="same")(x)
    generator = keras.Model(z, _output(x, "tanh"))
    x = image = keras.Input((128, 128, 3))
    for channels in (64, 128):
        x = layers.LeakyReLU(0.3)(layers.Conv2D(channels, 5, 2, "same")(x))
        x = layers.Dropout(0.3)(x)
    x = layers.Dense(1)(layers.Flatten()(x))
    return {"generator": generator, "discriminator": keras.Model(image, _output(x, "sigmoid"))}


def _s4(norm):
    x = image = keras.Input((171, 186, 1))
    for channels in (32, 64, 128, 256):
        x = layers.MaxPooling2D()(_chain(x, [(channels, 1)], _relu))
    x = _chain(x, [(2, 1)], _relu)
    x = layers.Dense(220, activation="relu")(layers.Dense(80, activation="relu")(layers.Flatten()(x)))
    x = _chain(layers.Reshape((10, 11, 2))(x), [(256, 1)], _relu)
    for channels, following in ((256, 128), (128, 64), (64, 32)):
        x = _chain(layers.Conv2DTranspose(channels, 2, 2)(x), [(following, 1)], _relu)
    x = layers.Conv2D(1, 3, padding="same")(layers.Conv2DTranspose(32, 2, 2)(x))
    return {"network": keras.Model(image, _output(x, "sigmoid"))}


def _autoencoder(name, shape, batch, loss, rate, way, millions, giga_macs, networks):
    known = {"network": millions * 1e6}, {"network": giga_macs * 1e9}
    return Project(name, "ae", shape, batch, loss, rate, way, *known, networks)


SQUARE = (128, 128, 3)
PROJECTS = {
    project.name: project
    for project in (
        _autoencoder("S0", (218, 178, 3), 32, "mse", 1e-3, "fit", 140.4, 0.147, _s0),
        _autoencoder("S1-mse", SQUARE, 32, "mse", 1e-4, "train_on_batch", 81.3, 11.7, _s1_mse),
        _autoencoder("S1-bce", SQUARE, 32, "bce", 1e-5, "train_on_batch", 82.3, 5.9, _s1_bce),
        Project(
            *("S2", "vae", SQUARE, 128, "mse", 1e-4, "fit, own train_step"),
            *({"encoder+decoder": 118.7e6}, {"encoder+decoder": 0.32e9}, _s2),
        ),
        Project(
            *("S3", "gan", SQUARE, 64, "bce", 1e-4, "train_on_batch"),
            *({"generator": 58.8e6, "discriminator": 0.34e6}, {"generator": 5.2e9, "discriminator": 0.23e9}, _s3),
        ),
        _autoencoder("S4", (171, 186, 1), 4, "mse", 1e-3, "fit", 1.17, 0.95, _s4),
    )
}


def target(project, images):
    """What the output is compared with: the images, for S4 cropped to its 160x176."""
    return images[:, :160, :176] if project.name == "S4" else images
