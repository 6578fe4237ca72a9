"""The section train_ae, and what it shares with train_vae."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from facepipe.core.section import Count, Fraction, Latent, Natural, NonNegative, Positive, Section, no_bool
from facepipe.training.config import Augment, Budget, PatchSize, Widths

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


class Finish(Section):
    """The adversarial finish of a decoder over `images` images; None: there is none.

    `discriminator_first`: images that the discriminator sees before the decoder moves. The weights are beside L1.
    """

    images: Count | None = None
    images_per_epoch: Count | None = None
    batch_size: Annotated[Count, Field(ge=2)] = 32
    discriminator_first: Natural = 5000
    learning_rate: Positive = 5e-4
    discriminator_learning_rate: Positive = 1e-3
    feature_weight: NonNegative = 0.1
    face_weight: NonNegative = 0.0
    adversarial_weight: NonNegative = 0.01
    random_weight: NonNegative = 0.01
    grid_every: Count = 1

    @property
    def budget(self):
        """The `Budget` of it."""
        names = "images", "images_per_epoch", "batch_size", "grid_every"
        return Budget(**{name: getattr(self, name) for name in names})


class Autoencoding(Budget):
    """The autoencoders. `patience`: epochs without a lower held-out loss after which training ends; None: never.

    `init_from`: a model folder whose weights training starts from. `widths`, `patch_size`: see `networks.maps`.
    `linear_path`: see `networks.linear`; "auto": where nothing forbids it.
    """

    patience: Count | None = None
    latent_dim: Latent = 64
    widths: Widths = "auto"
    patch_size: PatchSize = "auto"
    linear_path: bool | Literal["auto"] = "auto"
    latent_activation: Literal["linear", "relu", "sigmoid"] = "linear"
    dropout: Fraction = 0.0
    learning_rate: Positive = 2e-3
    learning_rate_decay: Literal["cosine", "constant"] = "cosine"
    flip: bool = True
    augment: Augment = Augment()
    init_from: str | None = None
    finish: Finish = Finish()

    @property
    def with_linear_path(self):
        """Whether the networks have a linear path, bool."""
        return self.linear_path is True or (self.linear_path == "auto" and not self._against_linear_path())

    def _against_linear_path(self):
        """The key and value that forbid a linear path; None where none does."""
        activation = self.latent_activation
        return None if activation == "linear" else f"latent_activation: {activation}"

    @model_validator(mode="after")
    def _linear_where_it_can_be(self):
        if self.linear_path is True and self._against_linear_path():
            raise ValueError(f"linear_path: true cannot be with {self._against_linear_path()}; use auto or false")
        return self


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

    def _against_linear_path(self):
        # what makes it an RAE acts on all that leads to the latent and from it
        used = (name for name in ("latent_l2", "decoder_l2", "decoder_spectral_norm") if getattr(self, name))
        return super()._against_linear_path() or next((f"{name}: {getattr(self, name)}" for name in used), None)

    @model_validator(mode="after")
    def _one_bound_on_the_decoder(self):
        if self.decoder_spectral_norm and self.decoder_l2:
            raise ValueError(
                "decoder_l2 has no effect on kernels that decoder_spectral_norm scales to 1; use decoder_l2: 0.0, or "
                "decoder_spectral_norm: false"
            )
        return self
