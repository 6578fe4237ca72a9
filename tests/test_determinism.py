"""Random streams depend on their key alone; results do not depend on how many threads BLAS has."""

import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from facepipe.core.determinism import fraction, rng, stream_seed
from facepipe.directions.attribute_vectors import attribute_vectors
from facepipe.directions.config import AttributeVectors
from facepipe.latents.config import ExportLatents
from facepipe.latents.export import export_latents
from facepipe.metrics.config import Evaluate
from facepipe.metrics.evaluate import evaluate
from facepipe.models.ae.config import TrainAE
from facepipe.report.config import RenderReports
from facepipe.report.explorer.page import write_explorer
from facepipe.report.render import render_reports
from facepipe.training.config import Train
from tests.conftest import THREADS
from tests.trainings import train

SIZES = {"train": 512, "valid": 16, "test": 16}


def test_equal_keys_give_equal_draws_in_another_process():
    here = rng(7, "order", 3).integers(0, 1000, 5).tolist()
    code = "from facepipe.core.determinism import rng; print(rng(7, 'order', 3).integers(0, 1000, 5).tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert str(here) == there


def test_other_keys_give_other_draws():
    draws = [rng(*key).random() for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", "1"), (0, "a1")]]
    assert len(set(draws)) == len(draws)
    assert not np.array_equal(stream_seed(0, "a"), stream_seed(0, "b"))
    assert stream_seed(0, "a").dtype == np.int32


def test_fraction_is_uniform_and_fixed():
    values = np.array([fraction(f"id{i}") for i in range(4000)])
    assert values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.02
    # written out, since a change would move every image to another split
    assert fraction("Aaron_Eckhart") == 0.15434780399503611


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """512 training images of 32x32, enough for OpenBLAS to share their products between threads."""
    from tests.material import write_shards

    images = {split: rng(0, split).integers(0, 256, (n, 32, 32, 3), np.uint8) for split, n in SIZES.items()}
    folder = tmp_path_factory.mktemp("noise") / "shards"
    write_shards(folder, images)
    return folder


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_training_does_not_depend_on_the_threads_of_blas(shards, tmp_path):
    """Not from its start on, at principal components."""
    params = TrainAE(latent_dim=64, widths=(8, 8), batch_size=16, epochs=1, images_per_epoch=16)
    for threads in (1, 2):
        folder = tmp_path / str(threads)
        with threadpool_limits(threads, user_api="blas"):
            train("ae", Train(precision="float32", threads=THREADS), params, shards, folder / "m", folder / "r")
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")


@pytest.mark.parametrize("stage", [
    lambda folder: export_latents(ExportLatents(), "ae", folder, folder, folder, folder),
    lambda folder: attribute_vectors(AttributeVectors(), folder, folder, folder, folder),
    lambda folder: evaluate(Evaluate(), folder, folder, folder, folder),
    lambda folder: render_reports(RenderReports(), folder, folder, folder, folder, folder, folder),
    lambda folder: write_explorer(RenderReports(), folder, folder, folder, folder, folder),
], ids=["export_latents", "attribute_vectors", "evaluate", "render_reports", "explorer"])  # fmt: skip
def test_later_stages_leave_blas_one_thread(stage, tmp_path, monkeypatch):
    """As seen from where they begin to read; afterwards it has again what it had."""

    class Seen(Exception):
        pass

    def look(*arguments, **options):
        seen.append(blas_threads())
        raise Seen

    seen = []
    monkeypatch.setattr("facepipe.shards.shards.Shards.__init__", look)
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(Seen):
            stage(tmp_path)
        assert (seen, blas_threads()) == ([{1}], {2})


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
