import re

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.statistics import histograms, statistics, write_statistics
from facepipe.report.page.latent_section import latent_section
from facepipe.report.page.templates import render


def stats(folder):
    z = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    z[:, 2] = 0
    table = statistics(z).drop(columns="dead")
    table["active"], table["rank"] = ["active", "active", "dead", "active"], [2, 1, 4, 3]
    table["variance_explained"], table["influence"] = [0.3, 0.5, 0.0, 0.2], [0.2, 0.25, 0.0, 0.1]
    write_statistics(folder / "ae.stats.csv", table, histograms(z, z.min(0), z.max(0)))
    return folder / "ae.stats.csv"


def show(path, has_encoder):
    return render("latent_section.html", latents=latent_section(path, has_encoder))


def test_a_row_per_dimension_by_rank_and_a_histogram_per_live_one(tmp_path):
    section = show(stats(tmp_path), has_encoder=True)
    body = section.split("<tbody>")[1].split("</tbody>")[0]
    rows = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", line) for line in body.strip().split("\n")]
    assert [row[:2] for row in rows] == [["1", "z001"], ["2", "z000"], ["3", "z003"], ["4", "z002"]]
    assert rows[0][-2:] == ["50.00%", "0.25"] and rows[3][7:9] == ["100.0%", "dead"]
    assert "3 of 4 dimensions are alive, 1 dead" in section and "training images" in section
    assert re.findall('aria-label="(z.*?)"', section) == ["z001, rank 1", "z000, rank 2", "z003, rank 3"]
    assert "samples of the prior" in show(tmp_path / "ae.stats.csv", has_encoder=False)


def test_of_a_wide_latent_the_most_influential_are_shown(tmp_path):
    z = np.random.default_rng(0).normal(size=(50, 256)).astype(np.float32)
    z[:, 200:] = 0
    table = statistics(z)
    table["active"] = np.where(table.pop("dead"), "dead", "active")
    table["influence"] = np.where(z.any(axis=0), np.arange(1, 257), 0) / 256
    table["variance_explained"], table["rank"] = 0.1, np.argsort(np.argsort(-table["influence"], kind="stable")) + 1
    write_statistics(tmp_path / "vae.stats.csv", table, histograms(z, z.min(0), z.max(0)))
    section = " ".join(show(tmp_path / "vae.stats.csv", has_encoder=True).split())
    first = [f"z{i:03d}" for i in range(199, 167, -1)]
    assert re.findall(r"<td>(z\d+)", section) == first
    assert re.findall('aria-label="(z[0-9]+),', section) == first
    assert "200 of 256 dimensions are alive, 56 dead" in section
    assert "The 224 less influential dimensions are left out here; vae.stats.csv has them." in section
    assert "The most influential 32 dimensions" in section
    assert "Histograms of the 32 most influential live ones" in section and len(section) < 60_000


def test_missing_statistics(tmp_path):
    with pytest.raises(InputError, match="not found; `dvc repro export_latents` makes it"):
        latent_section(tmp_path / "ae.stats.csv", True)
