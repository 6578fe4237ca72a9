"""Discriminators that see a frozen network's maps in place of pixels (Sauer et al. 2021, "Projected GANs")."""

import keras
import tensorflow as tf

from facepipe.features import efficientnet
from facepipe.networks.layers import BatchNorm, Initializers
from facepipe.networks.spectral import SpectralConv, iterate_all
from facepipe.networks.summary import forward_flops

# channels that the maps are mixed to, those of the discriminators after each halving, and the side where they end
MIXED, WIDTHS, LAST = 64, (64, 128, 256), 4


class Projected:
    """A small discriminator for each map of an EfficientNet-Lite0 that is trained no further.

    The maps are mixed by random 1x1 convolutions, and each with the next smaller one, doubled, as in a feature pyramid;
    these too stay as they are.

    Args:
        images: uint8 (n, h, w, c), real ones: over them each channel of the maps gets a mean square of 1.
        seed: int, of the random convolutions and of the first weights.
        dtype: keras dtype policy of the discriminators.
    """

    def __init__(self, images, seed, dtype):
        self._image_shape = images.shape[1:]
        init, inputs, logits = Initializers(seed), [], []
        found = efficientnet.maps(tf.cast(images, tf.float32) / 127.5 - 1.0)
        self._scales = [tf.math.rsqrt(tf.reduce_mean(tf.square(each), axis=(0, 1, 2)) + 1e-6) for each in found]
        coarser = None
        for level, each in reversed(list(enumerate(found))):
            name = f"projected{level}"
            x = keras.Input(each.shape[1:], name=f"{name}_map")
            inputs.insert(0, x)
            x = self._mix(init, x, dtype, f"{name}_mix")
            if coarser is not None:
                y = keras.layers.UpSampling2D(2, dtype=dtype, name=f"{name}_up")(coarser)
                y = self._mix(init, y, dtype, f"{name}_down")
                y = keras.layers.Cropping2D(
                    ((0, y.shape[1] - x.shape[1]), (0, y.shape[2] - x.shape[2])), dtype=dtype, name=f"{name}_cut"
                )(y)
                x = keras.layers.Add(dtype=dtype, name=f"{name}_pyramid")([x, y])
            coarser = x
            logits.append(self._discriminator(init, x, dtype, name))
        self.network = keras.Model(inputs, logits, name="projected")

    @staticmethod
    def _mix(init, x, dtype, name):
        options = {"use_bias": False, "trainable": False, "dtype": dtype, "name": name}
        kernel = init.glorot(name)
        return keras.layers.Conv2D(MIXED, 1, kernel_initializer=kernel, **options)(x)

    @staticmethod
    def _discriminator(init, x, dtype, name):
        for depth, width in enumerate(WIDTHS):
            if depth and min(x.shape[1:3]) <= LAST:
                break
            layer, side = f"{name}_conv{depth}", min(x.shape[1:3])
            size, stride = (4, 2) if side > LAST else (min(3, side), 1)
            x = SpectralConv(
                x.shape[-1], width, size, stride, kernel_initializer=init.he(layer), dtype=dtype, name=layer
            )(x)
            x = BatchNorm(dtype=dtype, name=f"{layer}_norm")(x)
            x = keras.layers.LeakyReLU(0.2, dtype=dtype, name=f"{layer}_relu")(x)
        layer = f"{name}_logits"
        size = min(3, *x.shape[1:3])
        return SpectralConv(
            x.shape[-1], 1, size, 1, kernel_initializer=init.glorot(layer), dtype="float32", name=layer
        )(x)

    def judge(self, images):
        """float32 images (n, h, w, c) in [-1, 1] -> list of float32 logits (n, h', w', 1), for each map a map."""
        pairs = zip(efficientnet.maps(images), self._scales, strict=True)
        return self.network([each * scale for each, scale in pairs], training=True)

    def flops(self, made):
        """Operations of a step for one image, of which `made` generated ones come from; int, see `operations`."""
        seen, learned = efficientnet.flops(self._image_shape), forward_flops(self.network)
        return seen * (1 + 2 * made) + learned * (1 + made + 2 * (1 + made) + made)

    def iterate_spectra(self):
        """One power iteration; before a step of D."""
        iterate_all(self.network)


def hinge_of(real_logits, fake_logits):
    """Hinge loss (Lim & Ye 2017) at each place of the maps of logits, its mean over places and maps.

    Args:
        real_logits, fake_logits: lists of float32 (n, h, w, 1).

    Returns:
        (d_loss, g_loss), float32 (n,) each.
    """
    pairs = list(zip(real_logits, fake_logits, strict=True))
    d_losses = [_mean(tf.nn.relu(1.0 - real)) + _mean(tf.nn.relu(1.0 + fake)) for real, fake in pairs]
    return tf.add_n(d_losses) / len(pairs), -tf.add_n([_mean(fake) for _, fake in pairs]) / len(pairs)


def _mean(logits):
    return tf.reduce_mean(logits, axis=(1, 2, 3))
