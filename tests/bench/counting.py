"""Operations of a network, counted from its layers."""

from facepipe.models.gan.operations import passes
from facepipe.networks.summary import forward_flops


def forward_macs(*networks):
    """Multiply-adds of one forward pass for one image, by the direct algorithm; int.

    Convolutions and dense layers count; normalisation, activations and biases do not: see `summary.flops`.
    """
    return forward_flops(*networks) // 2


def parameters(*networks):
    """All numbers of the networks, moving statistics too; int."""
    return sum(network.count_params() for network in networks)


def training_flops(kind, networks):
    """Operations of one training step for one image (two a multiply-add); float.

    ae, vae: forward, gradient of the maps, gradient of the weights: three forward passes. The first layer's map
    gradient, which nobody needs, counts too, here and in the ceiling.
    gan (facepipe's fused step): see `operations.passes`. Every 16th step has R1 on top (about three passes of D): not
    counted, nor is the augmentation.
    gan_apart (predict, D on real, D on fake, G through frozen D): G 1 + 3; D 3 + 3 + 2.
    """
    if kind in ("ae", "vae", "inverter"):
        return 6 * forward_macs(*networks.values())
    generator, discriminator = (forward_macs(networks[name]) for name in ("generator", "discriminator"))
    g_passes, d_passes = {"gan": passes(), "gan_apart": (4, 8)}[kind]
    return 2 * (g_passes * generator + d_passes * discriminator)
