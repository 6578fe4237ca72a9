import numpy as np
import pandas as pd
import pytest

from facepipe.errors import InputError
from facepipe.latents.edited import read_edited
from facepipe.latents.folder import pca_path, stats_path
from facepipe.latents.pca import fit_pca
from facepipe.latents.statistics import histograms, statistics, write_statistics
from facepipe.latents.table import write_latents

Z = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * np.float32([3, 2, 0])
IDS = [f"face-{i}" for i in range(50)]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "latents" / "vae"
    write_latents(folder / "train.csv", IDS, "train", Z)
    fit_pca(Z).save(pca_path(folder))
    table = statistics(Z).assign(rank=[1, 2, 3])
    write_statistics(stats_path(folder), table, histograms(Z, Z.min(0), Z.max(0)))
    return folder


def edit(tmp_path, text):
    (tmp_path / "vae.csv").write_text(text)
    return tmp_path / "vae.csv"


def test_values_far_outside_are_named(folder, tmp_path):
    top = float(Z[:, 0].max())
    width = top - float(Z[:, 0].min())
    near, far = top + 0.4 * width, top + 0.6 * width
    path = edit(tmp_path, f"id,z000,z001,z002\na,{near},0,0\nb,{far},0,0\nc,0,-99,1e-9\nd,0,99,1\n")
    table, warnings = read_edited(path, folder, 3, "vae")
    assert table.z[1, 0] == np.float32(far)
    assert len(warnings) == 4
    assert warnings[0].startswith(
        f"{path}: row 3, column z000: {far:.4g} is far outside {Z[:, 0].min():.4g} .. {top:.4g}"
    )
    assert "row 4, column z001: -99 is" in warnings[1] and "row 4, column z002: 1e-09 is" in warnings[2]
    assert warnings[3] == f"{path}: 2 more values are far outside; --clip brings all into the range"
    clipped, warnings = read_edited(path, folder, 3, "vae", clip=True)
    assert not warnings and (clipped.z <= Z.max(0)).all() and (clipped.z >= Z.min(0)).all()
    assert clipped.z[0, 0] == Z[:, 0].max() and clipped.z[0, 1] == 0


def test_exported_rows_need_no_warning(folder):
    assert read_edited(folder / "train.csv", folder, 3, "vae")[1] == []


def test_without_statistics(folder, tmp_path):
    path = edit(tmp_path, "id,z000,z001,z002\na,999,0,0\n")
    assert read_edited(path, tmp_path, 3, "vae")[1] == []
    with pytest.raises(InputError, match="not found; `dvc repro export_latents` makes it"):
        read_edited(path, tmp_path, 3, "vae", clip=True)
    with pytest.raises(InputError, match="has 1 latent columns, model vae has 3"):
        read_edited(edit(tmp_path, "id,z000\na,1\n"), folder, None, "vae")


def test_a_base_for_what_is_missing(folder, tmp_path):
    table, _ = read_edited(edit(tmp_path, "id,z001\nx,1\n"), folder, 3, "vae", base="face-7")
    np.testing.assert_array_equal(table.z, [[Z[7, 0], 1, Z[7, 2]]])
    with pytest.raises(InputError, match=r"--base: no face 'face-77'.*; did you mean face-"):
        read_edited(tmp_path / "vae.csv", folder, 3, "vae", base="face-77")


def test_the_labels_of_the_base(folder, tmp_path):
    write_latents(folder / "test.csv", ["y"], "test", Z[:1], extra={"Smiling": ["1"], "Male": ["0"], "Young": ["1"]})
    path = edit(tmp_path, "id,Male,z001\nx,1,1\nw,,1\n")
    table, _ = read_edited(path, folder, 3, "vae", base="y", conditions=("Smiling", "Male", "Hat"))
    assert table.extra == {"Smiling": ["1", "1"], "Male": ["1", ""]}
    assert read_edited(path, folder, 3, "vae", base="y")[0].extra == {"Male": ["1", ""]}


def test_the_pca_of_the_model_or_that_beside_the_file(folder, tmp_path):
    path = edit(tmp_path, "id,pc000,pc001,pc002\nx,0,0,0\n")
    np.testing.assert_allclose(read_edited(path, folder, 3, "vae")[0].z[0], Z.mean(0), atol=1e-5)
    other = fit_pca(Z + 5)
    other.save(tmp_path / "pca.npz")
    np.testing.assert_allclose(read_edited(path, folder, 3, "vae")[0].z[0], Z.mean(0) + 5, atol=1e-5)
    (tmp_path / "pca.npz").unlink()
    with pytest.raises(InputError, match=r"pca.npz: not found; `dvc repro export_latents` makes it"):
        read_edited(path, tmp_path, 3, "vae")


def test_statistics_of_another_model(folder, tmp_path):
    table = pd.read_csv(stats_path(folder))
    table[:2].to_csv(stats_path(folder), index=False)
    with pytest.raises(InputError, match="has 2 dimensions, the model 3"):
        read_edited(folder / "train.csv", folder, 3, "vae")
