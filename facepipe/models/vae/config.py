"""The section train_vae."""

from typing import Literal

from pydantic import model_validator

from facepipe.core.section import Count, Fraction, Natural, NonNegative, Positive
from facepipe.errors import FieldError
from facepipe.models.ae.config import Autoencoding
from facepipe.training.config import AttributeNames


class TrainVAE(Autoencoding):
    """The variational autoencoder. `latent_activation` acts on mu.

    `kl_cycles`: the number of equal cycles of the training, each with a warm-up at its start (Fu et al. 2019).
    `capacity`: the KL in nats per image that beta pulls to, from 0 on over the warm-up (Burgess et al. 2018).
    `condition_on`: attributes whose labels the decoder sees, but for a share `condition_dropout` of the images.
    """

    loss: Literal["mse", "bce", "gaussian"] = "gaussian"
    beta: NonNegative = 30.0
    kl_warmup_images: Natural = 10000
    kl_cycles: Count = 1
    free_bits: NonNegative = 0.0
    capacity: Positive | None = None
    condition_on: AttributeNames = ()
    condition_dropout: Fraction = 0.1

    def _against_linear_path(self):
        # which would take the labels' share through the latent, and leave the labels without effect
        labels = f"condition_on: [{', '.join(self.condition_on)}]" if self.condition_on else None
        return super()._against_linear_path() or labels

    @model_validator(mode="after")
    def _one_kind_of_pressure(self):
        if self.capacity is not None and (self.free_bits or self.kl_cycles > 1):
            raise ValueError(
                "capacity excludes free_bits and kl_cycles: use capacity: null, or free_bits: 0, kl_cycles: 1"
            )
        if self.kl_cycles > 1 and self.minutes:
            raise ValueError("kl_cycles need a known end; set epochs or images instead of minutes, or kl_cycles: 1")
        if self.kl_cycles > 1 and not self.kl_warmup_images:
            raise ValueError("kl_cycles repeat the warm-up; set kl_warmup_images above 0, or kl_cycles: 1")
        return self


def check_cycles(params, steps):
    """FieldError where the warm-up of `params` (`TrainVAE`) is longer than a cycle; steps: int, of the training."""
    if params.kl_cycles == 1 or steps / params.kl_cycles >= params.kl_warmup_images / params.batch_size:
        return
    raise FieldError(
        "kl_warmup_images",
        f"{params.kl_warmup_images} is more than one of {params.kl_cycles} cycles of "
        f"{steps / params.kl_cycles * params.batch_size:.0f} images; use less, or fewer kl_cycles",
    )
