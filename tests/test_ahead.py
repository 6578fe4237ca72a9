"""What later stages would refuse is said before the first training: one line, exit code 2, nothing written."""

import re
import runpy
import shutil

import numpy as np
import pytest
import yaml

from facepipe.ahead import check_ahead
from facepipe.config import check_params
from facepipe.errors import FieldError, InputError
from facepipe.features import identity
from facepipe.shards.shards import SPLITS
from tests.conftest import ROOT
from tests.material import write_shards

FITTING = {  # to the tiny shards: 16x16, 96, 32 and 32 images, attributes Bright and Left
    "train_ae": {"epochs": 1},
    "train_vae": {"epochs": 1},
    "train_gan": {"epochs": 1},
    "train_inverter": {"epochs": 1},
}


def params(**changes):
    """The `Params` of FITTING and these changes, {"section.key": value}."""
    raw = {section: dict(values) for section, values in FITTING.items()}
    for key, value in changes.items():
        *sections, name = key.split(".")
        place = raw
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return check_params(raw, "params.yaml")


def test_params_that_fit(tiny_shards):
    check_ahead(params(), tiny_shards)
    fine = {
        "train_vae.condition_on": ["Bright"], "train_gan.keep": "best", "render_reports.attributes": ["Left"],
        "attribute_vectors.min_examples": 20, "export_latents.components": 48, "train_vae.kl_cycles": 2,
        "train_vae.kl_warmup_images": 48,
    }  # fmt: skip
    check_ahead(params(**fine), tiny_shards)


@pytest.mark.parametrize(
    ("changes", "section", "message"),
    [
        ({"train_vae.condition_on": ["Brigth"]}, "train_vae", "condition_on: no attribute 'Brigth'; did you mean"),
        ({"train_gan.condition_on": ["Hat"]}, "train_gan", "condition_on: no attribute 'Hat'; the data has Bright"),
        ({"train_inverter.batch_size": 97}, "train_inverter", "batch_size: 97 is more than the 96 training images"),
        ({"train_vae.finish.images": 96, "train_vae.finish.batch_size": 97}, "train_vae", "finish: batch_size: 97 is"),
        ({"train_ae.finish.images": 96, "train_ae.patch_size": 8, "train_ae.widths": [8]}, "train_ae",
         "finish: 2 widths halve 16x16 images in patches of 8x8 to 1x1"),
        ({"train_vae.widths": [8] * 4}, "train_vae", "widths: 4 widths halve 16x16 images to 1x1; use at most 3"),
        ({"train_gan.generator_widths": [8] * 4}, "train_gan", "generator_widths: 4 widths halve 16x16 images to 1x1"),
        ({"train_gan.discriminator_patch_size": 8, "train_gan.discriminator_widths": [8, 8]}, "train_gan",
         "discriminator_widths: 2 widths halve 16x16 images in patches of 8x8 to 1x1"),
        ({"train_inverter.widths": [8] * 4}, "train_inverter", "widths: 4 widths halve"),
        ({"train_vae.kl_cycles": 2, "train_vae.kl_warmup_images": 49}, "train_vae",
         "kl_warmup_images: 49 is more than one of 2 cycles of 48 images"),
        ({"train_gan.anchor_weight": 1.0}, "train_gan", "anchor_weight: needs init_from to name an autoencoder"),
        ({"train_gan.discriminator_start": "encoder"}, "train_gan", "discriminator_start: needs init_from to name"),
        ({"train_gan.init_from": "data/models/vae", "train_gan.latent_dim": 32}, "train_gan",
         "latent_dim: 32, but data/models/vae, which it starts from, has 64; use that, or init_from: null"),
        ({"train_gan.init_from": "data/models/ae", "train_gan.generator_widths": [8, 16], "train_ae.widths": [8, 16]},
         "train_gan", "generator_widths: [8, 16], but data/models/ae, which it starts from, has [16, 8]"),
        ({"train_gan.init_from": "data/models/ae", "train_ae.decoder_spectral_norm": True}, "train_gan",
         "init_from: data/models/ae will have a decoder that decoder_spectral_norm scales; use null"),
        ({"export_latents.components": 49}, "export_latents",
         "components: 49 Gaussians need at least 98 training latents, there are 96; use at most 48"),
        ({"attribute_vectors.attributes": ["Brigth"]}, "attribute_vectors",
         "attributes: unknown attribute 'Brigth'; did you mean Bright?"),
        ({"render_reports.attributes": ["Hat"]}, "render_reports",
         "attributes: unknown attribute 'Hat'; there are Bright, Left"),
        ({"render_reports.attributes": ["Left"], "attribute_vectors.attributes": ["Bright"]}, "render_reports",
         "attributes: unknown attribute 'Left'; there are Bright"),
        ({"render_reports.attributes": ["Left"], "attribute_vectors.min_examples": 60}, "render_reports",
         "positives and "),
        ({"evaluate.neighbours": 64}, "evaluate", "neighbours: 64 needs more than 64 held-out (test and valid) images"),
        ({"evaluate.samples": 20, "evaluate.neighbours": 20}, "evaluate", "neighbours: 20 needs more than 20 held-out"),
    ],
)  # fmt: skip
def test_what_a_later_stage_would_refuse(tiny_shards, changes, section, message):
    params_ = params(**changes)
    with pytest.raises(FieldError, match=re.escape(message)) as caught:
        check_ahead(params_, tiny_shards)
    assert caught.value.section is getattr(params_, section)


