"""The section train_inverter."""

from typing import Literal

from facepipe.core.section import Count, Fraction, NonNegative, Positive
from facepipe.training.config import Augment, Budget, PatchSize, Widths


class TrainInverter(Budget):
    """The GAN's inverter: mse(x, G(E(x))) + latent_weight * (E(G(z)) - z)^2 + prior_weight * E(x)^2, each a mean.

    `feature_weight`: of the distance between the maps that the GAN's discriminator has of x and of G(E(x)).
    `condition_dropout`: share of the images whose labels a conditioned GAN does not see. `patience`: epochs without a
    lower held-out loss after which training ends; None: never.
    """

    patience: Count | None = None
    widths: Widths = "auto"
    patch_size: PatchSize = "auto"
    condition_dropout: Fraction = 0.5
    latent_weight: NonNegative = 0.002
    prior_weight: NonNegative = 0.0002
    feature_weight: NonNegative = 0.0
    learning_rate: Positive = 2e-3
    learning_rate_decay: Literal["cosine", "constant"] = "cosine"
    flip: bool = True
    augment: Augment = Augment()
