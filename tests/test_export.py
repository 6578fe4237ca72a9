import json
import shutil

import numpy as np
import pandas as pd
import pytest

from facepipe.core.files import read_json, write_json, write_sealed
from facepipe.errors import InputError
from facepipe.latents import export
from facepipe.latents.config import ExportLatents
from facepipe.latents.edited import read_edited
from facepipe.latents.folder import check_exported, split_path
from facepipe.latents.pca import load_pca
from facepipe.latents.statistics import read_statistics
from facepipe.latents.table import read_latents, write_latents
from facepipe.networks.samplers import Prior, load_sampler
from facepipe.shards.shards import Shards
from tests.material import write_shards

COUNTS = {"train": 70, "valid": 5, "test": 9}


class Means:
    """Stands in for a model: the latent is the mean of each column of the image, over 10."""

    name, latent_dim, seen = "ae", 8, ()

    def encode(self, images):
        self.seen += (len(images),)
        return (images.mean(axis=(1, 3)) / 10).astype(np.float32)

    def decode(self, z):
        return np.broadcast_to(np.clip(z[:, None, :, None] / 25.5, 0, 1), (len(z), 8, 8, 3)).astype(np.float32)

    def sample_latents(self, count, seed):
        return Prior(self.latent_dim).sample(count, seed)


@pytest.fixture
def shards(tmp_path):
    rng = np.random.default_rng(0)
    write_shards(tmp_path / "shards", {s: rng.integers(0, 256, (n, 8, 8, 3), np.uint8) for s, n in COUNTS.items()})
    return Shards(tmp_path / "shards")


