import numpy as np
import pandas as pd
import pytest

from facepipe.core.determinism import rng
from facepipe.core.files import write_json
from facepipe.core.pictures import to_uint8
from facepipe.errors import InputError
from facepipe.features.extractors import features
from facepipe.latents.paths import lerp, slerp
from facepipe.metrics.config import Evaluate
from facepipe.metrics.evaluate import evaluate, headline
from facepipe.metrics.interpolation import evenness, straightness
from facepipe.metrics.reconstruction import mse
from facepipe.networks.samplers import Prior
from facepipe.shards.shards import Shards
from tests.standins import make_world

PARAMS = Evaluate(extractor="random_conv", samples=50, kid_subsets=5, kid_subset_size=20, neighbours=3, samplers=())


def run(folder, load, params=PARAMS, report="report", **options):
    return evaluate(
        params, models=folder / "models", latents=folder / "latents", shards=folder / "shards",
        report=folder / report, load=load, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    models, load = make_world(folder)
    return folder, models, load, run(folder, load)


def test_metrics_say_what_they_are(world):
    *_, metrics = world
    names = "kid_x1000", "kid_x1000_sd", "precision", "recall", "sharpness", "diversity", "memorised"
    samples = {f"{key}_random_conv_n50" for key in names}
    model = samples | {f"interpolation_{key}_random_conv_n20" for key in ("straightness", "evenness")}
    encoder = {"test_mse", "test_mse_pca6", "test_mse_to_pca", "test_psnr_db", "test_ssim", "dead_dimensions"}
    encoder |= {"kid_x1000_density_random_conv_n50"}
    assert set(metrics) == {"real", "ae", "vae", "gan"}
    assert set(metrics["real"]) == samples and set(metrics["gan"]) == model
    assert set(metrics["ae"]) == model | encoder
    assert set(metrics["vae"]) == model | encoder | {"active_units", "kl_nats"}


def test_few_of_them_are_shown_first(world):
    folder, _, _, metrics = world
    few = headline(metrics)
    own, encoder = {"kid_x1000_random_conv_n50", "recall_random_conv_n50"}, {"test_mse", "test_mse_to_pca"}
    assert {name: set(found) for name, found in few.items()} == {
        "ae": own | encoder, "vae": own | encoder, "gan": own
    }  # fmt: skip
    assert few["ae"]["test_mse"] == metrics["ae"]["test_mse"]
    assert few["ae"]["test_mse_to_pca"] == metrics["ae"]["test_mse"] / metrics["ae"]["test_mse_pca6"]
    table = pd.read_csv(folder / "report" / "scores.csv")
    assert {(m, n): v for m, n, v in table.itertuples(index=False)} == pytest.approx(
        {(m, n): v for m, found in metrics.items() for n, v in found.items()}, rel=1e-8
    )


def test_all_that_can_be_judged_is_still_five_a_model():
    names = ["test_mse", "test_mse_pca64", "test_mse_to_pca", "test_ssim", "kid_x1000_dlib_n9", "kid_x1000_sd_dlib_n9"]
    names += ["kid_x1000_density_dlib_n9", "recall_dlib_n9", "precision_dlib_n9", "edit_decoded_success_n5"]
    names += ["edit_residual_success_n5", "edit_decoded_same_person_n25", "face_rate_dlib_n9"]
    all_five = {"kid_x1000_dlib_n9", "recall_dlib_n9", "edit_decoded_success_n5"}
    few = headline({"vae": dict.fromkeys(names, 0.5), "ae": dict.fromkeys(names[:-1], 0.5)})
    assert set(few["vae"]) == all_five | {"test_mse", "face_rate_dlib_n9"}
    assert set(few["ae"]) == all_five | {"test_mse", "test_mse_to_pca"}


def test_reconstruction_is_that_of_the_test_split(world):
    folder, models, _, metrics = world
    images = Shards(folder / "shards").images("test")
    decoded = models["ae"].decode(models["ae"].encode(images))
    assert metrics["ae"]["test_mse"] == pytest.approx(mse(images / 255, decoded).mean(), rel=1e-5)
    # the stand-in is a PCA itself
    assert metrics["ae"]["test_mse"] == pytest.approx(metrics["ae"]["test_mse_pca6"], rel=0.02)
    table = pd.read_csv(folder / "report" / "reconstruction.csv").set_index("model")
    assert list(table.index) == ["ae", "pca6 (for ae)", "vae", "pca6 (for vae)"]
    assert table.loc["vae", "test_ssim"] == pytest.approx(metrics["vae"]["test_ssim"])


def test_samples_table_has_every_sampler(world):
    folder, _, _, metrics = world
    table = pd.read_csv(folder / "report" / "samples.csv")
    assert table[["model", "sampler"]].apply(tuple, axis=1).tolist() == [
        ("real", "train"), ("ae", "gaussian"), ("ae", "density (gaussian)"),
        ("vae", "prior"), ("vae", "density (gaussian)"), ("gan", "prior"),
    ]  # fmt: skip
    assert (table["n"] == 50).all() and (table["extractor"] == "random_conv").all()
    assert table["face_score"].isna().all()
    assert table["kid_mean"][0] * 1000 == pytest.approx(metrics["real"]["kid_x1000_random_conv_n50"])
    assert table["kid_mean"][0] == table["kid_mean"].min()
    assert table["frechet"][0] == table["frechet"].min()
    assert table["sharpness"][0] == pytest.approx(1, abs=0.1)
    assert table["diversity"][0] == pytest.approx(1, abs=0.1)


def test_samplers_side_by_side(tmp_path):
    _, load = make_world(tmp_path)
    params = PARAMS.model_copy(update={"samplers": ("uniform", "prior", "gaussian")})
    run(tmp_path, load, params)
    table = pd.read_csv(tmp_path / "report" / "samples.csv").set_index(["model", "sampler"])
    # what a model draws from anyway comes once
    assert list(table.loc["ae"].index) == ["gaussian", "density (gaussian)", "uniform", "prior"]
    assert list(table.loc["vae"].index) == ["prior", "density (gaussian)", "uniform"]
    assert list(table.loc["gan"].index) == ["prior"]
    assert table.loc[("ae", "uniform"), "kid_mean"] > 3 * table.loc[("ae", "gaussian"), "kid_mean"]


def test_interpolations_are_those_of_held_out_latents(world, tmp_path):
    folder, models, _, metrics = world
    images = Shards(folder / "shards").images("test")
    # all 20 pairs of the 40 test images, in an order of their own
    order = rng(PARAMS.seed, "interpolation").permutation(len(images))
    for name, method in (("ae", lerp), ("vae", slerp)):
        z = models[name].encode(images)[order]
        faces = [to_uint8(models[name].decode(method(z[::2], z[1::2], k / 8))) for k in range(9)]
        found = np.stack([features("random_conv", each) for each in faces], axis=1)
        for key, expected in (("straightness", straightness(found)), ("evenness", evenness(found))):
            assert metrics[name][f"interpolation_{key}_random_conv_n20"] == pytest.approx(expected, rel=1e-4)
    # the GAN's ends are drawn, also where it has an inverter; the others' are as many as the test images allow
    _, load = make_world(tmp_path, inverter=True)
    inverted, name = run(tmp_path, load, wanted=("gan",))["gan"], "interpolation_evenness_random_conv_n20"
    assert "test_mse" in inverted and inverted[name] == pytest.approx(metrics["gan"][name], rel=1e-6)


def test_as_many_interpolations_as_are_asked_for(world):
    folder, _, load, _ = world
    for asked, counts in ((25, {"ae": 20, "gan": 25}), (0, {"ae": None, "gan": None})):
        params = PARAMS.model_copy(update={"interpolations": asked})
        found = run(folder, load, params, report=f"ways{asked}", wanted=("ae", "gan"))
        for name, count in counts.items():
            names = {key for key in found[name] if key.startswith("interpolation_straightness")}
            assert names == ({f"interpolation_straightness_random_conv_n{count}"} if count else set())


def test_latent_tables_have_every_dimension(world):
    folder, _, _, metrics = world
    ae, vae = (pd.read_csv(folder / "report" / "latents" / f"{name}.csv") for name in ("ae", "vae"))
    assert len(ae) == len(vae) == 6 and list(ae["dimension"]) == list(range(6))
    assert vae["kl_nats"].sum() == pytest.approx(metrics["vae"]["kl_nats"])
    assert metrics["vae"]["active_units"] == 6 and metrics["ae"]["dead_dimensions"] == 0
    assert "active" not in ae


def test_a_conditioned_model_is_told_the_labels(tmp_path):
    models, load = make_world(tmp_path)
    told, shards = [], Shards(tmp_path / "shards")
    model = models["vae"]
    model.condition_on = ("Far_Right", "Right")
    model.decode = lambda z, labels: told.append(labels) or type(model).decode(model, z)
    run(tmp_path, load)
    own = shards.attributes("test")[["Far_Right", "Right"]].to_numpy()
    np.testing.assert_array_equal(told[0], own)
    # the samples, and those of the density, have the same labels of training images
    np.testing.assert_array_equal(told[1], told[2])
    share = shards.attributes("train")[["Far_Right", "Right"]].mean().to_numpy()
    assert told[1].shape == (50, 2) and np.abs(told[1].mean(axis=0) - share).max() < 0.25
    # on the ways between test images they go from those of the one to those of the other
    order = rng(PARAMS.seed, "interpolation").permutation(len(own))
    np.testing.assert_array_equal(told[3].reshape(20, 9, 2)[:, [0, 8]].reshape(40, 2), own[order])


def test_equal_input_gives_equal_bytes(world):
    folder, _, load, metrics = world
    assert run(folder, load, report="again") == metrics
    for path in (path for path in (folder / "report").rglob("*") if path.is_file()):
        name = path.relative_to(folder / "report")
        assert path.read_bytes() == (folder / "again" / name).read_bytes(), name
    write_json(folder / "metrics.json", metrics)  # plain, finite values


def test_few_images_stand_in_the_name(tmp_path):
    _, load = make_world(tmp_path, train=60, valid=6, test=9)
    metrics = run(tmp_path, load)
    assert {"kid_x1000_random_conv_n15_subset15", "precision_random_conv_n15"} <= set(metrics["gan"]) & set(
        metrics["real"]
    )


def test_valid_fills_up_what_test_lacks(tmp_path, monkeypatch):
    _, load = make_world(tmp_path, train=60, valid=40, test=30)
    shards = Shards(tmp_path / "shards")
    seen = []
    monkeypatch.setattr("facepipe.metrics.samples.features", lambda name, x, eyes: seen.append(x) or np.eye(len(x), 4))
    run(tmp_path, load)
    assert (seen[0][:30] == shards.images("test")).all()
    valid = {image.tobytes() for image in shards.images("valid")}
    assert len(seen[0]) == 50 and {image.tobytes() for image in seen[0][30:]} <= valid
    train = {image.tobytes() for image in shards.images("train")}
    assert {image.tobytes() for image in seen[1]} <= train


def test_a_collapsed_generator_is_seen(world):
    folder, models, load, metrics = world
    gan = models["gan"]
    try:
        gan.decode = lambda z, labels: type(gan).decode(gan, 0 * z)
        collapsed = run(folder, load, report="collapsed")["gan"]
    finally:
        del gan.decode
    assert collapsed["recall_random_conv_n50"] < 0.2 < metrics["gan"]["recall_random_conv_n50"]
    assert collapsed["kid_x1000_random_conv_n50"] > metrics["gan"]["kid_x1000_random_conv_n50"]


def test_too_few_images_for_the_neighbours(tmp_path):
    _, load = make_world(tmp_path, train=40, valid=1, test=2)
    with pytest.raises(InputError, match=r"^neighbours: 3 needs more than 3 held-out .* there are 3"):
        run(tmp_path, load)
    assert not (tmp_path / "report").exists()


def test_no_test_split(tmp_path):
    _, load = make_world(tmp_path, test=0)
    with pytest.raises(InputError, match="the test split is empty"):
        run(tmp_path, load)


def test_density_of_another_size(tmp_path):
    _, load = make_world(tmp_path)
    Prior(9).save(tmp_path / "latents" / "vae" / "density.npz")
    with pytest.raises(InputError, match=r"vae/density.npz: has 9 dimensions, model vae has 6; run the export_latents"):
        run(tmp_path, load)


def test_a_diverged_model_is_named(tmp_path):
    models, load = make_world(tmp_path)
    models["ae"].decode = lambda z, labels: np.full((len(z), 16, 16, 3), np.nan)
    with pytest.raises(InputError, match="model ae: decodes to NaN"):
        run(tmp_path, load)
