"""The sections of the room training: what the stages share, their budgets, autoencoder and VAE."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from facepipe.errors import InputError
from facepipe.sections.base import Count, Fraction, Natural, NonNegative, Number, Positive, Section, no_bool

RECONSTRUCTIONS = ("mse", "bce", "l1", "ssim")


def _checked_mixture(value):
    # one message for a union of names and a mapping
    if isinstance(value, str) and value in RECONSTRUCTIONS:
        return value
    if not isinstance(value, dict) or not value or not set(value) <= set(RECONSTRUCTIONS):
        raise ValueError(f"should be {', '.join(RECONSTRUCTIONS)}, or weights of these such as {{mse: 1.0, ssim: 0.2}}")
    # in order of name, so that the same sum is the same to the bit
    weights = {}
    for name in sorted(value):
        try:
            weights[name] = float(no_bool(value[name]))
        except (TypeError, ValueError):
            weights[name] = math.nan
        if not 0 < weights[name] < math.inf:
            raise ValueError(f"the weight of {name} should be a number above 0, found {value[name]}")
    return weights


def _checked_names(names):
    if len(set(names)) < len(names):
        raise ValueError(f"should name each attribute once, found {', '.join(names)}")
    return names


AttributeNames = Annotated[tuple[str, ...], AfterValidator(_checked_names)]


class Train(Section):
    """What the three training stages share. How often a state is saved does not change a byte of the result."""

    seed: Natural = 0
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    threads: Count | Literal["auto"] = "auto"
    strategy: Literal["auto", "single", "mirrored", "multiworker"] = "auto"
    save_every_minutes: Positive | None = 5.0
    save_every_images: Count | None = None


class Budget(Section):
    """How long a stage trains: in epochs or images, so that a rerun gives the same bytes, or to explore in minutes."""

    batch_size: Annotated[int, BeforeValidator(no_bool), Field(ge=2)] = 32
    epochs: Count | None = None
    images: Count | None = None
    minutes: Positive | None = None
    images_per_epoch: Count | None = None
    grid_every: Count = 1

    @model_validator(mode="after")
    def _one_budget(self):
        if [self.epochs, self.images, self.minutes].count(None) != 2:
            raise ValueError("set exactly one of epochs, images and minutes, the others to null")
        return self


# channels of a network's maps, or as many as suit the image
Widths = Annotated[tuple[Count, ...], Field(min_length=1)] | Literal["auto"]


class Augment(Section):
    """How much training images are changed at most, each by amounts drawn anew at each step; 0: not at all.

    `brightness`: added, of [0, 1]. `contrast`, `saturation`: factors from 1 - x to 1 + x. `shift`: of each side.
    `zoom`: from 1 / (1 + x) to 1 + x times as large. `rotate`: degrees to either side.
    """

    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    saturation: Annotated[Number, Field(ge=0, le=1)] = 0.0
    shift: Annotated[Number, Field(ge=0, le=0.5)] = 0.0
    zoom: Annotated[Number, Field(ge=0, le=1)] = 0.0
    rotate: Annotated[Number, Field(ge=0, le=180)] = 0.0

    @property
    def on(self):
        """Whether anything is changed."""
        return any(getattr(self, name) for name in type(self).model_fields)


class Autoencoding(Budget):
    """The autoencoders. `patience`: epochs without a lower held-out loss after which training ends; None: never.

    `init_from`: a model folder whose weights training starts from. `widths`, `patch_size`: see `models.maps`.
    """

    patience: Count | None = None
    latent_dim: Count = 64
    widths: Widths = "auto"
    patch_size: Count | Literal["auto"] = "auto"
    latent_activation: Literal["linear", "relu", "sigmoid"] = "linear"
    dropout: Fraction = 0.0
    learning_rate: Positive = 2e-3
    learning_rate_decay: Literal["cosine", "constant"] = "cosine"
    flip: bool = True
    augment: Augment = Augment()
    init_from: str | None = None


class TrainAE(Autoencoding):
    """The autoencoder. `loss`: a name, or the weights of several.

    `denoising`: standard deviation of the noise on the input. `latent_l2`, `decoder_l2`: the RAE's weights (Ghosh et
    al. 2020) of |z|^2 / 2 and of the decoder's squared kernels, beside the squared error summed over an image.
    `decoder_spectral_norm`: the third of the paper's ways to keep the decoder smooth.
    """

    loss: Annotated[Literal[RECONSTRUCTIONS] | dict[str, Positive], BeforeValidator(_checked_mixture)] = "mse"
    denoising: NonNegative = 0.0
    latent_l2: NonNegative = 0.0
    decoder_l2: NonNegative = 0.0
    decoder_spectral_norm: bool = False

    @model_validator(mode="after")
    def _one_bound_on_the_decoder(self):
        if self.decoder_spectral_norm and self.decoder_l2:
            raise ValueError(
                "decoder_l2 has no effect on kernels that decoder_spectral_norm scales to 1; use decoder_l2: 0.0, or "
                "decoder_spectral_norm: false"
            )
        return self


class TrainVAE(Autoencoding):
    """The variational autoencoder. `latent_activation` acts on mu.

    `kl_cycles`: the training falls into so many equal cycles (Fu et al. 2019), each of which begins with a warm-up.
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


def steps_of(budget, train_images):
    """How the budget divides into epochs and steps.

    Args:
        budget: a `Budget`.
        train_images: int, size of the training split.

    Returns:
        (epochs, steps_per_epoch): ints; every epoch sees `images_per_epoch` images (default: all), in whole
        batches; a budget in images is rounded up to whole epochs; epochs is None under a budget in minutes.

    Raises:
        InputError: a batch is larger than the training split.
    """
    if budget.batch_size > train_images:
        raise InputError(
            f"params.yaml: batch_size: {budget.batch_size} is more than the {train_images} training images; "
            "use a smaller batch or more data"
        )
    per_epoch = min(budget.images_per_epoch or train_images, train_images)
    steps = max(1, per_epoch // budget.batch_size)
    if budget.minutes:
        return None, steps
    return budget.epochs or math.ceil(budget.images / (steps * budget.batch_size)), steps