@pytest.mark.parametrize("chunk", [1024, 32])
def test_every_image_is_encoded_in_order(shards, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(export, "CHUNK", chunk)
    model = Means()
    metrics = export.export_encoder(ExportLatents(components=2), model, shards, tmp_path / "ae")
    assert metrics == {"latents": 84, "dimensions": 8, "dead": 0}
    assert max(model.seen) <= chunk
    for split in COUNTS:
        read = read_latents(tmp_path / f"ae/{split}.csv", 8, "ae")
        assert read.ids == shards.ids(split) and set(read.splits) == {split}
        np.testing.assert_array_equal(read.z, Means().encode(shards.images(split)))


@pytest.mark.parametrize("density", ["gaussian", "mixture"])
def test_density_is_fitted_to_the_training_latents(shards, tmp_path, density):
    params = ExportLatents(density=density, components=2)
    export.export_encoder(params, Means(), shards, tmp_path / "ae")
    sampler = load_sampler(tmp_path / "ae/density.npz")
    assert sampler.name == density
    z = Means().encode(shards.images("train"))
    drawn = sampler.sample(20_000, 0)
    np.testing.assert_allclose(drawn.mean(0), z.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(z.T), atol=0.3)
    first = (tmp_path / "ae/density.npz").read_bytes()
    export.export_encoder(params, Means(), shards, tmp_path / "ae")
    assert (tmp_path / "ae/density.npz").read_bytes() == first


def test_attributes_stand_beside_the_latents(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    labels = pd.DataFrame({"Smiling": [1.0, 0.0, np.nan, 1.0]}, index=list("abcd"))
    write_shards(tmp_path / "shards", {"train": images}, ids={"train": list("abcd")}, attributes=labels)
    params = ExportLatents(density="gaussian")
    export.export_encoder(params, Means(), Shards(tmp_path / "shards"), tmp_path / "ae")
    for name in ("train.csv", "train.pca.csv"):
        lines = (tmp_path / "ae" / name).read_text().splitlines()
        assert lines[0].startswith("id,split,Smiling,") and lines[3].startswith("c,train,,")
    assert read_latents(tmp_path / "ae/train.csv").extra == {"Smiling": ["1", "0", "", "1"]}


def test_principal_components_lead_back_to_the_latents(shards, tmp_path):
    export.export_encoder(ExportLatents(components=2), Means(), shards, tmp_path / "ae")
    pca = load_pca(tmp_path / "ae/pca.npz")
    for split in COUNTS:
        exact = read_latents(tmp_path / f"ae/{split}.csv")
        read = read_latents(tmp_path / f"ae/{split}.pca.csv", 8, "ae", pca=lambda: pca)
        assert read.ids == exact.ids
        np.testing.assert_allclose(read.z, exact.z, atol=1e-4)


@pytest.mark.parametrize("name", ["ae", "gan"])
def test_statistics_of_each_dimension(shards, tmp_path, name):
    model = Means()
    model.name = name
    if name == "ae":
        export.export_encoder(ExportLatents(components=2), model, shards, tmp_path / name)
        z = read_latents(tmp_path / "ae/train.csv").z
    else:
        export.export_prior(ExportLatents(gan_samples=30), model, tmp_path / name)
        z = read_latents(tmp_path / "gan/sample.csv").z
    table = read_statistics(tmp_path / name / f"{name}.stats.csv")
    np.testing.assert_allclose(table["max"], z.max(0), rtol=1e-8)
    np.testing.assert_allclose(table["sd"], z.std(0), rtol=1e-4)
    np.testing.assert_allclose(table["total_activation"], np.abs(z).sum(0), rtol=1e-5)
    assert table["active"].tolist() == ["active"] * 8 and sorted(table["rank"]) == list(range(1, 9))
    assert (table.sort_values("rank")["influence"].diff().dropna() <= 0).all() and table["influence"].min() > 0
    assert (table.filter(like="bin").sum(axis=1) == len(z)).all()
    assert (table["variance_explained"] > 0).all()


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_samples_of_the_prior_decode_without_a_warning(shards, tmp_path, name):
    model = Means()  # its latents of images lie between 0 and 26, those of its prior around 0
    model.name = name
    model.encode = lambda images: Means().encode(images) / 1000
    export.export_encoder(ExportLatents(components=2, gan_samples=30), model, shards, tmp_path / name)
    write_latents(tmp_path / "samples.csv", [str(i) for i in range(40)], "", model.sample_latents(40, seed=9))
    for path in (tmp_path / "samples.csv", tmp_path / name / "train.csv"):
        assert read_edited(path, tmp_path / name, 8, name)[1] == []
    write_latents(tmp_path / "far.csv", ["far"], "", np.full((1, 8), 30, np.float32))
    assert len(read_edited(tmp_path / "far.csv", tmp_path / name, 8, name)[1]) > 1


def test_parquet_has_the_same_rows(shards, tmp_path):
    pytest.importorskip("pyarrow")
    for kind in ("csv", "parquet"):
        export.export_encoder(ExportLatents(components=2, format=kind), Means(), shards, tmp_path / kind)
    assert split_path(tmp_path / "parquet", "test").suffix == ".parquet"
    for split in COUNTS:
        one, other = (read_latents(split_path(tmp_path / kind, split)) for kind in ("csv", "parquet"))
        assert one[:2] == other[:2] and one.extra == other.extra
        np.testing.assert_array_equal(one.z.view(np.uint32), other.z.view(np.uint32))


def test_nothing_but_outputs_is_left(shards, tmp_path):
    export.export_encoder(ExportLatents(components=2), Means(), shards, tmp_path / "ae")
    tables = [f"{split}{form}.csv" for split in COUNTS for form in ("", ".pca")]
    expected = sorted([*tables, "ae.stats.csv", "density.npz", "pca.npz"])
    assert sorted(path.name for path in (tmp_path / "ae").iterdir()) == expected


def test_latents_that_are_not_finite(shards, tmp_path):
    model = Means()
    model.encode = lambda images: np.full((len(images), 8), np.nan, np.float32)
    with pytest.raises(InputError, match="the latent holds NaN or infinity; did training diverge"):
        export.export_encoder(ExportLatents(components=2), model, shards, tmp_path / "ae")


def test_density_of_many_latents_uses_a_random_part(shards, tmp_path, monkeypatch):
    fitted = []
    monkeypatch.setattr(export, "DENSITY_ROWS", 30)
    monkeypatch.setattr(export, "CHUNK", 16)
    monkeypatch.setattr(export, "fit_gaussian", lambda z: fitted.append(z) or Prior(8))
    export.export_encoder(ExportLatents(density="gaussian"), Means(), shards, tmp_path / "ae")
    whole = Means().encode(shards.images("train"))
    rows = [int(np.flatnonzero((whole == row).all(1))[0]) for row in fitted[0]]
    assert len(rows) == 30 and rows == sorted(set(rows)) and rows != list(range(30))


def test_empty_split_has_a_header(tmp_path):
    write_shards(tmp_path / "shards", {"train": np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)})
    export.export_encoder(ExportLatents(density="gaussian"), Means(), Shards(tmp_path / "shards"), tmp_path / "ae")
    assert (tmp_path / "ae/test.csv").read_text().splitlines() == ["id,split," + ",".join(f"z00{i}" for i in range(8))]


def test_too_few_images_for_the_mixture(shards, tmp_path):
    with pytest.raises(InputError, match="components: 36 Gaussians need at least 72 training latents, there are 70"):
        export.export_encoder(ExportLatents(components=36), Means(), shards, tmp_path / "ae")


def test_prior_samples(tmp_path):
    model = Means()
    model.name = "gan"
    metrics = export.export_prior(ExportLatents(gan_samples=12, seed=5), model, tmp_path / "gan")
    read = read_latents(tmp_path / "gan/sample.csv")
    assert metrics == {"latents": 12, "dimensions": 8, "dead": 0}
    assert read.ids[::11] == ["gan-000000", "gan-000011"] and set(read.splits) == {"sample"}
    np.testing.assert_array_equal(read.z, Prior(8).sample(12, 5))


def test_the_latents_say_what_else_was_read(tiny_models, tiny_shards, tmp_path):
    """So that a stage that depends on the latents alone sees a change in the model or in its training report."""
    folder, reports = tmp_path / "models", tmp_path / "reports"
    shutil.copytree(tiny_models, folder)
    shutil.copytree(tiny_models.parent / "reports", reports)
    params, said = ExportLatents(components=2, gan_samples=5), []

    def source():
        export.export_latents(params, "gan", folder, tiny_shards, reports, tmp_path / "latents")
        return (tmp_path / "latents/gan/source.json").read_bytes()

    said = [source(), source()]
    assert said[0] == said[1]
    assert sorted(json.loads(said[0]).keys() - {"files", "sha256"}) == sorted(
        (tmp_path / name).as_posix()
        for name in ("models/gan", "models/inverter", "reports/train_gan", "reports/train_inverter")
    )
    for changed in (
        "reports/train_gan/grids/000000.png",
        "models/gan/model.json",
        "reports/train_inverter/history.csv",
    ):
        path = tmp_path / changed
        path.write_bytes(path.read_bytes() + b"\n")
        said.append(source())
    assert len(set(said)) == 4


def test_what_was_exported_is_there_and_of_this_export(tiny_models, tiny_shards, tmp_path):
    reports = tiny_models.parent / "reports"
    for run in (0, 1):
        params = ExportLatents(components=2 + run, gan_samples=5)
        export.export_latents(params, "vae", tiny_models, tiny_shards, reports, tmp_path / str(run))
    folder, model = tmp_path / "0/vae", tiny_models / "vae"
    check_exported(folder, model, reports / "train_vae")
    table = (folder / "test.csv").read_text()
    (folder / "test.csv").write_text(table.replace("test", "edited"))
    check_exported(folder, model)
    (folder / "test.csv").unlink()
    with pytest.raises(InputError, match=r"test\.csv: missing; `dvc checkout`"):
        check_exported(folder)
    (folder / "test.csv").write_text(table)
    shutil.copy(tmp_path / "1/vae/density.npz", folder / "density.npz")
    with pytest.raises(InputError, match=r"density\.npz: damaged"):
        check_exported(folder)
    shutil.copytree(tmp_path / "1/vae", folder, dirs_exist_ok=True)
    source = read_json(folder / "source.json")
    write_json(folder / "source.json", source | {model.as_posix(): "0" * 64})
    with pytest.raises(InputError, match="sha256 does not fit"):
        check_exported(folder)
    del source["sha256"]
    write_sealed(folder / "source.json", source | {model.as_posix(): "0" * 64})
    with pytest.raises(InputError, match="has changed since"):
        check_exported(folder, model)
    (folder / "source.json").write_text("{")
    with pytest.raises(InputError, match=r"source\.json: damaged: not JSON"):
        check_exported(folder)
    (folder / "source.json").unlink()
    check_exported(folder, model)
