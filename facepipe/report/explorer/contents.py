"""What the explorer's page knows of a model: its networks, densities, components, directions and statistics."""

import numpy as np

from facepipe.directions.table import read_directions
from facepipe.latents.folder import density_path, pca_path, stats_path
from facepipe.latents.paths import PATH_METHODS
from facepipe.latents.pca import load_pca
from facepipe.latents.statistics import BINS, read_statistics
from facepipe.networks.samplers import Gaussian, Mixture, Prior, load_sampler
from facepipe.report.explorer.program import program
from facepipe.report.page.reading import read_table

DRAWS = 256  # latents of a density that the page does not draw from by itself
SEED = 0  # of these
# of what the statistics say of a dimension
SHOWN = ("rank", "influence", "mean", "sd", "min", "max", "low", "high", "zero_share")


def contents(model, tensors, latents, directions, success):
    """What the page knows of one model.

    Args:
        model: `facepipe.models.load.LoadedModel`.
        tensors: `facepipe.report.explorer.program.Tensors`, to which its arrays are added.
        latents: Path of its exported latents; files that are missing leave their part out.
        directions: Path of its directions, or of none.
        success: {attribute: float}, measured shares of edits that succeed, see `edit_success`.

    Returns:
        dict, JSON-able; numbers in it under `vector` and the like are places in `tensors.arrays`.

    Raises:
        InputError: one of the files is broken.
    """
    spec, gan = model.info["spec"], model.name == "gan"
    networks, encoder = model.model.networks, model.encoder
    found = {
        "name": model.name,
        "latent_dim": model.latent_dim,
        "shape": list(model.image_shape),
        "conditions": list(model.condition_on),
        "path": PATH_METHODS[model.name],
        "decoder": program(networks["generator" if gan else "decoder"], tensors),
        "decoder_activation": spec["latent_activation"] if gan else "linear",
    }
    if encoder is not None:
        found |= {
            "encoder": program(encoder.networks["convolutions"], tensors),
            # of a VAE's head the first half is mu, the other nobody needs here
            "head": program(encoder.networks["head"], tensors, outputs=model.latent_dim),
            "encoder_activation": "linear" if gan else spec["latent_activation"],
        }
    samplers = {model.sampler.name: model.sampler}
    if encoder is not None and density_path(latents).exists():
        density = load_sampler(density_path(latents))
        samplers.setdefault(density.name, density)
    found["samplers"] = [_sampler(each, tensors) for each in samplers.values()]
    if pca_path(latents).exists():
        pca = load_pca(pca_path(latents))
        arrays = {"mean": pca.mean, "components": pca.components, "sd": pca.sd}
        # exact, since sliders show coordinates along them
        found["pca"] = {name: tensors.number(array, "float32") for name, array in arrays.items()}
    if stats_path(latents).exists():
        found["statistics"] = _statistics(read_statistics(stats_path(latents)))
    found["directions"] = []
    if directions.exists():
        kept = read_directions(directions).preferred()
        found["directions"] = [
            {"name": name, "vector": tensors.number(vector), "auc": round(float(auc), 4), "success": success.get(name)}
            for name, vector, auc in zip(kept.names, kept.vectors, kept.auc, strict=True)
        ]
    return found


def edit_success(path, model):
    """{attribute: share of held-out photographs whose edit succeeded} of a model, {} where nobody judged them.

    Args:
        path: Path of reports/evaluate/edits.csv.
        model: str.
    """
    if not path.exists():
        return {}
    rows = [row for row in read_table(path, "evaluate") if row["model"] == model and row["success"]]
    # where both are there: what the decoder shows, which is what the page shows
    return {row["attribute"]: float(row["success"]) for row in sorted(rows, key=lambda row: row["shown"] == "decoded")}


def _sampler(sampler, tensors):
    if isinstance(sampler, Prior):
        return {"kind": "prior", "name": "prior", "truncation": sampler.truncation}
    if isinstance(sampler, Gaussian):
        weights, means, covariances = np.ones(1), sampler.mean[None], sampler.covariance[None]
    elif isinstance(sampler, Mixture):
        weights, means, covariances = sampler.weights, sampler.means, sampler.covariances
    else:
        draws = sampler.sample(DRAWS, SEED)
        return {"kind": "list", "name": sampler.name, "draws": tensors.number(draws, "float16")}
    # a triangular root: half of its numbers are 0, and another root of the same covariance draws alike; what is drawn
    # with it is nobody's face yet, so it need not be exact
    roots = [tensors.number(_root(covariance), "int8") for covariance in covariances]
    weights = (weights / weights.sum()).astype(np.float64)
    return {
        "kind": "mixture",
        "name": sampler.name,
        "weights": [round(float(weight), 8) for weight in weights],
        "means": tensors.number(means, "float16"),
        "roots": roots,
    }


def _root(covariance):
    """Lower triangular (d, d) with root @ root.T = covariance; of a singular one, too: by QR of the symmetric root."""
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    return np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T, mode="r").T


def _statistics(table):
    """Of each dimension what the page shows."""
    columns = {name: [float(f"{value:.5g}") for value in table[name]] for name in SHOWN if name in table}
    columns["dead"] = (table["active"] == "dead").tolist()
    bins = [f"bin{i:02d}" for i in range(BINS)]
    if set(bins) <= set(table.columns):
        columns["bins"] = table[bins].to_numpy(int).tolist()
    return columns
