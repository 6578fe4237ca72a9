"""Densities over latents: N(0, I), or fitted after training (Ghosh et al. 2020): a Gaussian, a mixture of Gaussians."""

import warnings

import numpy as np
from scipy.special import ndtr

from facepipe.core.arrays import read_arrays, write_arrays
from facepipe.core.determinism import rng
from facepipe.core.zips import BROKEN_ARRAYS, reason
from facepipe.errors import FieldError, InputError

# of a mixture that nobody gave a number: at most so many Gaussians, each for so many latents a dimension
MOST_COMPONENTS, ROWS_A_DIMENSION = 40, 2


class Sampler:
    """Draws latents.

    Subclasses set `name`, `latent_dim` and `fields` (what is stored, in constructor order), and give
    `_color(noise, choices)`: latents (n, d) of noise (n, d) from N(0, I); choices() are n further numbers in [0, 1).
    """

    name = ""
    fields = ()

    def sample(self, n, seed):
        """Draw n latents: float32 (n, latent_dim), a function of the parameters, n and seed alone."""
        noise = rng(seed, "sampler").standard_normal((n, self.latent_dim))
        return self._color(noise, lambda: rng(seed, "sampler", "component").random(n)).astype(np.float32)

    def draw(self, generator, n):
        """The same by the numbers of a numpy Generator."""
        noise = generator.standard_normal((n, self.latent_dim), np.float32)
        return self._color(noise, lambda: generator.random(n)).astype(np.float32)

    def save(self, path):
        """Write the parameters to `path` (.npz); equal parameters give equal bytes."""
        write_arrays(path, {"name": np.array(self.name)} | {field: getattr(self, field) for field in self.fields})


class Prior(Sampler):
    """truncation * N(0, I) in `latent_dim` dimensions.

    truncation, psi: 1 the standard normal; below, latents nearer to the mean face: safer samples that differ less (the
    truncation trick, Karras et al. 2019, appendix B, here in z, whose mean is 0).
    """

    name = "prior"
    fields = ("latent_dim", "truncation")

    def truncated(self, psi):
        """The `Prior` of truncation psi."""
        return Prior(self.latent_dim, psi)

    def __init__(self, latent_dim, truncation=1.0):
        self.latent_dim = int(latent_dim)
        self.truncation = float(truncation)
        if self.latent_dim < 1:
            raise ValueError(f"latent_dim should be at least 1, got {latent_dim}")
        if not 0 < self.truncation <= 1:
            raise ValueError(f"truncation should be above 0 and at most 1, got {truncation}")

    def _color(self, noise, choices):
        return noise if self.truncation == 1 else self.truncation * noise


class Uniform(Sampler):
    """Each dimension uniform in [0, 1], as two earlier projects drew the latents of an autoencoder: to compare with."""

    name = "uniform"
    fields = ("latent_dim",)

    def __init__(self, latent_dim):
        self.latent_dim = int(latent_dim)

    def _color(self, noise, choices):
        return ndtr(noise)  # the normal distribution function


class Gaussian(Sampler):
    """N(mean, covariance); mean (d,), covariance (d, d), kept as float32 so that a reloaded one draws the same."""

    name = "gaussian"
    fields = ("mean", "covariance")

    def __init__(self, mean, covariance):
        self.mean = finite_array("mean", mean, 1)
        self.latent_dim = len(self.mean)
        self.covariance = finite_array("covariance", covariance, 2)
        check_shape("covariance", self.covariance, (self.latent_dim, self.latent_dim))

    def _color(self, noise, choices):
        return self.mean + noise @ _square_root(self.covariance)


class Mixture(Sampler):
    """sum_k weights[k] N(means[k], covariances[k]); weights (k,), means (k, d), covariances (k, d, d), float32."""

    name = "mixture"
    fields = ("weights", "means", "covariances")

    def __init__(self, weights, means, covariances):
        self.weights = finite_array("weights", weights, 1)
        self.means = finite_array("means", means, 2)
        self.covariances = finite_array("covariances", covariances, 3)
        self.latent_dim = self.means.shape[1]
        components = len(self.weights)
        check_shape("means", self.means, (components, self.latent_dim))
        check_shape("covariances", self.covariances, (components, self.latent_dim, self.latent_dim))
        self._roots = {}
        if self.weights.min() < 0 or not self.weights.sum() > 0:
            raise ValueError("weights should be non-negative and not all zero")

    def _color(self, noise, choices):
        upper = np.cumsum(self.weights, dtype=np.float64)
        drawn = choices() * upper[-1]
        component = np.searchsorted(upper[:-1], drawn, side="right")
        latents = np.empty_like(noise)
        for k in np.unique(component):
            rows = component == k
            if k not in self._roots:
                self._roots[k] = _square_root(self.covariances[k])
            latents[rows] = self.means[k] + noise[rows] @ self._roots[k]
        return latents

    def truncated(self, psi):
        """The `Mixture` whose components reach psi times as far from their means."""
        return Mixture(self.weights, self.means, psi**2 * self.covariances)


