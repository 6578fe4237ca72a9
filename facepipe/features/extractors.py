"""Feature extractors for KID and precision/recall; every metric names the one it used.

An extractor maps uint8 (n, H, W, C) images to float32 (n, d) features. All of them work offline, but for inception,
whose weights Keras downloads once.
"""

import contextlib
import functools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from facepipe.core.determinism import rng
from facepipe.core.pictures import to_rgb
from facepipe.errors import FieldError, suggest
from facepipe.features.identity import descriptors

BATCH = 128
ONET_SIZE = 48
RANDOM_SIZE, RANDOM_CHANNELS, RANDOM_DIM = 64, (32, 64, 128, 256), 64
INCEPTION_SIZE, INCEPTION_BATCH = 299, 32
# what keras.applications.InceptionV3 downloads itself, under the name by which it finds it again
INCEPTION_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
INCEPTION_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{INCEPTION_FILE}"
INCEPTION_MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
# what metrics call an extractor: a bare "inception" would be taken for the network of the published FIDs and KIDs
CALLED = {"inception": "inception_keras"}


def features(name, images, eyes=None):
    """Features of images by a named extractor.

    Args:
        name: one of `EXTRACTORS`.
        images: uint8 (n, H, W, C), C 1 or 3.
        eyes: where they are, see `identity.chips`; used by dlib.

    Returns:
        float32 (n, d); a row depends on its image alone (random_conv: to within float32 rounding).

    Raises:
        InputError: no such extractor, or its package is missing.
    """
    if name not in EXTRACTORS:
        hint = suggest(name, EXTRACTORS) or f"; known: {', '.join(EXTRACTORS)}"
        raise FieldError("extractor", f"no extractor {name!r}{hint}")
    return EXTRACTORS[name](images, eyes)


def called(name):
    """What a metric's name says of the extractor `name`."""
    return CALLED.get(name, name)


class Onet(NamedTuple):
    """What MTCNN's O-Net (Zhang et al. 2016) says of n images, each taken whole as the face box.

    Attributes:
        features: float32 (n, 256), activations (after PReLU) of its dense layer.
        face_scores: float32 (n,) in [0, 1], its probability that each image is a face. It falls where much hair or
            background is in the picture, so read it beside that of real images.
    """

    features: np.ndarray
    face_scores: np.ndarray


def resize(images, size):
    """Squash images to size x size RGB.

    Args:
        images: uint8 (n, H, W, C), C 1 (repeated to RGB) or 3.
        size: int, pixels.

    Returns:
        uint8 (n, size, size, 3), by Pillow's bilinear filter, whose support grows when it shrinks
        (antialiased); images of that size already are unchanged.
    """
    images = to_rgb(images)
    if images.shape[1:3] == (size, size):
        return images
    small = np.empty((len(images), size, size, 3), np.uint8)
    for i, image in enumerate(images):
        small[i] = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return small


def mtcnn(images, eyes=None):
    """The features of `onet`: those of a small face classifier and landmark regressor trained on real faces."""
    return onet(images).features


def onet(images):
    """Run MTCNN's O-Net (weights from the `mtcnn` package, MIT) once over uint8 (n, H, W, C) images: `Onet`."""
    network = _onet_network()
    found, scores = [], []
    for start in range(0, len(images), BATCH):
        batch = resize(images[start : start + BATCH], ONET_SIZE).astype(np.float32)
        count = len(batch)
        # always one batch size: one trace, and a row's bytes do not depend on how many there are
        batch = np.pad(batch, [(0, BATCH - count), (0, 0), (0, 0), (0, 0)])
        dense, score = network((batch - 127.5) / 128)
        found.append(dense.numpy()[:count])
        scores.append(score.numpy()[:count, 1])
    return Onet(np.concatenate(found), np.concatenate(scores))


def onet_maps(images):
    """O-Net's maps, differentiable, for use in training.

    Args:
        images: float32 tensor (n, H, W, C) in [0, 1], C 1 or 3.

    Returns:
        list of float32 tensors (n, h, w, c): after its second, third and fourth convolution, and its dense layer's
        numbers as maps of one place: (n, 21, 21, 64), (n, 8, 8, 64), (n, 3, 3, 128), (n, 1, 1, 256).
    """
    import tensorflow as tf

    if images.shape[3] == 1:
        images = tf.repeat(images, 3, axis=3)
    x = tf.image.resize(images, (ONET_SIZE, ONET_SIZE), antialias=True)
    *maps, dense = _onet_layers((x * 255.0 - 127.5) / 128.0)
    return [*maps, dense[:, None, None, :]]


def _onet_layers(x):
    """float32 (n, 48, 48, 3) -> maps after the convolutions but the first, and the dense layer's (n, 256)."""
    net = _onet()
    x = net.maxpool1(net.prelu1(net.conv1(x)))
    second = net.prelu2(net.conv2(x))
    third = net.prelu3(net.conv3(net.maxpool2(second)))
    fourth = net.prelu4(net.conv4(net.maxpool3(third)))
    return second, third, fourth, net.prelu5(net.fc5(net.flatten(net.permute(fourth))))


@functools.cache
def _onet():
    """The layers of MTCNN's O-Net, with their weights."""
    # in a thread of its own: in the graph or the strategy of a training that asks first the weights set would be lost
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_build_onet).result()


