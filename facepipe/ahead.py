"""What later stages would refuse, said before the first training: whatever params and shards alone can tell."""

import contextlib
from pathlib import Path

import numpy as np

from facepipe.errors import FieldError, about

STARTS = {Path("data/models") / name: name for name in ("ae", "vae")}  # that a GAN may be waiting for


def check_ahead(params, shards):
    """Whether the params of all later stages fit the data; reads labels only where a param names attributes.

    Args:
        params: `config.Params`.
        shards: folder of the shards.

    Raises:
        FieldError: a value that a later stage would refuse, with its section.
        InputError: no shards, or broken ones.
    """
    from facepipe.report.grids import check_test_images
    from facepipe.shards.shards import Shards

    data = Shards(shards)
    for name in ("ae", "vae", "gan", "inverter"):
        if name in params.trained:
            section = getattr(params, f"train_{name}")
            with _of(section):
                _check_budget(section, data)
                _check_labels(section, data)
                _CHECKS[name](params, section, data)
    with _of(params.export_latents):
        _check_export(params.export_latents, data)
    _check_directions(params, data)
    with _of(params.evaluate):
        _check_evaluate(params.evaluate, data)
    check_test_images(data)


@contextlib.contextmanager
def _of(section):
    """A block whose every FieldError is about a value of `section`."""
    try:
        yield
    except FieldError as error:
        error.section = section
        raise


def _check_budget(section, data):
    from facepipe.networks.maps import halvings, patch_for
    from facepipe.training.config import steps_of

    steps_of(section, data.count("train"))
    finish = getattr(section, "finish", None)
    if finish and finish.images:
        with about("finish"):
            steps_of(finish.budget, data.count("train"))
        halvings(data.image_shape, 2, "finish", patch_for(data.image_shape, section.patch_size))


def _check_labels(section, data):
    from facepipe.shards.labels import check_names

    check_names(data, getattr(section, "condition_on", ()), "condition_on")


def _check_autoencoder(params, section, data):
    from facepipe.networks.maps import check_widths, patch_for, widths_for

    check_widths(data.image_shape, section.widths, section.patch_size, "widths")
    if section.init_from:
        spec = _stored(section.init_from, data)
        patch = patch_for(data.image_shape, section.patch_size)
        widths = widths_for(data.image_shape, section.widths, patch=patch)
        here = {"latent_dim": section.latent_dim, "widths": widths, "patch_size": patch}
        there = {"latent_dim": spec.get("latent_dim"), "widths": tuple(spec.get("widths", ()))}
        _compare(section.init_from, there | {"patch_size": spec.get("patch_size", 1)}, here)


def _check_vae(params, section, data):
    from facepipe.models.vae.config import check_cycles
    from facepipe.training.config import steps_of

    _check_autoencoder(params, section, data)
    epochs, steps = steps_of(section, data.count("train"))
    check_cycles(section, epochs and epochs * steps)


def _check_gan(params, gan, data):
    from facepipe.features.identity import check_installed
    from facepipe.models.gan.snapshots import images_to_judge_by
    from facepipe.networks.maps import check_widths

    if gan.init_from is None:
        patches = {"generator": gan.patch_size, "discriminator": gan.discriminator_patch_size}
        for network, patch in patches.items():
            field = f"{network}_widths"
            check_widths(data.image_shape, getattr(gan, field), gan.patch_size if patch == "auto" else patch, field)
        for field, needed, use in (
            ("anchor_weight", gan.anchor_weight, 0),
            ("discriminator_start", gan.discriminator_start == "encoder", "random"),
        ):
            if needed:
                raise FieldError(field, f"needs init_from to name an autoencoder or a VAE; use {use}")
    else:
        _check_start(gan, params, data)
    if gan.keep == "best":
        images_to_judge_by(gan, data.count("valid"))
        check_installed(gan.keep_extractor, "keep_extractor")


