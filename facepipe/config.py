"""params.yaml as typed sections: unknown keys, wrong types and impossible values are one-line errors."""

import math
import re
import types
import typing
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from facepipe.errors import InputError, suggest


def _no_bool(value):
    # pydantic would read `true` as 1
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
# YAML 1.1 reads 1e-4 as text; pydantic makes the float that DVC sees
Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Box = tuple[Number, Number, Number, Number]
RECONSTRUCTIONS = ("mse", "bce", "l1", "ssim")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Synthetic(Section):
    """The embedded data set: how many faces are drawn, how large, from which seed."""

    count: Count = 6000
    size: Annotated[int, BeforeValidator(_no_bool), Field(ge=16, le=512)] = 64
    seed: Natural = 0


def _checked_pins(value):
    # one message for a union of words and a mapping, whose own two would speak of neither
    if isinstance(value, dict):
        for name, pin in value.items():
            kind, _, digits = str(pin).partition(":")
            length = {"sha256": 64, "md5": 32}.get(kind)
            if not length or not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digits):
                raise ValueError(f"{name}: should be sha256: and 64 or md5: and 32 hexadecimal digits, found {pin}")
        return {str(name): pin.lower() for name, pin in value.items()}
    if value not in ("official", "none"):
        raise ValueError('should be official, none, or {file name: "sha256:..." or "md5:..."}')
    return value


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
            weights[name] = float(_no_bool(value[name]))
        except (TypeError, ValueError):
            weights[name] = math.nan
        if not 0 < weights[name] < math.inf:
            raise ValueError(f"the weight of {name} should be a number above 0, found {value[name]}")
    return weights


def _checked_mirror(value):
    if isinstance(value, str):
        value = value.rstrip("/") or value
        if not value or ("://" in value and not re.match("https?://[^/]", value)):
            raise ValueError("should be an http(s) address, or a folder of this machine")
    return value


class Dataset(Section):
    """Which faces, and where they come from. `archive` and `labels` name files the user already has.

    `mirror` replaces the official hosts. `checksums` maps file names to the checksums they must have.
    """

    name: Literal["synthetic", "lfw", "lfw_funneled", "celeba", "utkface", "yearbook", "olivetti", "orl", "folder"] = (
        "synthetic"
    )
    archive: str | None = None
    mirror: Annotated[str | None, BeforeValidator(_checked_mirror)] = None
    labels: str | None = None
    checksums: Annotated[Literal["official", "none"] | dict[str, str], BeforeValidator(_checked_pins)] = "official"
    synthetic: Synthetic = Synthetic()

    @model_validator(mode="after")
    def _files_where_needed(self):
        if self.name == "synthetic" and (self.archive or self.labels):
            raise ValueError("archive and labels do not apply to name: synthetic; set them to null")
        if self.name in ("synthetic", "folder") and self.mirror:
            raise ValueError(f"mirror does not apply to name: {self.name}; set it to null")
        if self.name == "synthetic" and self.checksums != "official":
            raise ValueError("checksums do not apply to name: synthetic; set them to official")
        if self.name == "folder" and not self.archive:
            raise ValueError("name: folder needs archive: the path of your folder, zip or tar of pictures")
        return self


class Preprocess(Section):
    """From archive to shards. `crop` holds (left, top, right, bottom) as fractions of the source size.

    `scheduler` and `workers` say who does the work, not what comes out.
    """

    image_size: tuple[Count, Count] = (64, 64)
    channels: Literal[1, 3] = 3
    crop: Literal["default", "center", "none", "align"] | Box = "default"
    faces: Literal["largest", "all", "reject"] = "largest"
    split: Literal["auto", "hash", "official"] = "auto"
    valid_fraction: Fraction = 0.1
    test_fraction: Fraction = 0.1
    limit: Count | None = None
    max_rejected: Annotated[Number, Field(ge=0, le=1)] = 0.1
    max_pixels: Count = 50_000_000
    max_file_mb: Positive = 64.0
    shard_mb: Positive = 64.0
    workers: Count | Literal["auto"] = "auto"
    scheduler: str = "processes"

    @field_validator("scheduler")
    @classmethod
    def _scheduler_or_address(cls, value):
        if not re.fullmatch(r"processes|dask|(tcp|tls)://.+:\d+", value):
            raise ValueError("should be processes, dask, or the address tcp://host:port of a Dask scheduler")
        return value

    @model_validator(mode="after")
    def _boxes_and_fractions(self):
        if min(self.image_size) < 8:
            raise ValueError(f"image_size (height, width) must be at least 8 each, got {list(self.image_size)}")
        if isinstance(self.crop, tuple):
            left, top, right, bottom = self.crop
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError(
                    "crop must be [left, top, right, bottom] with 0 <= left < right <= 1 and "
                    f"0 <= top < bottom <= 1, got {list(self.crop)}"
                )
        if self.valid_fraction + self.test_fraction >= 1:
            raise ValueError("valid_fraction + test_fraction must be below 1, or nothing is left to train on")
        return self


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

    batch_size: Annotated[int, BeforeValidator(_no_bool), Field(ge=2)] = 32
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