def test_models_that_trainings_start_from(tiny_shards, tiny_models, tmp_path):
    fine = {"latent_dim": 4, "widths": [8, 8], "epochs": 1}
    ae, vae, gan = (str(tiny_models / name) for name in ("ae", "vae", "gan"))
    starts = {"train_ae": fine | {"init_from": ae}, "train_vae": fine | {"init_from": vae}}
    for folder in (vae, gan, ae):
        check_ahead(check_params(FITTING | starts | {"train_gan": {"epochs": 1, "init_from": folder}}, ""), tiny_shards)
    write_shards(tmp_path / "large", {split: np.zeros((40, 24, 24, 3), np.uint8) for split in SPLITS})
    for changes, shards, message in (
        (
            {"train_vae.init_from": vae},
            tiny_shards,
            f"latent_dim: 64, but {vae}, which it starts from, has 4; use that",
        ),
        ({"train_vae.init_from": "nowhere"}, tiny_shards, "init_from: nowhere: no model.json there"),
        (
            {"train_gan.init_from": vae},
            tmp_path / "large",
            f"init_from: {vae} is of images [16, 16, 3], these are [24, 24",
        ),
        ({"train_gan.init_from": gan, "train_gan.latent_dim": 8}, tiny_shards, f"latent_dim: 8, but {gan}, which"),
    ):
        with pytest.raises(FieldError, match=f"^{re.escape(message)}"):
            check_ahead(params(**changes), shards)


def test_one_test_image_is_too_few_to_show(tmp_path):
    images = {split: np.zeros((n, 16, 16, 3), np.uint8) for split, n in (("train", 40), ("valid", 40), ("test", 1))}
    write_shards(tmp_path / "shards", images)
    with pytest.raises(InputError, match="1 test images, at least 2 are needed to show; use more data"):
        check_ahead(params(), tmp_path / "shards")


def test_models_that_nobody_asked_for_are_not_asked(tiny_shards):
    wrong = {"train_gan.condition_on": ["Hat"], "train_inverter.widths": [8] * 9, "train_vae.batch_size": 97}
    check_ahead(params(models=["ae"], **wrong), tiny_shards)


def test_packages_that_are_not_installed(tiny_shards, monkeypatch):
    monkeypatch.setattr(identity, "PACKAGES", ("no_such_package",))
    check_ahead(params(), tiny_shards)
    for changes, field in (
        ({"evaluate.extractor": "dlib"}, "extractor"),
        ({"train_gan.keep": "best", "train_gan.keep_extractor": "dlib"}, "keep_extractor"),
    ):
        with pytest.raises(FieldError, match=f"^{field}: dlib needs the package no_such_package; pip install"):
            check_ahead(params(**changes), tiny_shards)


@pytest.mark.parametrize("stage", ["train_ae", "train_vae", "train_gan"])
def test_the_first_training_says_it(tmp_path, tiny_shards, monkeypatch, capsys, stage):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_shards, "data/shards")
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw["evaluate"]["neighbours"], raw["preprocess"]["image_size"] = 200, [16, 16]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(f"stages.{stage}", run_name="__main__")
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        f"{stage}: params.yaml: evaluate.neighbours: 200 needs more than 200 held-out (test and valid) images, there "
        "are 64; use more data or fewer neighbours\n"
    )
    assert not (tmp_path / "data" / "models").exists() and not (tmp_path / "reports").exists()
