"""Paths between two latents: straight lines and great circles."""

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


def interpolate(a, b, steps, method="lerp"):
    """Evenly spaced points from a to b, both included: float32 (steps, d). a, b: (d,); method: lerp or slerp."""
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are {', '.join(METHODS)}")
    if steps < 2:
        raise ValueError(f"steps should be at least 2, the two ends, got {steps}")
    return METHODS[method](a, b, np.linspace(0, 1, steps)[:, None])