def _check_start(gan, params, data):
    """Whether a GAN has the sizes of the model that it starts from, which may be yet to be trained."""
    from facepipe.networks.maps import patch_for, widths_for

    if (name := STARTS.get(Path(gan.init_from))) is None:
        spec = _stored(gan.init_from, data)
        patch, latent_dim, widths = spec.get("patch_size", 1), spec.get("latent_dim"), spec.get("widths", ())
        generator = spec.get("generator_widths", widths[::-1])
    else:
        start = getattr(params, f"train_{name}")
        if getattr(start, "decoder_spectral_norm", False):
            what = "will have a decoder that decoder_spectral_norm scales"
            raise FieldError("init_from", f"{gan.init_from} {what}; use null")
        patch, latent_dim = patch_for(data.image_shape, start.patch_size), start.latent_dim
        widths = widths_for(data.image_shape, start.widths, patch=patch)
        generator = widths[::-1]
    there = {"latent_dim": latent_dim, "generator_widths": tuple(generator), "patch_size": patch}
    if gan.discriminator_start == "encoder" and widths:
        there |= {"discriminator_widths": tuple(widths), "discriminator_patch_size": patch}
        there |= {"architecture": "dcgan", "spectral_norm": False}
    here = {field: value if (value := getattr(gan, field)) != "auto" else there[field] for field in there}
    _compare(gan.init_from, there, here)


def _stored(folder, data):
    """The spec of the model folder that a training starts from; FieldError: none of such images there."""
    from facepipe.networks.store import read_info

    with about("init_from"):
        info = read_info(folder)
    if (shape := info["spec"].get("image_shape")) != list(data.image_shape):
        raise FieldError("init_from", f"{folder} is of images {shape}, these are {list(data.image_shape)}; use null")
    return info["spec"]


def _compare(folder, there, here):
    """FieldError where of what a training starts from a value is another."""
    for field, value in there.items():
        if here[field] != value:
            found, value = (list(each) if isinstance(each, tuple) else each for each in (here[field], value))
            raise FieldError(
                field, f"{found}, but {folder}, which it starts from, has {value}; use that, or init_from: null"
            )


def _check_inverter(params, section, data):
    from facepipe.networks.maps import check_widths

    # else widths and patches may be those of the encoder that the GAN has
    if params.train_gan.init_from is None:
        check_widths(data.image_shape, section.widths, section.patch_size, "widths")


_CHECKS = {"ae": _check_autoencoder, "vae": _check_vae, "gan": _check_gan, "inverter": _check_inverter}


def _check_export(export, data):
    from facepipe.latents.export import DENSITY_ROWS
    from facepipe.latents.parquet import import_pyarrow
    from facepipe.networks.samplers import check_components

    if export.format == "parquet":
        with about("format"):
            import_pyarrow("parquet")
    if export.density == "mixture" and export.components != "auto":
        check_components(export.components, min(data.count("train"), DENSITY_ROWS))


def _check_directions(params, data):
    """The attributes that are to have directions, and those of them that the report is to show."""
    from facepipe.directions.attribute_vectors import choose
    from facepipe.directions.fitting import too_few

    vectors, shown = params.attribute_vectors, params.render_reports.attributes or ()
    with _of(vectors):
        chosen = choose(vectors.attributes, data.attribute_names)
    if not shown:
        return
    with _of(params.render_reports):
        choose(shown, chosen)
        labels = {split: data.attributes(split)[list(shown)].to_numpy() for split in ("train", "valid", "test")}
        held = np.concatenate([labels["valid"], labels["test"]])
        for column, name in enumerate(shown):
            if reason := too_few(labels["train"][:, column], held[:, column], vectors.min_examples):
                raise FieldError("attributes", f"no direction for {name!r}: {reason}; leave it out")


def _check_evaluate(evaluate, data):
    from facepipe.features.identity import check_installed
    from facepipe.metrics.config import check_counts

    held_out = min(evaluate.samples, data.count("test") + data.count("valid"))
    check_counts(evaluate, held_out, data.count("train"))
    check_installed(evaluate.extractor, "extractor")
