"""A density over latents by flow matching (Lipman et al. 2023): a small network moves N(0, I) to the latents."""

import math

import numpy as np

from facepipe.core.determinism import rng
from facepipe.networks.samplers import Sampler, check_shape, finite_array, fitted_latents

# of Heun's method: more change the samples less than another seed does
SAMPLING_STEPS = 20
# one thread's work at a time, so that memory stays small
ROWS = 4096
FREQUENCIES = 16
WIDTH, BLOCKS = 512, 3
BATCH, LEARNING_RATE = 512, 1e-3
# of the averaged weights that are kept
AVERAGE_STEPS = 200
# of the covariance, below which a direction counts as this: nothing is divided by a dead dimension's deviation
LEAST_VARIANCE = 1e-6


class Flow(Sampler):
    """x(1) of dx/dt = v(x, t), x(0) from N(0, I), by Heun's method in float64; then back from whitened latents.

    v(x, t) = (2t - 1) / (t^2 + (1 - t)^2) x + a residual MLP of x and t. The first part is the whole of it where the
    latents are Gaussian (the flow then leads back to where it began), so an untrained flow is the Gaussian fitted to
    the latents. The MLP (Preechakul et al. 2022, appendix, for latents): layer normalisation whose scale and shift
    depend on t, SiLU, two dense layers a block.

    Args:
        mean: (d,) of the latents; color: (d, d), from whitened latents, the principal
            components in units of their deviation, to latents.
        arrays: kernels and biases by name, see `shapes`; stacked where there is one a block. All float32.
    """

    name = "flow"
    fields = (
        "mean", "color", "time", "time_bias", "enter", "enter_bias", "scale", "scale_bias", "up", "up_bias", "down",
        "down_bias", "leave", "leave_bias",
    )  # fmt: skip

    def __init__(self, *arrays):
        given = dict(zip(self.fields, arrays, strict=True))
        self.latent_dim = len(given["mean"])
        blocks, width = np.shape(given["up"])[:2]
        for name, shape in shapes(self.latent_dim, width, blocks).items():
            setattr(self, name, finite_array(name, given[name], len(shape)))
            check_shape(name, getattr(self, name), shape)
        self._weights = {name: getattr(self, name).astype(np.float64) for name in self.fields[2:]}

    def _color(self, noise, choices):
        return np.concatenate([self._moved(noise[i : i + ROWS]) for i in range(0, len(noise), ROWS)])

    def _moved(self, x):
        step = 1.0 / SAMPLING_STEPS
        for index in range(SAMPLING_STEPS):
            t = index * step
            first = self.velocity(x, t)
            x = x + 0.5 * step * (first + self.velocity(x + step * first, t + step))
        return self.mean + x @ self.color.astype(np.float64)

    def velocity(self, x, t):
        """v of float64 (n, d) at time t in [0, 1]; float64 (n, d)."""
        return velocity(np, self._weights, x, np.full((1, 1), t))


def shapes(latent_dim, width, blocks):
    """The shapes of a flow's arrays, by name."""
    each = {"scale": (width, 2 * width), "scale_bias": (2 * width,), "up": (width, width), "up_bias": (width,)}
    each |= {"down": (width, width), "down_bias": (width,)}
    return {
        "mean": (latent_dim,), "color": (latent_dim, latent_dim), "time": (2 * FREQUENCIES, width),
        "time_bias": (width,), "enter": (latent_dim, width), "enter_bias": (width,),
        "leave": (width, latent_dim), "leave_bias": (latent_dim,),
    } | {name: (blocks, *shape) for name, shape in each.items()}  # fmt: skip


def velocity(xp, weights, x, t):
    """The velocity, by NumPy to sample and by TensorFlow's NumPy to train.

    Args:
        xp: numpy, or tensorflow.experimental.numpy.
        weights: dict of arrays, see `shapes`; of those of the blocks a sequence each.
        x: (n, d). t: (n, 1) or (1, 1), in [0, 1].

    Returns:
        (n, d).
    """
    angles = t * xp.asarray(2.0 ** np.linspace(0, 6, FREQUENCIES) * math.pi, t.dtype)
    time = _silu(xp, xp.concatenate([xp.sin(angles), xp.cos(angles)], 1) @ weights["time"] + weights["time_bias"])
    h = x @ weights["enter"] + weights["enter_bias"]
    for block in range(len(weights["up"])):
        changes = time @ weights["scale"][block] + weights["scale_bias"][block]
        width = changes.shape[1] // 2
        y = _normalised(xp, h) * (1.0 + changes[:, :width]) + changes[:, width:]
        y = _silu(xp, y @ weights["up"][block] + weights["up_bias"][block])
        h = h + y @ weights["down"][block] + weights["down_bias"][block]
    gaussian = (2.0 * t - 1.0) / (t * t + (1.0 - t) * (1.0 - t))
    return gaussian * x + _normalised(xp, h) @ weights["leave"] + weights["leave_bias"]


