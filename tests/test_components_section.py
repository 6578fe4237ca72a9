import re

import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.pca import fit_pca
from facepipe.report.page.components_section import components_section
from facepipe.report.page.templates import render


def components(folder, sd):
    """pca.npz of latents with these standard deviations along their components."""
    z = np.linalg.qr(np.random.default_rng(0).normal(size=(1000, len(sd))))[0]
    z = np.linalg.qr(z - z.mean(axis=0))[0] * np.sqrt(999) * sd
    fit_pca(z).save(folder / "pca.npz")
    return folder / "pca.npz"


def show(path):
    return " ".join(render("components_section.html", components=components_section(path)).split())


def test_the_largest_variance_first_and_how_many_say_most(tmp_path):
    path = components(tmp_path, [1, 3, 2])  # variances of 14: 9, 4, 1
    section = components_section(path)
    assert section.needed == {"half": 1, "nine tenths": 2}
    names, sd, shares, reached = zip(*section.table.rows, strict=True)
    assert names == ("pc000", "pc001", "pc002") and sd == ("3", "2", "1")
    assert shares == ("64.29%", "28.57%", "7.14%") and reached == ("64.3%", "92.9%", "100.0%")
    page = show(path)
    assert "Of 3 components the first 1 has half of the variance, the first 2 have nine tenths of the variance." in page
    assert "All 3 components" in page and "left out" not in page and "<img" not in page


def test_of_a_wide_latent_the_first_are_shown(tmp_path):
    page = show(components(tmp_path, np.linspace(2, 0.1, 256)))
    assert re.findall(r"<th scope=.row.>(pc\d+)", page) == [f"pc{i:03d}" for i in range(32)]
    assert "The first 32 components" in page and "224 more are left out" in page


def test_latents_that_are_all_one_have_none(tmp_path):
    fit_pca(np.ones((5, 3))).save(tmp_path / "pca.npz")
    assert components_section(tmp_path / "pca.npz") is None


def test_missing_components(tmp_path):
    with pytest.raises(InputError, match=r"pca.npz: not found; `dvc repro export_latents` makes it"):
        components_section(tmp_path / "pca.npz")
