"""params.yaml: defaults, coercion, and one clear line for each kind of mistake."""

import copy

import pytest
import yaml

from facepipe.config import load_params
from facepipe.errors import InputError
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.models.vae.config import TrainVAE
from facepipe.training.config import steps_of
from tests.conftest import ROOT


@pytest.fixture
def edited(tmp_path):
    """A function (key, value) -> path of a copy of params.yaml with that one change."""
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))

    def write(key, value):
        params = copy.deepcopy(raw)
        *sections, last = key.split(".")
        inner = params
        for section in sections:
            inner = inner[section]
        inner[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(params), encoding="utf-8")
        return path

    return write


def complaint(path):
    with pytest.raises(InputError) as caught:
        load_params(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_the_committed_file_says_what_the_defaults_are():
    params = load_params(ROOT / "params.yaml")
    assert params.train_ae.learning_rate == pytest.approx(4e-3)
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert raw.pop("models") == list(params.models) == ["ae", "vae", "gan"]
    for name, section in raw.items():
        assert set(section) == set(type(getattr(params, name)).model_fields), f"{name}: every key stands in the file"


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("train_gan.architecture", "residual", "train_gan.architecture: residual, but the decoder .* has dcgan; set"),
        ("train_gan.latent_activation", "relu", "train_gan.latent_activation: relu, but .* has linear; set"),
        ("train_gan.condition_on", ["Smiling"], r"train_gan.condition_on: \['Smiling'\], but .* has \[\]; set"),
        ("train_vae.condition_on", ["Male"], r"train_gan.condition_on: \[\], but .* has \['Male'\]; set"),
    ],
)
def test_a_gan_that_cannot_start_from_the_vae_is_known_before_it_is_trained(key, value, said, edited):
    with pytest.raises(InputError, match=rf"params.yaml: {said}"):
        load_params(edited(key, value))


