"""An autoencoder's first weights: the principal components of its images, which its convolutions then correct."""

import numpy as np

from facepipe.core.determinism import rng
from facepipe.networks.linear import cell_side, encoding, means_of_cells
from facepipe.networks.pixel_pca import fit_pca

# training images that the components are fitted to, at most, and power iterations (see `fit_pca`)
IMAGES, ITERATIONS = 10_000, 2
BATCH = 256
# gray levels nearer to 0 and 1 count as these, whose logits are finite
DARKEST, BRIGHTEST = 0.02, 0.98
# of a VAE's posterior, whose latents begin with a variance of 1: a deviation of .22
LOGVAR = -3.0


def start_at_principal_components(model, shards, flip, seed):
    """Set the weights of a model with a linear path so that it reconstructs as the principal components do.

    A linear autoencoder's optimum is known without training (Baldi & Hornik 1989): here its latents, of mean 0 and
    standard deviation 1, lead back to the logits by least squares. The convolutions begin at 0 on both sides.

    Args:
        model: `Autoencoder` or `VAE` with a linear path; its weights are changed.
        shards: `Shards`, of which the training split is used.
        flip: bool, whether every other image is mirrored, as training mirrors them.
        seed: int, which images where there are more than IMAGES.
    """
    side, latent_dim = cell_side(model.image_shape), model.latent_dim
    count = shards.count("train")
    rows = np.arange(count)
    if count > IMAGES:
        rows = np.sort(rng(seed, "principal components").choice(count, IMAGES, replace=False))

    def batches():
        for start in range(0, len(rows), BATCH):
            cells = means_of_cells(shards.gather("train", rows[start : start + BATCH]), side)
            if flip:
                cells = cells.copy()
                cells[1::2] = cells[1::2, :, ::-1]
            yield cells

    pca = fit_pca(batches, latent_dim, ITERATIONS)
    projected, logits = [], 0.0
    for cells in batches():
        projected.append((cells.reshape(len(cells), -1) / np.float32(255) - pca.mean) @ pca.components)
    deviation = np.concatenate(projected).std(axis=0)
    # a component that is the same in all images says nothing
    scale = np.where(deviation > 1e-6 * deviation.max(initial=0), deviation, np.inf).astype(np.float32)
    slopes = 0.0
    for z in projected:
        values = np.clip(pca.mean + z @ pca.components.T, DARKEST, BRIGHTEST)
        target = np.log(values / (1 - values))
        slopes = slopes + (z / scale).T @ target
        logits = logits + target.sum(axis=0)
    _set_encoder(model, encoding(pca.mean, pca.components / scale, model.image_shape))
    _set_decoder(model.networks["decoder"], slopes / len(rows), logits / len(rows))


def _set_encoder(model, weights):
    kernel, bias = weights
    layer = model.networks["convolutions"].get_layer("encoder_linear")
    kept = [np.zeros(shape, np.float32) for shape in (layer.kernel.shape, layer.bias.shape)]
    kept[0][:, : kernel.shape[1]], kept[1][: len(bias)] = kernel, bias
    layer.set_weights(kept)
    head, dim = model.networks["head"].get_layer("encoder_head"), model.latent_dim
    kernel, bias = (np.zeros_like(array) for array in head.get_weights())
    kernel[-dim:, :dim] = np.eye(dim)
    bias[dim:] = LOGVAR  # a VAE's; an autoencoder's head ends here
    head.set_weights([kernel, bias])


def _set_decoder(decoder, slopes, logits):
    layer = decoder.get_layer("decoder_linear")
    kernel = np.zeros(layer.kernel.shape, np.float32)
    kernel[: len(slopes)] = slopes  # components that there are too few images for have no part
    layer.set_weights([kernel, logits])
    last = [layer for layer in decoder.layers if layer.name.startswith("decoder_deconv") and layer.weights][-1]
    last.set_weights([np.zeros_like(array) for array in last.get_weights()])
