"""Building blocks of all models: strided encoder, transposed-convolution decoder, batch normalisation."""

import keras
import tensorflow as tf

from facepipe.core.determinism import stream_seed
from facepipe.networks import linear, strided
from facepipe.networks.maps import halvings
from facepipe.networks.patches import cropped, even, folded, unfolded
from facepipe.networks.spectral import SpectralDeconv, SpectralDense


class Initializers:
    """Kernel initializers keyed by (seed, name), so that a layer's weights do not depend on other layers."""

    def __init__(self, seed):
        self._seed = seed

    def he(self, name):
        """He et al. 2015, for layers followed by a rectifier."""
        return keras.initializers.HeNormal(seed=int(abs(stream_seed(self._seed, "init", name)[0])))

    def glorot(self, name):
        """Glorot & Bengio 2010, for layers with a linear output."""
        return keras.initializers.GlorotUniform(seed=int(abs(stream_seed(self._seed, "init", name)[0])))


class BatchNorm(keras.layers.Layer):
    """Batch normalisation per channel (Ioffe & Szegedy 2015) by TensorFlow's fused kernel.

    Keras' own layer casts bfloat16 to float32 and back; the fused kernel takes bfloat16 images with float32
    statistics. Input and output: (n, h, w, c) in the compute dtype.

    Args:
        momentum: float in [0, 1), of the moving mean and variance that inference uses.
        epsilon: float, added to the variance.
    """

    def __init__(self, momentum=0.9, epsilon=1e-3, **options):
        super().__init__(**options)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, shape):
        new = {"shape": (shape[-1],), "dtype": "float32", "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **new)
        self.beta = self.add_weight(name="beta", initializer="zeros", **new)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **new)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **new)

    def call(self, x, training=False):
        context = tf.distribute.get_replica_context()
        if not training:
            return self._fused(x, self.moving_mean, self.moving_variance, training=False).y
        if context is None or context.num_replicas_in_sync == 1:
            outputs = self._fused(x, tf.constant([]), tf.constant([]), training=True)
            self._remember(outputs.batch_mean, outputs.batch_variance)
            return outputs.y
        # the statistics of the global batch, so that several replicas give what one gives
        moments = tf.stack(_moments(tf.cast(x, tf.float32)))
        mean, square = tf.unstack(context.all_reduce(tf.distribute.ReduceOp.MEAN, moments))
        variance = square - tf.square(mean)
        # the fused kernel, too, remembers the unbiased variance
        count = tf.cast(tf.size(x) // x.shape[-1] * context.num_replicas_in_sync, tf.float32)
        self._remember(mean, variance * count / (count - 1.0))
        scale = self.gamma / tf.sqrt(variance + self.epsilon)
        return tf.cast((tf.cast(x, tf.float32) - mean) * scale + self.beta, x.dtype)

    def _fused(self, x, mean, variance, training):
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.convert_to_tensor(mean),
            variance=tf.convert_to_tensor(variance),
            epsilon=self.epsilon,
            is_training=training,
        )

    def plain(self):
        """The layer of Keras that does the same in inference, with equal weights, not built."""
        return keras.layers.BatchNormalization(epsilon=self.epsilon, name=self.name)

    def _remember(self, mean, variance):
        keep = self.momentum
        self.moving_mean.assign(keep * self.moving_mean + (1 - keep) * mean)
        self.moving_variance.assign(keep * self.moving_variance + (1 - keep) * variance)


def _moments(x):
    """Mean and mean square over n, h, w."""
    return tf.reduce_mean(x, (0, 1, 2)), tf.reduce_mean(tf.square(x), (0, 1, 2))


def convolutions(name, image_shape, widths, seed, dtype, field="widths", slope=0.2, patch=1, numbers=0):
    """The way down: one 4x4 convolution of stride 2 a width, leaky ReLU, then flatten.

    Args:
        name: str, prefix of the layer names.
        image_shape: (h, w, c).
        widths: channels after each halving.
        seed: int, of the initial weights.
        dtype: keras dtype policy or its name.
        field: str, what the widths are called, for messages.
        slope: float, of the leaky ReLU below zero.
        patch: int, pixels a side that are folded into channels before the first convolution.
        numbers: int, how many come out of a linear path beside it (`linear.to_numbers`), the last features; 0: none.

    Returns:
        `keras.Model`: (n, h, w, c) in [-1, 1] -> (n, features).
    """
    init = Initializers(seed)
    halvings(image_shape, len(widths), field, patch)
    inputs = keras.Input(image_shape, name=f"{name}_images")
    x = folded(inputs, patch, dtype, f"{name}_fold")
    for level, width in enumerate(widths):
        layer = f"{name}_conv{level}"
        x = strided.Conv2D(width, kernel_initializer=init.he(layer), dtype=dtype, name=layer)(x)
        x = keras.layers.LeakyReLU(slope, dtype=dtype, name=f"{layer}_relu")(x)
    x = keras.layers.Flatten(dtype=dtype, name=f"{name}_flatten")(x)
    if numbers:
        beside = linear.to_numbers(inputs, numbers, f"{name}_linear")
        x = keras.layers.Concatenate(dtype="float32", name=f"{name}_features")([x, beside])
    return keras.Model(inputs, x, name=name)


