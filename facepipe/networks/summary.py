"""What a model consists of: a table of its layers with shapes, parameters and operations."""

import keras

from facepipe.core.files import write_csv
from facepipe.networks.spectral import SpectralDeconv

COLUMNS = ("network", "layer", "type", "output", "parameters", "flops")


def summarize(networks):
    """The layers of a model in the order of the data, inputs left out.

    Args:
        networks: dict of `keras.Model`, each layer called once.

    Returns:
        list of dict: network, layer, type (str), output (str, "32x32x64"), parameters (int, trainable numbers), flops
        (int, forward, one image: see `flops`).
    """
    return [
        {
            "network": name,
            "layer": layer.name,
            "type": type(layer).__name__,
            "output": "x".join(map(str, layer.output.shape[1:])),
            "parameters": sum(weight.shape.num_elements() for weight in layer.trainable_weights),
            "flops": flops(layer),
        }
        for name, network in networks.items()
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def flops(layer):
    """Operations of a layer's kernel for one image, forward, by the direct algorithm: 2 a multiply-add.

    A kernel acts once at each place: of the output for a convolution, of the input for a transposed one. Biases,
    normalisation and activations are left out.

    Args:
        layer: `keras.layers.Layer` that was called once.

    Returns:
        int; 0 for a layer without kernel.
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    places = 1
    transposed = isinstance(layer, keras.layers.Conv2DTranspose | SpectralDeconv)
    for side in (layer.input if transposed else layer.output).shape[1:-1]:
        places *= side
    return 2 * places * kernel.shape.num_elements()


def forward_flops(*networks):
    """`flops` of all layers of `keras.Model`s, also of models within them; int."""
    return sum(
        forward_flops(layer) if isinstance(layer, keras.Model) else flops(layer)
        for network in networks
        for layer in network.layers
    )


def write_summary(path, networks):
    """Write the table of `summarize` as CSV."""
    write_csv(path, COLUMNS, ([row[name] for name in COLUMNS] for row in summarize(networks)))
