"""Paths between latents: straight lines, great circles, and along one dimension at a time."""

import itertools

import numpy as np


def lerp(a, b, t):
    """(1 - t) a + t b. a, b: float (..., d); t: float or array that broadcasts with them. Float32 out."""
    a, b, t = (np.asarray(value, np.float64) for value in (a, b, t))
    return ((1 - t) * a + t * b).astype(np.float32)


def slerp(a, b, t):
    """Spherical interpolation (Shoemake 1985), which keeps the norm typical of N(0, I) all along the way.

    Args:
        a, b: float (..., d).
        t: float, or array that broadcasts with them; 0 gives a, 1 gives b.

    Returns:
        Float32 of the broadcast shape. Where a and b are parallel, opposite or zero, no great circle is
        singled out and `lerp` takes its place.
    """
    a, b, t = (np.asarray(value, np.float64) for value in (a, b, t))
    lengths = np.linalg.norm(a, axis=-1, keepdims=True) * np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = np.sum(a * b, axis=-1, keepdims=True) / np.where(lengths > 0, lengths, 1)
    omega = np.arccos(np.clip(cosine, -1, 1))
    straight = (np.sin(omega) < 1e-6) | (lengths == 0)
    sine = np.where(straight, 1, np.sin(omega))
    round_ = (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / sine
    return np.where(straight, lerp(a, b, t), round_).astype(np.float32)


METHODS = {"lerp": lerp, "slerp": slerp}
# great circles where the latents are N(0, I), straight lines where they are not
PATH_METHODS = {"ae": "lerp", "vae": "slerp", "gan": "slerp"}


def interpolate(a, b, steps, method="lerp"):
    """Evenly spaced points from a to b, both included: float32 (steps, d). a, b: (d,); method: lerp or slerp."""
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are {', '.join(METHODS)}")
    if steps < 2:
        raise ValueError(f"steps should be at least 2, the two ends, got {steps}")
    return METHODS[method](a, b, np.linspace(0, 1, steps)[:, None])


def route(points, steps, method="lerp"):
    """A path through several latents, `steps` points for each stretch, the latents themselves counted once.

    Args:
        points: float (p, d), p >= 2.
        steps, method: as in `interpolate`.

    Returns:
        Float32 ((p - 1) * (steps - 1) + 1, d).
    """
    stretches = [interpolate(a, b, steps, method) for a, b in itertools.pairwise(points)]
    return np.concatenate([stretches[0], *(stretch[1:] for stretch in stretches[1:])])


def traversal(base, axis, center, sd, reach, steps):
    """A latent whose position along one axis goes from center - reach * sd to center + reach * sd.

    Args:
        base: float (d,).
        axis: float (d,), unit length.
        center, sd: float, of the positions of all faces along the axis.
        reach: float, in standard deviations.
        steps: int >= 2.

    Returns:
        Float32 (steps, d).
    """
    base, axis = np.asarray(base, np.float64), np.asarray(axis, np.float64)
    positions = center + sd * np.linspace(-reach, reach, steps)
    return (base + (positions - base @ axis)[:, None] * axis).astype(np.float32)
