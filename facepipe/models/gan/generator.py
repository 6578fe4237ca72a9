"""The residual generator (Miyato et al. 2018), at a fraction of its cost."""

import keras

from facepipe.networks import strided
from facepipe.networks.layers import BatchNorm, Initializers
from facepipe.networks.maps import halvings
from facepipe.networks.patches import cropped, even, unfolded


def residual_generator(latent_dim, image_shape, widths, seed, dtype, field="generator_widths", patch=1):
    """Dense to the smallest map, a residual block for each doubling but the last, a 4x4 transposed convolution for it.

    A block: batch normalisation, ReLU, 3x3, nearest neighbour twice as large, batch normalisation, ReLU, 3x3; beside
    it a 1x1 and nearest neighbour. The paper's first convolution works on the enlarged map, at four times the
    operations; a 1x1 before or after nearest neighbour is the same. Where the image side is odd, the last row or
    column is cut.

    Args:
        latent_dim: int.
        image_shape: (h, w, c) of the result.
        widths: channels of the maps, smallest map first; the transposed convolution makes the image of the last one.
        seed: int, of the initial weights.
        dtype: keras dtype policy of the convolutions.
        field: str, what the widths are called, for messages.
        patch: int, pixels a side that the transposed convolution makes at once, see `patches.unfolded`.

    Returns:
        `keras.Model` named generator: float32 latents (n, latent_dim) -> float32 logits (n, h, w, c).

    Raises:
        InputError: too many widths for the image.
    """
    init = Initializers(seed)
    sizes = halvings(image_shape, len(widths), field, patch)[::-1]

    def activate(x, name):
        x = BatchNorm(dtype=dtype, name=f"{name}_norm")(x)
        return keras.layers.ReLU(dtype=dtype, name=f"{name}_relu")(x)

    def conv(x, width, size, name, bias=True):
        return keras.layers.Conv2D(
            width, size, padding="same", use_bias=bias, kernel_initializer=init.he(name), dtype=dtype, name=name
        )(x)

    def double(x, size, name):
        x = keras.layers.UpSampling2D(2, dtype=dtype, name=f"{name}_up")(x)
        return cropped(x, size, dtype, f"{name}_cut")

    inputs = keras.Input((latent_dim,), name="generator_latents")
    (height, width), name = sizes[0], "generator_dense"
    x = keras.layers.Dense(height * width * widths[0], kernel_initializer=init.glorot(name), dtype=dtype, name=name)(
        inputs
    )
    x = keras.layers.Reshape((height, width, widths[0]), dtype=dtype, name="generator_map")(x)
    for level, (channels, size) in enumerate(zip(widths[1:], sizes[1:-1], strict=True)):
        name = f"generator_block{level}"
        shortcut = double(conv(x, channels, 1, f"{name}_shortcut"), size, f"{name}_shortcut")
        y = conv(activate(x, f"{name}_in"), channels, 3, f"{name}_conv0", bias=False)
        y = activate(double(y, size, name), f"{name}_mid")
        x = keras.layers.Add(dtype=dtype, name=name)([shortcut, conv(y, channels, 3, f"{name}_conv1")])
    name = "generator_image"
    x = strided.Conv2DTranspose(
        image_shape[2] * patch**2, kernel_initializer=init.glorot(name), dtype=dtype, name=name, **even(patch)
    )(activate(x, "generator_out"))
    x = cropped(x, sizes[-1], dtype, f"{name}_cut")
    x = unfolded(x, patch, image_shape[:2], dtype, "generator_unfold")
    return keras.Model(
        inputs, keras.layers.Activation("linear", dtype="float32", name="generator_logits")(x), name="generator"
    )