class Autoencoding(Budget):
    """The autoencoders. `patience`: epochs without a lower held-out loss after which training ends; None: never.

    `init_from`: a model folder whose weights training starts from.
    """

    patience: Count | None = None
    latent_dim: Count = 64
    widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (32, 64, 128, 256)
    latent_activation: Literal["linear", "relu", "sigmoid"] = "linear"
    dropout: Fraction = 0.0
    learning_rate: Positive = 2e-3
    learning_rate_decay: Literal["cosine", "constant"] = "cosine"
    flip: bool = True
    init_from: str | None = None


class TrainAE(Autoencoding):
    """The autoencoder. `loss`: a name, or the weights of several.

    `denoising`: standard deviation of the noise on the input. `latent_l2`, `decoder_l2`: the RAE's weights (Ghosh et
    al. 2020) of |z|^2 / 2 and of the decoder's squared kernels, beside the squared error summed over an image.
    """

    loss: Annotated[Literal[RECONSTRUCTIONS] | dict[str, Positive], BeforeValidator(_checked_mixture)] = "mse"
    denoising: NonNegative = 0.0
    latent_l2: NonNegative = 0.0
    decoder_l2: NonNegative = 0.0


class TrainVAE(Autoencoding):
    """The variational autoencoder. `latent_activation` acts on mu.

    `kl_cycles`: the training falls into so many equal cycles (Fu et al. 2019), each of which begins with a warm-up.
    `capacity`: the KL in nats per image that beta pulls to, from 0 on over the warm-up (Burgess et al. 2018).
    """

    loss: Literal["mse", "bce", "gaussian"] = "gaussian"
    beta: NonNegative = 30.0
    kl_warmup_images: Natural = 10000
    kl_cycles: Count = 1
    free_bits: NonNegative = 0.0
    capacity: Positive | None = None

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


class Schedule(Section):
    """When the discriminator (D) and the generator (G) train; `name` picks which of the groups below is used.

    ratio: `d_steps` D steps, then `g_steps` G steps, over and over (1 and 1: both at every step).
    decay: D steps per G step go from `d_start` to `d_end` over `decay_images` images.
    accuracy: D trains only while its smoothed accuracy is below `threshold`.
    """

    name: Literal["ratio", "decay", "accuracy"] = "ratio"
    d_steps: Count = 1
    g_steps: Count = 1
    d_start: Positive = 2.0
    d_end: Positive = 1.0
    decay_images: Count = 50000
    threshold: Annotated[Number, Field(gt=0.5, le=1)] = 0.8
    smoothing: Fraction = 0.9


# as train_gan.init_from: first weights from no model; a path, since dvc.yaml makes it a dependency
NO_MODEL = "data/shards"


class TrainGAN(Budget):
    """The generative adversarial network.

    `label_smoothing` acts with loss bce, `gp_weight` with wasserstein_gp. `truncation` (psi) shrinks the latents that
    the trained model draws: psi * N(0, I), at 1 the prior that it was trained with. `init_from` is the folder that the
    first weights come from: that of a VAE, of another GAN, or data/shards, which has none: they are random.
    """

    init_from: str = NO_MODEL
    architecture: Literal["dcgan", "residual"] = "dcgan"
    spectral_norm: bool = False
    latent_dim: Count = 64
    generator_widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (256, 128, 64, 32)
    discriminator_widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (32, 64, 128, 256)
    loss: Literal["non_saturating", "hinge", "bce", "wasserstein_gp"] = "non_saturating"
    label_smoothing: Annotated[Number, Field(ge=0, lt=0.5)] = 0.1
    gp_weight: Positive = 10.0
    generator_learning_rate: Positive = 1e-3
    discriminator_learning_rate: Positive = 1e-3
    adam_beta_1: Fraction = 0.5
    adam_beta_2: Fraction = 0.99
    r1_gamma: NonNegative = 1.0
    r1_every: Count = 16
    diffaugment: tuple[Literal["color", "translation", "cutout"], ...] = ("translation",)
    ema_half_life_kimg: NonNegative = 3.0
    latent_activation: Literal["linear", "relu", "sigmoid"] = "linear"
    flip: bool = True
    truncation: Annotated[Number, Field(gt=0, le=1)] = 1.0
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _what_goes_together(self):
        if Path(self.init_from) == Path("data/models/gan"):
            raise ValueError("init_from: data/models/gan is what train_gan itself makes; copy it and name the copy")
        if self.loss == "wasserstein_gp" and self.r1_gamma:
            raise ValueError("loss: wasserstein_gp has a penalty of its own (gp_weight); set r1_gamma to 0")
        if self.loss == "wasserstein_gp" and self.schedule.name == "accuracy":
            raise ValueError(
                "loss: wasserstein_gp tells real from generated by no threshold, so there is no accuracy; "
                "use schedule.name: ratio or decay"
            )
        return self