def _build_onet():
    """What `_onet` gives, in the graph and strategy of the calling thread; FieldError: its package is missing."""
    try:
        import mtcnn.network.onet
        import mtcnn.utils.tensorflow
    except ModuleNotFoundError as error:
        raise FieldError(
            "extractor", f"mtcnn needs the package {error.name}; pip install it, or choose random_conv"
        ) from None
    with _float32():
        net = mtcnn.network.onet.ONet()
        net.build()
    # by its full path: a bare name would be looked for in the working folder first
    weights = Path(mtcnn.network.onet.__file__).parents[1] / "assets" / "weights" / "onet.lz4"
    net.set_weights(mtcnn.utils.tensorflow.load_weights(str(weights)))
    return net


@contextlib.contextmanager
def _float32():
    """Layers made by others, without a policy of their own: keep a model's bfloat16 out of the metric."""
    import keras

    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(policy)


@functools.cache
def _onet_network():
    import tensorflow as tf

    net = _onet()

    @tf.function(input_signature=[tf.TensorSpec((BATCH, ONET_SIZE, ONET_SIZE, 3), tf.float32)], autograph=False)
    def run(x):
        dense = _onet_layers(x)[-1]
        return dense, net.fc6_3(dense)

    return run


def inception(images, eyes=None):
    """2048 features of Inception v3 (Szegedy et al. 2016) as Keras has it: trained on ImageNet, averaged over places.

    Not the network of the published FIDs and KIDs, which is TensorFlow's of 2015, with other weights and another
    resizing: numbers by this one compare with each other alone. Images are squashed to 299 x 299, pixels scaled to
    [-1, 1].

    Raises:
        InputError: the weights are not there, and cannot be downloaded.
    """
    import keras

    network, found = _inception_network(), [np.empty((0, 2048), np.float32)]
    for start in range(0, len(images), INCEPTION_BATCH):
        batch = resize(images[start : start + INCEPTION_BATCH], INCEPTION_SIZE).astype(np.float32)
        count = len(batch)
        batch = np.pad(batch, [(0, INCEPTION_BATCH - count), (0, 0), (0, 0), (0, 0)])  # as in `onet`
        found.append(network(keras.applications.inception_v3.preprocess_input(batch)).numpy()[:count])
    return np.concatenate(found)


@functools.cache
def _inception_network():
    import keras
    import tensorflow as tf

    shape = (INCEPTION_SIZE, INCEPTION_SIZE, 3)
    with _float32():
        net = keras.applications.InceptionV3(
            include_top=False, weights=_inception_weights(), input_shape=shape, pooling="avg"
        )
    signature = [tf.TensorSpec((INCEPTION_BATCH, *shape), tf.float32)]
    return tf.function(functools.partial(net, training=False), input_signature=signature, autograph=False)


def _inception_weights():
    """The path of the weights in Keras' own folder, downloaded where they are missing or damaged."""
    import keras

    home = os.environ.get("KERAS_HOME", "~/.keras")
    try:
        return keras.utils.get_file(
            INCEPTION_FILE, INCEPTION_URL, cache_dir=home, cache_subdir="models", file_hash=INCEPTION_MD5
        )
    except Exception as error:  # Keras raises nothing narrower
        problem = " ".join(str(error).split())
        raise FieldError(
            "extractor",
            f"inception needs weights that Keras downloads once, which failed ({problem}); connect this machine once, "
            f"or put {INCEPTION_FILE} into {home}/models, or choose mtcnn",
        ) from None


def random_conv(images, eyes=None):
    """64 features of a small convolutional network with random weights (no download, no training).

    In the spirit of Naeem et al. 2020, who use a randomly initialised VGG16 where faces are far from
    ImageNet. Four 3x3 stride-2 convolutions (32, 64, 128, 256 channels, He-normal weights from a fixed
    seed, ReLU) on the image at 64 x 64, scaled to [-1, 1], then one linear map to 64 numbers.
    """
    kernels, projection = _random_weights()
    found = []
    for start in range(0, len(images), BATCH):
        x = resize(images[start : start + BATCH], RANDOM_SIZE).astype(np.float32) / 127.5 - 1
        for kernel in kernels:
            x = np.maximum(_convolve(x, kernel), 0)
        found.append(x.reshape(len(x), -1) @ projection)
    return np.concatenate(found)


@functools.cache
def _random_weights():
    kernels, inputs = [], 3
    for i, outputs in enumerate(RANDOM_CHANNELS):
        normal = rng(0, "random_conv", i).standard_normal((9 * inputs, outputs), dtype=np.float32)
        kernels.append(normal * np.float32(np.sqrt(2 / (9 * inputs))))
        inputs = outputs
    flat = (RANDOM_SIZE >> len(RANDOM_CHANNELS)) ** 2 * inputs
    projection = rng(0, "random_conv", "projection").standard_normal((flat, RANDOM_DIM), dtype=np.float32)
    return kernels, projection / np.float32(np.sqrt(flat))


def _convolve(x, kernel):
    """3x3 convolution with stride 2 and zero padding 1: (n, H, W, c) by (9 c, o) -> (n, H/2, W/2, o)."""
    n, height, width, channels = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, i : i + height : 2, j : j + width : 2] for i in range(3) for j in range(3)]
    return (np.stack(taps, axis=3).reshape(-1, 9 * channels) @ kernel).reshape(n, height // 2, width // 2, -1)


EXTRACTORS = {"mtcnn": mtcnn, "dlib": descriptors, "inception": inception, "random_conv": random_conv}
