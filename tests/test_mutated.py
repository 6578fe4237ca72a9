"""Whatever is in a table, it is decoded or refused in one line, and what is refused leaves nothing behind."""

import os
import subprocess
import sys

import numpy as np

from facepipe.core.files import write_sealed
from facepipe.errors import InputError
from facepipe.latents.edited import read_edited
from facepipe.latents.pca import fit_pca
from facepipe.report.decoded import decode_table
from tests.conftest import ROOT
from tests.mutated import mutated

FILES = 10_000


class Model:
    """Stands in for a loaded model, conditioned on one attribute."""

    name, latent_dim, image_shape, condition_on = "vae", 3, (4, 3, 1), ("Smiling",)

    def decode(self, z, labels=None):
        assert z.dtype == np.float32 and np.isfinite(z).all()
        assert labels is None or labels.shape == (len(z), 1)
        return np.broadcast_to(np.clip(z[:, None, :, None], 0, 1), (len(z), *self.image_shape)).astype(np.float32)


def test_ten_thousand_tables(tmp_path, capsys):
    path, out = tmp_path / "t.csv", tmp_path / "faces"
    fit_pca(np.eye(3, dtype=np.float32)).save(tmp_path / "pca.npz")
    counts = {"decoded": 0, "refused": 0}
    before = sorted(os.listdir(tmp_path))
    for seed in range(FILES):
        path.write_bytes(mutated(seed))
        try:
            table, _ = read_edited(path, tmp_path, 3, "vae")
            # one folder for all: making one takes longer than reading a table
            decode_table(Model(), table, out / "x", path=path) if seed % 10 == 0 else check(table)
            counts["decoded"] += 1
        except InputError as error:
            counts["refused"] += 1
            message = str(error)
            assert message.startswith(f"{path}: ") and message.isprintable(), seed
            assert len(message) < len(str(path)) + 250, seed
            assert sorted(set(os.listdir(tmp_path)) - {"faces"}) == sorted({*before, "t.csv"}), seed
    with capsys.disabled():
        print(f" {FILES} tables: {counts['decoded']} decoded, {counts['refused']} refused ", end="")
    assert counts["decoded"] > FILES / 5 and counts["refused"] > FILES / 5


def check(table):
    assert len(table.ids) == len(table.splits) == len(table.z) >= 1
    assert all(len(column) == len(table.ids) for column in table.extra.values())
    assert table.z.dtype == np.float32 and table.z.shape[1] == 3 and np.isfinite(table.z).all()


def test_two_dozen_through_the_command_line(tmp_path):
    info = {"version": 2, "model": "vae", "spec": {"latent_dim": 3}, "networks": []}
    write_sealed(tmp_path / "m/vae/model.json", info | {"files": {}})
    refused = []
    for seed in range(100):
        path = tmp_path / f"{seed}.csv"
        path.write_bytes(mutated(seed))
        try:
            read_edited(path, tmp_path, 3, "vae")
        except InputError:
            refused.append(seed)
    command = [sys.executable, "-m", "facepipe", "decode", "--model", "vae", "--models", "m", "-o", "faces"]
    started = [
        subprocess.Popen(
            [*command, f"{seed}.csv"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for seed in refused[:24]
    ]  # fmt: skip
    for seed, process in zip(refused, started, strict=False):
        out, err = process.communicate()
        assert (process.returncode, out) == (2, ""), err
        assert err.startswith(f"facepipe: {seed}.csv: ") and err.count("\n") == 1
    assert len(started) == 24 and not (tmp_path / "faces").exists()