def test_scientific_notation_that_yaml_reads_as_text(edited):
    assert isinstance(yaml.safe_load("1e-4"), str)
    assert load_params(edited("train_vae.learning_rate", "1e-4")).train_vae.learning_rate == 1e-4


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("train_ae.latent_dims", 3, "train_ae.latent_dims: unknown key; did you mean latent_dim?"),
        ("trian_ae", {}, "trian_ae: unknown key; did you mean train_ae?"),
        ("train_gan.schedule.xyzzy", 1, "train_gan.schedule.xyzzy: unknown key; known here: name, d_steps"),
        ("train_ae.latent_dim", 0, "train_ae.latent_dim: should be greater than or equal to 1 (got 0)"),
        ("export_latents.format", "xlsx", "export_latents.format: should be 'csv' or 'parquet' (got 'xlsx')"),
        ("export_latents.gan_samples", 1, "export_latents.gan_samples: should be greater than or equal to 2 (got 1)"),
        ("train_ae.latent_dim", "big", "train_ae.latent_dim: should be a valid integer"),
        ("train_ae.latent_dim", 2.5, "train_ae.latent_dim: should be a valid integer"),
        ("train_ae.latent_dim", True, "train_ae.latent_dim: should be a number, not true or false (got True)"),
        ("train_ae.learning_rate", -1, "train_ae.learning_rate: should be greater than 0 (got -1)"),
        ("train_ae.learning_rate", float("nan"), "train_ae.learning_rate: should be a finite number"),
        ("train_ae.widths", [32, 0], "train_ae.widths.1: should be greater than or equal to 1 (got 0)"),
        (
            "train_vae.patch_size",
            True,
            "train_vae.patch_size: should be a number, not true or false, or 'auto' (got True)",
        ),
        ("train.threads", "many", "train.threads: should be a valid integer"),
        (
            "train_gan.loss",
            "hinged",
            "train_gan.loss: should be 'non_saturating', 'relativistic', 'hinge', 'bce' or 'wasserstein_gp' (got "
            "'hinged')",
        ),
        ("preprocess.crop", [0, 0, 2, 1], "preprocess: crop must be [left, top, right, bottom]"),
        ("preprocess.crop", "centre", "preprocess.crop: should be 'default', 'center', 'none' or 'align', or a list"),
        ("preprocess.scheduler", "tcp:localhost", "preprocess.scheduler: should be processes, dask, or the address"),
        ("preprocess.image_size", [64], "preprocess.image_size.1: Field required"),
        ("preprocess.image_size", [4, 64], "preprocess: image_size (height, width) must be at least 8"),
        ("preprocess.test_fraction", 0.95, "preprocess: valid_fraction + test_fraction must be below 1"),
        ("train_vae.images", 1000, "train_vae: set exactly one of epochs, images and minutes, the others to null"),
        ("train_gan.minutes", 0, "train_gan.minutes: should be greater than 0 (got 0)"),
        ("train_ae.loss", "mae", "train_ae.loss: should be mse, bce, l1, ssim, or weights of these such as {mse: 1.0"),
        ("train_ae.loss", {"mse": 1, "mae": 1}, "train_ae.loss: should be mse, bce, l1, ssim, or weights of these"),
        ("train_ae.loss", {}, "train_ae.loss: should be mse, bce, l1, ssim, or weights of these"),
        (
            "train_ae.loss",
            {"mse": 1, "ssim": 0},
            "train_ae.loss: the weight of ssim should be a number above 0, found 0",
        ),
        ("train_ae.loss", {"mse": True}, "train_ae.loss: the weight of mse should be a number above 0, found True"),
        ("attribute_vectors.methods", [], "attribute_vectors.methods: "),
        ("attribute_vectors.methods", ["logistic"] * 2, "attribute_vectors.methods: names logistic twice"),
        (
            "attribute_vectors.methods",
            ["logisitc"],
            "attribute_vectors.methods.0: should be 'orthogonalised', 'logistic', 'mean_difference' or 'adjusted' (got "
            "'logisitc')",
        ),
        ("attribute_vectors.scale", "pixel", "attribute_vectors.scale: should be 'latent' or 'pixels' (got 'pixel')"),
        ("train_ae.denoising", -0.1, "train_ae.denoising: should be greater than or equal to 0 (got -0.1)"),
        ("train_vae.kl_cycles", 0, "train_vae.kl_cycles: should be greater than or equal to 1 (got 0)"),
        ("train_gan.patience", 3, "train_gan.patience: unknown key"),
        ("train.save_every_minutes", "often", "train.save_every_minutes: should be a valid number"),
        ("dataset.archive", "faces.zip", "dataset: archive and labels do not apply to name: synthetic"),
        ("evaluate", None, "evaluate: should have keys of its own"),
        (
            "train_gan.loss",
            "wasserstein_gp",
            "train_gan: loss: wasserstein_gp has a penalty of its own (gp_weight); set",
        ),
        (
            "train_gan.init_from",
            "data/models/gan",
            "train_gan: init_from: data/models/gan is what train_gan itself makes",
        ),
        ("train_gan.truncation", 1.5, "train_gan.truncation: should be less than or equal to 1 (got 1.5)"),
        ("train_ae.augment.rotates", 5, "train_ae.augment.rotates: unknown key; did you mean rotate?"),
        ("train_ae.augment.rotate", 181, "train_ae.augment.rotate: should be less than or equal to 180 (got 181)"),
        ("train_vae.augment.brightness", -0.1, "train_vae.augment.brightness: should be greater than or equal to 0"),
        ("train_gan.augment.contrast", 1, "train_gan.augment.contrast: should be less than 1 (got 1)"),
        ("train_gan.augment.shift", 0.6, "train_gan.augment.shift: should be less than or equal to 0.5 (got 0.6)"),
        ("train_gan.augment.zoom", "nan", "train_gan.augment.zoom: should be a finite number"),
        ("train_vae.condition_on", "Male", "train_vae.condition_on: should be a list (got 'Male')"),
        ("train_vae.condition_on", ["Male", "Male"], "train_vae.condition_on: should name each attribute once, found"),
        ("train_gan.condition_dropout", 1, "train_gan.condition_dropout: should be less than 1 (got 1)"),
        ("train_ae.condition_on", ["Male"], "train_ae.condition_on: unknown key"),
        ("train_gan.label_smoothing", 0.5, "train_gan.label_smoothing: should be less than 0.5 (got 0.5)"),
        ("models", [], "models: should have at least 1 item, not 0 (got [])"),
        ("models", "ae", "models: should be a list (got 'ae')"),
        ("models", ["gna"], "models.0: should be 'ae', 'vae' or 'gan' (got 'gna')"),
        ("models", ["ae", "ae"], "models: names ae twice (got ['ae', 'ae'])"),
    ],
)
def test_one_line_for_each_mistake(edited, key, value, expected):
    assert complaint(edited(key, value)).startswith(expected)


def test_a_wrong_item_counts_once(edited):
    assert complaint(edited("models", ["gna"])).endswith("(got 'gna')")
    assert complaint(edited("train_ae.widths", [16, 0])).endswith("(got 0)")
    assert complaint(edited("train_ae.widths", [0, -1])).endswith("(got 0) (and 1 more)")


