"""`dvc exp` for real: one run with -S, a queued sweep, a table that a person can read."""

import csv
import io

import pytest
import yaml


def experiments(repository):
    table = repository.run("dvc", "exp", "show", "--csv", "--hide-workspace").stdout
    return list(csv.DictReader(io.StringIO(table)))


def test_exp_run(copy):
    copy.run("dvc", "exp", "run", "-S", "train_vae.latent_dim=6", "--name", "wider")
    lock = yaml.safe_load((copy.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert lock["train_vae"]["params"]["params.yaml"]["train_vae"]["latent_dim"] == 6
    header = (copy.folder / "data/latents/vae/test.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("id,split,") and header.endswith(",z000,z001,z002,z003,z004,z005")
    (row,) = [row for row in experiments(copy) if row["Experiment"] == "wider"]
    # every number says whose it is, what it is and what it was measured with
    for name in (
        "vae.test_mse",
        "vae.test_mse_pca4",
        "vae.kid_x1000_mtcnn_n40",
        "ae.attributes_mean_auc",
        "gan.images_seen",
    ):
        assert name in row, sorted(row)
    assert not [name for name in row if ":" in name], "no metric needs its file's name to be told apart"


@pytest.mark.slow
def test_a_queued_sweep(copy):
    copy.run("dvc", "exp", "run", "--queue", "-S", "train_vae.beta=0.5,2.0")
    copy.run("dvc", "exp", "run", "--run-all")
    rows = {row["train_vae.beta"]: row for row in experiments(copy)}
    assert {"0.5", "2.0"} <= set(rows)
    assert rows["0.5"]["vae.test_mse"] != rows["2.0"]["vae.test_mse"]
    assert rows["0.5"]["ae.test_mse"] == rows["2.0"]["ae.test_mse"]
