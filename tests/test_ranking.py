"""The order of a latent's dimensions."""

import pytest

from facepipe.errors import InputError
from facepipe.latents.ranking import by_influence

SD = [1.0, 3.0, 2.0]


def test_by_rank_where_it_was_measured_else_by_spread(tmp_path):
    assert by_influence(tmp_path, "vae", SD).tolist() == [1, 2, 0]
    (tmp_path / "vae").mkdir()
    path = tmp_path / "vae" / "vae.stats.csv"
    path.write_text("dimension,sd,rank\nz000,1,2\nz001,3,3\nz002,2,1\n")
    assert by_influence(tmp_path, "vae", SD).tolist() == [2, 0, 1]
    for text in ("dimension,rank\nz000,1\n", "a,b\n1,2\n", "dimension,rank\nz000,x\nz001,1\nz002,2\n"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"vae\.stats\.csv: not the statistics of 3 dimensions"):
            by_influence(tmp_path, "vae", SD)