def test_what_is_trained_follows_first_weights(edited):
    for start, expected in (("vae", {"vae"}), ("gan-old", set()), ("nix", set())):
        params = load_params(edited("train_gan.init_from", f"data/models/{start}"))
        only_gan = params.model_copy(update={"models": ("gan",)})
        assert only_gan.trained == {"gan", "inverter"} | expected


def test_mixtures_of_losses():
    assert TrainAE(epochs=1, loss={"ssim": "2e-1", "mse": 1}).loss == {"mse": 1.0, "ssim": 0.2}
    assert list(TrainAE(epochs=1, loss={"ssim": 1, "bce": 2}).loss) == ["bce", "ssim"], "one order, one sum"


@pytest.mark.parametrize("changes, expected", [
    ({"capacity": 5.0, "free_bits": 0.1}, "capacity excludes free_bits and kl_cycles"),
    ({"capacity": 5.0, "kl_cycles": 2}, "capacity excludes free_bits and kl_cycles"),
    ({"kl_cycles": 2, "epochs": None, "minutes": 1}, "kl_cycles need a known end"),
    ({"kl_cycles": 2, "kl_warmup_images": 0}, "kl_cycles repeat the warm-up"),
])  # fmt: skip
def test_pressures_on_the_kl_that_exclude_each_other(changes, expected):
    with pytest.raises(ValueError, match=expected):
        TrainVAE(**{"epochs": 1} | changes)


def test_one_bound_on_the_decoder():
    with pytest.raises(ValueError, match="decoder_l2 has no effect on kernels that decoder_spectral_norm scales"):
        TrainAE(epochs=1, decoder_l2=0.1, decoder_spectral_norm=True)


def test_the_best_is_not_judged_by_the_network_that_trained_it():
    anchored = {"images": 1, "keep": "best", "anchor_weight": 1.0}
    with pytest.raises(ValueError, match=r"keep_extractor: mtcnn is no judge .* use dlib, or keep: last"):
        TrainGAN(**anchored)
    for fine in ({"keep_extractor": "dlib"}, {"anchor_face_weight": 0.0}, {"anchor_weight": 0.0}, {"keep": "last"}):
        TrainGAN(**anchored | fine)


def test_files_that_are_no_params(tmp_path):
    path = tmp_path / "params.yaml"
    assert "not found" in complaint(path)
    path.write_text("train_ae: [1, 2\n", encoding="utf-8")
    assert "line 2: not valid YAML" in complaint(path)
    path.write_text("just text", encoding="utf-8")
    assert "expected sections" in complaint(path)
    path.write_bytes(b"train: \xff\xfe")
    assert "not valid YAML" in complaint(path)
    path.write_bytes(b"train: a\x07")
    assert complaint(path).endswith("not valid YAML: special characters are not allowed")
    path.write_text("train:\n  seed: 1\n  threads: 2\n  seed: 3\n", encoding="utf-8")
    assert complaint(path).endswith("line 4: not valid YAML: seed stands there twice")
    path.write_text("train: {[1]: 2}\n", encoding="utf-8")
    assert "line 1: not valid YAML: found unhashable key" in complaint(path)
    path.write_bytes(b"# all commented out\n")
    assert complaint(path).endswith("expected sections such as dataset: and train_ae:, found none")
    path.unlink()
    path.mkdir()
    assert complaint(path).endswith("cannot be read (Is a directory)")


def test_budgets():
    assert steps_of(TrainAE(epochs=3, batch_size=10), 95) == (3, 9)
    assert steps_of(TrainAE(images=200, batch_size=10), 95) == (3, 9)
    assert steps_of(TrainAE(epochs=2, batch_size=10, images_per_epoch=30), 95) == (2, 3)
    assert steps_of(TrainAE(minutes=2, batch_size=10), 95) == (None, 9)
    with pytest.raises(InputError, match="batch_size: 64 is more than the 63 training images"):
        steps_of(TrainAE(epochs=1, batch_size=64), 63)


def test_an_unknown_key_of_any_name(tmp_path):
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for name in ("\ufeffdataset", "Two words", "3"):
        path.write_text(f"{text}\n'{name}': 1\n", encoding="utf-8")
        assert f"{name}: unknown key" in complaint(path)
    path.write_text(text.replace("\ntrain_gan:\n", "\ntrain_gan:\n  'a b': 1\n"), encoding="utf-8")
    assert "train_gan.a b: unknown key; known here: " in complaint(path)