def _silu(xp, x):
    return x / (1.0 + xp.exp(-x))


def _normalised(xp, x):
    x = x - xp.mean(x, axis=1, keepdims=True)
    return x / xp.sqrt(xp.mean(x * x, axis=1, keepdims=True) + 1e-5)


def fit_flow(z, seed, steps):
    """Fit a flow to latents.

    Args:
        z: float (n, d), n >= 2.
        seed: int, of the first weights and of what each step draws.
        steps: int, of training.

    Returns:
        `Flow`.

    Raises:
        InputError: fewer than two rows, or values that are not finite.
    """
    import tensorflow as tf
    import tensorflow.experimental.numpy as tnp

    z = fitted_latents(z)
    mean, covariance = z.mean(0), np.atleast_2d(np.cov(z, rowvar=False))
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, LEAST_VARIANCE * max(values.max(), 1e-12)))
    color = (vectors * root).T
    whitened = ((z - mean) @ (vectors / root)).astype(np.float32)
    dim, importance = z.shape[1], (root / root.mean()).astype(np.float32)
    variables = tf.nest.map_structure(tf.Variable, _first_weights(dim, seed))
    flat = tf.nest.flatten(variables)
    averages, firsts, seconds = ([tf.Variable(start(v)) for v in flat] for start in (tf.identity, *[tf.zeros_like] * 2))

    @tf.function(
        input_signature=[tf.TensorSpec((None, dim)), tf.TensorSpec((None, dim)), tf.TensorSpec((None, 1)),
                         tf.TensorSpec(()), tf.TensorSpec(())],
        autograph=False,
    )  # fmt: skip
    def step(start, end, t, rate, count):
        with tf.GradientTape() as tape:
            found = velocity(tnp, variables, (1.0 - t) * start + t * end, t)
            loss = tf.reduce_mean(importance * tf.square(found - (end - start)))
        keep = tf.minimum(1.0 - 1.0 / AVERAGE_STEPS, count / (count + 10.0))
        gradients = tape.gradient(loss, flat)
        for variable, average, m, v, gradient in zip(flat, averages, firsts, seconds, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, beta1_power=tf.pow(0.9, count),
                beta2_power=tf.pow(0.999, count), lr=rate, beta1=0.9, beta2=0.999, epsilon=1e-8, grad=gradient,
            )  # fmt: skip
            average.assign(keep * average + (1.0 - keep) * variable)
        return loss

    for index in range(steps):
        drawn = rng(seed, "flow", index)
        rows = drawn.integers(0, len(whitened), BATCH)
        noise, t = drawn.standard_normal((BATCH, dim), np.float32), drawn.random((BATCH, 1), np.float32)
        rate = LEARNING_RATE * 0.5 * (1.0 + math.cos(math.pi * index / steps))
        step(noise, whitened[rows], t, np.float32(rate), np.float32(index + 1))
    learned = tf.nest.pack_sequence_as(variables, [average.numpy() for average in averages])
    return Flow(mean, color, *(np.array(learned[name]) for name in Flow.fields[2:]))


def _first_weights(dim, seed):
    """He-normal kernels; 0 where they end a block or the network, and for biases. Of the blocks, a list each."""
    found, all_shapes = {}, shapes(dim, WIDTH, BLOCKS)
    for name in Flow.fields[2:]:
        shape = all_shapes[name]
        value = np.zeros(shape, np.float32)
        if not name.endswith("bias") and name not in ("leave", "down", "scale"):
            value += rng(seed, "flow", name).standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / shape[-2]))
        found[name] = list(value) if name in ("scale", "scale_bias", "up", "up_bias", "down", "down_bias") else value
    return found
