import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents import statistics as module
from facepipe.latents.statistics import histograms, read_statistics, statistics, write_statistics
from facepipe.networks.health import dead_dimensions
from tests.standins import latents


def test_statistics_of_each_dimension():
    z = latents()
    table = statistics(z)
    columns = ["dimension", "min", "max", "mean", "sd", "zero_share", "total_activation", "dead", "low", "high"]
    assert list(table.columns) == columns
    assert table["dead"].tolist() == [0, 1, 1, 0, 0]
    assert table["zero_share"][1] == 1 and 0.4 < table["zero_share"][3] < 0.6
    assert table["max"][0] == z[:, 0].max() and table["min"][3] == 0
    assert table["sd"][0] == pytest.approx(z[:, 0].std(), rel=1e-5)
    assert table["total_activation"][0] == pytest.approx(np.abs(z[:, 0]).sum(), rel=1e-5)


def test_the_usual_range_is_also_that_of_random_faces():
    z, prior = latents(), np.array([[-9.0, 0, 8, 0, 9], [0, 1, 7, 0, 0]])
    plain, wide = statistics(z), statistics(z, prior)
    np.testing.assert_array_equal(plain[["low", "high"]], plain[["min", "max"]])
    np.testing.assert_array_equal(wide["low"], np.minimum(z.min(0), prior.min(0)))
    np.testing.assert_array_equal(wide["high"], np.maximum(z.max(0), prior.max(0)))
    assert wide.drop(columns=["low", "high"]).equals(plain.drop(columns=["low", "high"]))


def test_dead_does_not_depend_on_the_scale():
    z = latents()
    assert (dead_dimensions(1e-3 * z.std(axis=0)) == dead_dimensions(z.std(axis=0))).all()
    assert dead_dimensions(np.zeros(3)).all()


def test_parts_give_the_same_statistics(monkeypatch):
    whole = statistics(latents())
    monkeypatch.setattr(module, "_ROWS", 7)
    np.testing.assert_allclose(statistics(latents()).to_numpy(), whole.to_numpy(), rtol=1e-9, atol=1e-12)


def test_histograms_agree_with_numpy(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 64)
    z = latents()
    counts = histograms(z, z.min(0).astype(float), z.max(0).astype(float))
    for i in (0, 3, 4):
        expected, _ = np.histogram(z[:, i].astype(float), module.BINS, (float(z[:, i].min()), float(z[:, i].max())))
        np.testing.assert_array_equal(counts[i], expected)
    assert counts[1].tolist() == [500] + [0] * (module.BINS - 1)


def test_file_round_trip(tmp_path):
    z, path = latents(), tmp_path / "ae.stats.csv"
    table = statistics(z).assign(rank=range(1, 6))
    write_statistics(path, table, histograms(z, z.min(0), z.max(0)))
    read = read_statistics(path)
    np.testing.assert_allclose(read[table.columns].to_numpy(), table.to_numpy(), rtol=1e-8)
    assert read.filter(like="bin").to_numpy().sum() == z.size
    first = path.read_bytes()
    write_statistics(path, table, histograms(z, z.min(0), z.max(0)))
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "not found; `dvc repro export_latents` makes it"),
        ("", "not statistics of latents"),
        ("id,z000\na,1\n", "not statistics of latents"),
        ("min,max,low,high,mean,sd,rank\n1,2,1,2,x,3,1\n", "not statistics of latents"),
        ("min,max,low,high,mean,sd,rank\n1,2,1,2,,3,1\n", "empty or not finite"),
        ("min,max,low,high,mean,sd,rank,bin00\n1,2,1,2,1,3,1,x\n", "not statistics of latents"),
        ('min,max\n"1', "not statistics of latents"),
    ],
)
def test_files_that_are_none(tmp_path, content, message):
    path = tmp_path / "ae.stats.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_statistics(path)
    assert "\n" not in str(caught.value)
