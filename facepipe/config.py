"""params.yaml: the typed sections together; unknown keys, wrong types and impossible values are one-line errors."""

import types
import typing
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from facepipe.core.section import Section, no_repeats
from facepipe.core.yaml_read import MAX_BYTES, parse_yaml
from facepipe.directions.config import AttributeVectors
from facepipe.download.config import Dataset
from facepipe.errors import InputError, suggest
from facepipe.latents.config import ExportLatents
from facepipe.metrics.config import Evaluate
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.models.inverter.config import TrainInverter
from facepipe.models.vae.config import TrainVAE
from facepipe.preprocess.config import Preprocess
from facepipe.report.config import RenderReports
from facepipe.training.config import Train

MODEL_NAMES = {"ae": "autoencoder", "vae": "VAE"}


class Params(Section):
    """params.yaml as a whole; `models` are those that there are to be."""

    models: Annotated[tuple[Literal["ae", "vae", "gan"], ...], Field(min_length=1), AfterValidator(no_repeats)] = (
        "ae",
        "vae",
        "gan",
    )
    dataset: Dataset
    preprocess: Preprocess
    train: Train
    train_ae: TrainAE
    train_vae: TrainVAE
    train_gan: TrainGAN
    train_inverter: TrainInverter
    export_latents: ExportLatents
    attribute_vectors: AttributeVectors
    evaluate: Evaluate
    render_reports: RenderReports

    @model_validator(mode="after")
    def _the_gan_fits_what_it_starts_from(self):
        # known before the VAE is trained for it
        gan, vae = self.train_gan, self.train_vae
        start = Path(gan.init_from or "")
        if "gan" in self.models and start in (Path("data/models/vae"), Path("data/models/ae")):
            labels = vae.condition_on if start.name == "vae" else ()
            there = {"architecture": "dcgan", "latent_activation": "linear", "condition_on": labels}
            for name, value in there.items():
                if (found := getattr(gan, name)) != value:
                    raise ValueError(
                        f"train_gan.{name}: {_plain(found)}, but the decoder of the {MODEL_NAMES[start.name]} it "
                        f"starts from has {_plain(value)}; set train_gan.init_from to null, or both alike"
                    )
        return self

    @property
    def trained(self):
        """The models to train: those of `models`, the GAN's inverter, and those that training starts from; a set."""
        wanted, found = list(self.models) + ["inverter"] * ("gan" in self.models), set()
        while wanted:
            found.add(name := wanted.pop())
            start = Path(getattr(getattr(self, f"train_{name}"), "init_from", None) or "")
            known = f"train_{start.name}" in type(self).model_fields
            if start.parent == Path("data/models") and known and start.name not in found:
                wanted.append(start.name)
        return found


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def load_params(path="params.yaml"):
    """Read and check the whole of params.yaml.

    Returns:
        `Params`; every key has a value (defaults fill those left out).

    Raises:
        InputError: missing file, broken YAML, unknown key, wrong type or impossible value; one line with
            file, key, what is wrong and what would be right.
    """
    return check_params(read_sections(read_text(path), path), path)


def read_text(path):
    """The text of a YAML file, line ends as they are; InputError: there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"{path}: more than {MAX_BYTES} bytes, which no such file has")
        return data.decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's top folder") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not valid YAML: not UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def read_sections(text, path):
    """The sections that the YAML `text` of the file `path` has, a dict; InputError: it is no YAML, or has none."""
    try:
        raw = parse_yaml(text)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    if not isinstance(raw, dict):
        found = "none" if raw is None else type(raw).__name__
        raise InputError(f"{path}: expected sections such as dataset: and train_ae:, found {found}")
    return raw


def check_params(raw, path):
    """The `Params` of the sections `raw` (a dict) of the file `path`; InputError as of `load_params`."""
    # a section left out has its defaults, except the budgets, which have none
    sections = [name for name in Params.model_fields if name != "models"]
    try:
        return Params.model_validate({name: {} for name in sections} | raw)
    except ValidationError as error:
        raise InputError(f"{path}: {_describe(error)}") from None


def leaves(raw, path):
    """What the sections `raw` (a dict) of the file `path` set.

    Returns:
        list of (place, value): place is a tuple of str such as ("train_ae", "epochs"), value as in YAML.

    Raises:
        InputError: an unknown key, or a section that is none.
    """
    found = []

    def walk(values, model, place):
        for name, value in values.items():
            here = (*place, str(name))
            if name not in model.model_fields:
                raise InputError(f"{path}: {_unknown(here, list(model.model_fields))}")
            inner = _model_at(model, name)
            if inner is None:
                found.append((here, value))
            elif isinstance(value, dict):
                walk(value, inner, here)
            else:
                raise InputError(f"{path}: {'.'.join(here)}: should have keys of its own (got {value!r})")

    walk(raw, Params, ())
    return found


def _unknown(place, known):
    return f"{'.'.join(place)}: unknown key{suggest(place[-1], known) or '; known here: ' + ', '.join(known)}"


def _describe(error):
    """The first of pydantic's complaints as 'key: what is wrong (got value)'."""
    problems = error.errors()
    # a union reports each member's complaint; the unknown keys are the most telling
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = tuple(filter(_is_key, problem["loc"]))
    key = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        model, (*sections, name) = Params, problem["loc"]  # the name may be anything
        for part in filter(_is_key, sections):
            model = _model_at(model, part)
        return _unknown((*filter(_is_key, sections), name), list(model.model_fields))
    message = _said(problem)
    accepted = [_said(p).removeprefix("should be ") for p in problems if tuple(filter(_is_key, p["loc"])) == place]
    if len(accepted) > 1:
        message = "should be " + ", or ".join(dict.fromkeys(accepted))
    value = problem["input"]
    got = "" if isinstance(value, dict | BaseModel) else f" (got {value!r})"
    # a wrong item also makes its list wrong: one mistake
    others = sum(place[: len(at)] != at for at in {tuple(filter(_is_key, p["loc"])) for p in problems})
    more = f" (and {others} more)" if others else ""
    return f"{key}: {message}{got}{more}" if key else message  # of several sections, which the message names


def _said(problem):
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    message = "should have keys of its own" if problem["type"] == "model_type" else message
    # YAML has lists
    return message.replace("a valid tuple", "a list").replace("Tuple should", "should").replace(" after validation", "")


def _is_key(part):
    # pydantic adds the names of union members and of validators to the location; keys are lower-case words
    return isinstance(part, int) or (part.isidentifier() and part not in {"int", "float", "str", "bool", "tuple"})


def _model_at(model, name):
    """The class of the section that is called `name` in the section `model`; None: it is a value."""
    annotation = model.model_fields[name].annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = typing.get_args(annotation)[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