class ExportLatents(Section):
    """Latents as tables, and a density fitted to the training latents (used for random faces)."""

    format: Literal["csv", "parquet"] = "csv"
    density: Literal["gaussian", "mixture"] = "mixture"
    components: Count = 10
    gan_samples: Annotated[Count, Field(ge=2)] = 1000
    seed: Natural = 0


class AttributeVectors(Section):
    """Directions: an attribute needs `min_examples` positives and as many negatives among the training images."""

    method: Literal["mean_difference"] = "mean_difference"
    min_examples: Annotated[Count, Field(ge=2)] = 50
    attributes: tuple[str, ...] | None = None


class Evaluate(Section):
    """Held-out reconstruction, samples, latent health."""

    extractor: Literal["mtcnn", "random_conv"] = "mtcnn"
    samples: Annotated[Count, Field(ge=20)] = 1000
    kid_subsets: Count = 50
    kid_subset_size: Annotated[Count, Field(ge=2)] = 200
    neighbours: Count = 5
    active_variance: Positive = 0.01
    seed: Natural = 0


class RenderReports(Section):
    """The final grids and the page."""

    columns: Annotated[int, BeforeValidator(_no_bool), Field(ge=2, le=64)] = 10
    rows: Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=64)] = 6
    interpolation_steps: Annotated[int, BeforeValidator(_no_bool), Field(ge=3, le=64)] = 10
    strengths: Annotated[tuple[Number, ...], Field(min_length=1, max_length=32)] = (-1.0, 0.0, 0.5, 1.0, 1.5)
    attributes: tuple[str, ...] | None = None
    seed: Natural = 0


class Params(Section):
    """params.yaml as a whole."""

    dataset: Dataset
    preprocess: Preprocess
    train: Train
    train_ae: TrainAE
    train_vae: TrainVAE
    train_gan: TrainGAN
    export_latents: ExportLatents
    attribute_vectors: AttributeVectors
    evaluate: Evaluate
    render_reports: RenderReports


def load_params(path="params.yaml"):
    """Read and check the whole of params.yaml.

    Returns:
        `Params`; every key has a value (defaults fill those left out).

    Raises:
        InputError: missing file, broken YAML, unknown key, wrong type or impossible value; one line with
            file, key, what is wrong and what would be right.
    """
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's top folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = f" line {error.problem_mark.line + 1}:" if getattr(error, "problem_mark", None) else ""
        problem = getattr(error, "problem", None) or "not UTF-8 text"
        raise InputError(f"{path}:{where} not valid YAML: {problem}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: expected sections such as dataset: and train_ae:, found {type(raw).__name__}")
    # a section left out has its defaults, except the budgets, which have none
    try:
        return Params.model_validate({name: {} for name in Params.model_fields} | raw)
    except ValidationError as error:
        raise InputError(f"{path}: {_describe(error)}") from None


def _describe(error):
    """The first of pydantic's complaints as 'key: what is wrong (got value)'."""
    problems = error.errors()
    # a union reports each member's complaint; the unknown keys are the most telling
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = tuple(part for part in problem["loc"] if _is_key(part))
    key = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(place[:-1])
        return f"{key}: unknown key{suggest(place[-1], known) or '; known here: ' + ', '.join(known)}"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    accepted = [p["msg"].replace("Input should be ", "") for p in problems if tuple(filter(_is_key, p["loc"])) == place]
    if len(accepted) > 1:
        message = "should be " + ", or ".join(dict.fromkeys(accepted)).replace("a valid tuple", "a list")
    value = problem["input"]
    got = "" if isinstance(value, dict | BaseModel) else f" (got {value!r})"
    others = len({tuple(filter(_is_key, p["loc"])) for p in problems}) - 1
    more = f" (and {others} more)" if others else ""
    return f"{key}: {message}{got}{more}"


def _is_key(part):
    # pydantic adds the names of union members and of validators to the location; keys are lower-case words
    return isinstance(part, int) or (part.isidentifier() and part not in {"int", "float", "str", "bool", "tuple"})


def _fields_at(place):
    """The names of the keys that may stand at `place` in params.yaml."""
    model = Params
    for part in place:
        annotation = model.model_fields[part].annotation
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            annotation = typing.get_args(annotation)[0]
        model = annotation
    return list(model.model_fields)


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
