"""`dvc exp` for real: one run with -S, a queued sweep, a table that a person can read."""

import csv
import io

import yaml


def experiments(repository):
    table = repository.run("dvc", "exp", "show", "--csv", "--hide-workspace").stdout
    return list(csv.DictReader(io.StringIO(table)))


def test_exp_run_and_queued_sweep(copy):
    copy.run("dvc", "exp", "run", "-S", "train_vae.latent_dim=6", "--name", "wider")
    lock = yaml.safe_load((copy.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert lock["train_vae"]["params"]["params.yaml"]["train_vae"]["latent_dim"] == 6
    header = (copy.folder / "data/latents/vae/test.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "id,split,z000,z001,z002,z003,z004,z005"

    copy.run("git", "checkout", "--quiet", ".")
    copy.run("dvc", "checkout")
    copy.run("dvc", "exp", "run", "--queue", "-S", "train_vae.beta=0.5,2.0")
    copy.run("dvc", "exp", "run", "--run-all")
    rows = {row["train_vae.beta"]: row for row in experiments(copy) if row["rev"] != ""}
    assert {"0.5", "1.0", "2.0"} <= set(rows) or {"0.5", "2.0"} <= set(rows)
    names = [name for name in rows["0.5"] if name.startswith(("reports/", "ae.", "vae.", "gan.", "attributes"))]
    assert any("vae.test_mse" in name for name in names), list(rows["0.5"])
    values = {beta: [row[name] for name in row if name.endswith("vae.test_mse")] for beta, row in rows.items()}
    assert values["0.5"] != values["2.0"] and all(values["0.5"])