def fit_gaussian(z):
    """Fit mean and covariance (unbiased) to latents.

    Args:
        z: float (n, d), n >= 2.

    Returns:
        `Gaussian`.

    Raises:
        InputError: fewer than two rows, or values that are not finite.
    """
    z = fitted_latents(z)
    return Gaussian(z.mean(0), np.atleast_2d(np.cov(z, rowvar=False)))


def fit_mixture(z, components, seed):
    """Fit a mixture of Gaussians with full covariances by EM, started from k-means.

    Args:
        z: float (n, d), n >= 2 * components.
        components: int, the number of Gaussians; "auto": n / 2d of them, 1 to 40.
        seed: int, of the k-means start.

    Returns:
        `Mixture`; components in order of falling weight.

    Raises:
        InputError: too few rows for so many components, or values that are not finite.
    """
    z = fitted_latents(z)
    if components == "auto":
        components = max(1, min(MOST_COMPONENTS, len(z) // (ROWS_A_DIMENSION * z.shape[1])))
    check_components(components, len(z))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    model = GaussianMixture(
        components,
        reg_covar=1e-4 * z.var(0).mean() + 1e-9,  # keeps a component of few rows, or a dead dimension, invertible
        random_state=int(rng(seed, "mixture").integers(2**31)),
    )
    # one thread: the order of sums, and with it the last digits, must not depend on the machine's load
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last EM step is a density too
        model.fit(z)
    order = np.argsort(-model.weights_, kind="stable")
    return Mixture(model.weights_[order], model.means_[order], model.covariances_[order])


def load_sampler(path):
    """The sampler stored in `path` by `Sampler.save`.

    Raises:
        InputError: no such file, not as it was written, not a sampler, or parameters that do not fit together.
    """
    from facepipe.networks.flow import Flow  # which is a `Sampler`

    try:
        stored = read_arrays(path, "a stored sampler", "`dvc repro -f` with the stage that wrote it makes it again")
        kind = {sampler.name: sampler for sampler in (Prior, Gaussian, Mixture, Flow)}[str(stored["name"])]
        return kind(*(stored[field] for field in kind.fields))
    except InputError:  # which is a ValueError
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: not found; expected a sampler (.npz)") from None
    except BROKEN_ARRAYS as error:
        raise InputError(f"{path}: not a stored sampler: {reason(error)}") from None


def check_components(components, rows):
    """FieldError where `rows` latents are too few for a mixture of so many Gaussians."""
    if rows < 2 * components:
        raise FieldError(
            "components",
            f"{components} Gaussians need at least {2 * components} training latents, there are {rows}; use at most "
            f"{max(1, rows // 2)}, or density: gaussian",
        )


def fitted_latents(z):
    z = np.asarray(z, np.float64)
    if not np.isfinite(z).all():
        row, column = np.argwhere(~np.isfinite(z))[0]
        raise InputError(f"latents: row {row}, z{column:03d}: {z[row, column]} is not finite; did training diverge?")
    if len(z) < 2:
        raise InputError(f"latents: a Gaussian needs at least 2 rows to fit, got {len(z)}")
    return z


def finite_array(name, value, dimensions):
    value = np.asarray(value, np.float32)
    if value.ndim != dimensions or 0 in value.shape:
        raise ValueError(f"{name} should have {dimensions} dimensions, none of size 0, got shape {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} holds values that are not finite")
    return value


def check_shape(name, value, shape):
    if value.shape != shape:
        raise ValueError(f"{name} should have shape {shape}, got {value.shape}")


def _square_root(covariance):
    """The symmetric square root of a (d, d) covariance: unique, and defined for singular ones, unlike Cholesky's."""
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