def deconvolutions(
    name, latent_dim, image_shape, widths, seed, dtype, batch_norm, field="widths", spectral=False, patch=1,
    linear_path=False,
):  # fmt: skip
    """The way up: dense to the smallest map, then one 4x4 transposed convolution of stride 2 a width.

    A transposed convolution doubles exactly; where the image side is odd, the last row or column is cut.

    Args:
        name: str, prefix of the layer names.
        latent_dim: int.
        image_shape: (h, w, c) of the result.
        widths: channels of the maps, smallest map first; the last transposed convolution makes the image.
        seed: int, of the initial weights.
        dtype: keras dtype policy or its name.
        batch_norm: bool, normalise each map.
        field: str, what the widths are called, for messages.
        spectral: bool, every kernel divided by its largest singular value (Miyato et al. 2018).
        patch: int, pixels a side that the last transposed convolution makes at once, as channels (Shi et al. 2016).
        linear_path: bool, the logits are the sum of that and of `linear.to_image`.

    Returns:
        `keras.Model`: float32 latents (n, latent_dim) -> float32 logits (n, h, w, c); the image is their sigmoid.
    """
    init = Initializers(seed)
    sizes = halvings(image_shape, len(widths), field, patch)[::-1]

    def activate(x, layer):
        if batch_norm:
            x = BatchNorm(dtype=dtype, name=f"{layer}_norm")(x)
        return keras.layers.ReLU(dtype=dtype, name=f"{layer}_relu")(x)

    inputs = keras.Input((latent_dim,), name=f"{name}_latents")
    (height, width), layer = sizes[0], f"{name}_dense"
    units, options = height * width * widths[0], {"kernel_initializer": init.he(layer), "dtype": dtype, "name": layer}
    if spectral:
        x = SpectralDense(latent_dim, units, **options)(inputs)
    else:
        x = keras.layers.Dense(units, **options)(inputs)
    x = activate(keras.layers.Reshape((height, width, widths[0]), dtype=dtype, name=f"{name}_map")(x), layer)
    levels = zip((*widths[1:], image_shape[2] * patch**2), sizes[1:], strict=True)
    for level, (channels, (height, width)) in enumerate(levels):
        last = level == len(widths) - 1
        layer = f"{name}_deconv{level}"
        kernel = init.glorot(layer) if last else init.he(layer)
        options = {"kernel_initializer": kernel, "dtype": dtype, "name": layer}
        if spectral:
            x = SpectralDeconv(x.shape[-1], channels, 4, 2, **options)(x)
        else:
            options |= even(patch) if last else {}
            x = strided.Conv2DTranspose(channels, use_bias=last or not batch_norm, **options)(x)
        x = cropped(x, (height, width), dtype, f"{layer}_cut")
        if not last:
            x = activate(x, layer)
    x = unfolded(x, patch, image_shape[:2], dtype, f"{name}_unfold")
    if linear_path:
        parts = [x, linear.to_image(inputs, image_shape, f"{name}_linear")]
        logits = keras.layers.Add(dtype="float32", name=f"{name}_logits")(parts)
    else:
        logits = keras.layers.Activation("linear", dtype="float32", name=f"{name}_logits")(x)
    return keras.Model(inputs, logits, name=name)


def beside(z, codes, count):
    """What a conditioned decoder takes: latents and codes of labels side by side.

    Args:
        z: float32 (n, latent_dim).
        codes: float32 (n, count), see `facepipe.shards.labels.label_codes`; None: all labels unknown.
        count: int, labels that the model is conditioned on.

    Returns:
        float32 (n, latent_dim + count).
    """
    if not count:
        return z
    return tf.concat([z, tf.zeros((tf.shape(z)[0], count)) if codes is None else codes], 1)


LATENT_ACTIVATIONS = {"linear": tf.identity, "relu": tf.nn.relu, "sigmoid": tf.nn.sigmoid}


def plain(network):
    """A copy of a network for inference, of Keras' own layers only: ours say by `plain()` which one does the same.

    Where the weights differ in form, `plain_weights()` gives those of the layer of Keras.
    """

    def copy(layer):
        return layer.plain() if hasattr(layer, "plain") else layer.__class__.from_config(layer.get_config())

    copied = keras.models.clone_model(network, clone_function=copy)
    for ours, theirs in zip(network.layers, copied.layers, strict=True):
        theirs.set_weights(ours.plain_weights() if hasattr(ours, "plain_weights") else ours.get_weights())
    return copied


def parameter_count(networks):
    """Trainable numbers in a dict of networks."""
    return int(sum(w.shape.num_elements() for net in networks.values() for w in net.trainable_weights))
