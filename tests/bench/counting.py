"""Operations of a network, counted from its layers."""

import math


def forward_macs(*networks):
    """Multiply-adds of one forward pass for one image, by the direct algorithm; int.

    Convolutions and dense layers count; normalisation, activations and biases do not. A transposed convolution
    multiplies its kernel with every input position, a convolution with every output position.
    """
    return sum(_layer_macs(layer) for network in networks for layer in _leaves(network))


def parameters(*networks):
    """All numbers of the networks, moving statistics too; int."""
    return sum(network.count_params() for network in networks)


def training_flops(kind, networks):
    """Operations of one training step for one image (two a multiply-add); float.

    ae, vae: forward, gradient of the maps, gradient of the weights: three forward passes. The first layer's map
    gradient, which nobody needs, counts too, here and in the ceiling.
    gan (facepipe's fused step): G three passes; D two forward (real, fake), two gradients each for its own loss, and
    the map gradient that leads to G: seven. Every 16th step has R1 on top (about three passes of D): not counted,
    nor is the augmentation.
    gan_apart (predict, D on real, D on fake, G through frozen D): G 1 + 3; D 3 + 3 + 2.
    """
    if kind in ("ae", "vae"):
        return 6 * forward_macs(*networks.values())
    generator, discriminator = (forward_macs(networks[name]) for name in ("generator", "discriminator"))
    g_passes, d_passes = {"gan": (3, 7), "gan_apart": (4, 8)}[kind]
    return 2 * (g_passes * generator + d_passes * discriminator)


def _leaves(network):
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _layer_macs(layer):
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    weights = math.prod(kernel.shape)
    if len(kernel.shape) == 2:
        return weights
    if len(kernel.shape) != 4:
        raise ValueError(f"{layer.name}: a kernel of {len(kernel.shape)} dimensions is not counted yet")
    tensor = layer.input if "Transpose" in type(layer).__name__ else layer.output
    return weights * tensor.shape[1] * tensor.shape[2]
