"""Precision, strategy; and two replicas give what one gives (in a process of its own: devices are fixed once)."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from facepipe.core.files import read_json
from facepipe.core.machine import ONEDNN, hides_bfloat16_units
from facepipe.errors import InputError
from facepipe.training.config import Train
from facepipe.training.runtime import prepare
from tests.conftest import ROOT, THREADS

REPLICAS = """
import sys
import tensorflow as tf
from facepipe.models.ae.config import TrainAE
from facepipe.models.gan.config import TrainGAN
from facepipe.models.inverter.config import TrainInverter
from facepipe.models.vae.config import TrainVAE
from facepipe.training.config import Train
from tests.trainings import train as train_model
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
shards, out, *names = sys.argv[1:]
common = {"latent_dim": 4, "batch_size": 16, "epochs": 1}
widths = {"generator_widths": (8, 8), "discriminator_widths": (8, 8)}
augment = {"brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "shift": 0.1, "zoom": 0.1, "rotate": 10.0}
sections = {
    "ae": TrainAE(**common, widths=(8, 8), dropout=0.1, linear_path=False),
    "vae": TrainVAE(**common, widths=(8, 8), free_bits=0.05),
    "ae-robust": TrainAE(
        **common, widths=(8, 8), loss={"mse": 1, "ssim": 0.2}, denoising=0.2, latent_l2=0.1, decoder_l2=0.01,
        init_from=f"{out}/ae/single",
    ),
    "vae-capacity": TrainVAE(**common, widths=(8, 8), capacity=2.0, kl_warmup_images=48),
    "gan": TrainGAN(**common, **widths, r1_every=2),
    "gan-residual": TrainGAN(**common, **widths, architecture="residual", spectral_norm=True, loss="hinge"),
    "gan-wasserstein": TrainGAN(**common, **widths, loss="wasserstein_gp", r1_gamma=0.0),
    "ae-spectral": TrainAE(**common, widths=(8, 8), decoder_spectral_norm=True, augment=augment),
    "vae-conditioned": TrainVAE(**common, widths=(8, 8), condition_on=("Left", "Bright"), condition_dropout=0.3),
    "gan-conditioned": TrainGAN(**common, **widths, condition_on=("Left", "Bright"), r1_every=2, augment=augment),
    "gan-anchored": TrainGAN(
        batch_size=16, epochs=1, discriminator_widths=(8, 8), init_from=f"{out}/ae/single", anchor_weight=1.0
    ),
    "inverter": TrainInverter(batch_size=16, epochs=1, widths=(8, 8)),
}
for name in names:
    # what is built once in a process must be right where replicas ask for it first
    for strategy in ("mirrored", "single"):
        train = Train(strategy=strategy, precision="float32", threads=1)
        more = {"gan": f"{out}/gan/single"} if name == "inverter" else {}
        folder = f"{out}/{name}/{strategy}"
        train_model(name.split("-")[0], train, sections[name], shards, folder, f"{folder}-report", **more)
"""
# in two processes; a model that starts from another comes after it
AT_A_TIME = (
    ("ae", "ae-robust", "ae-spectral", "vae", "vae-capacity", "vae-conditioned", "gan-wasserstein", "gan-anchored"),
    ("gan", "gan-residual", "gan-conditioned", "inverter"),
)


def test_precision_and_record():
    runtime = prepare(Train(precision="float32", threads=THREADS, seed=5))
    assert runtime.dtype == "float32"
    onednn = {"1": True, "0": False}.get(os.environ.get(ONEDNN))
    found = {"threads": THREADS, "replicas": 1, "device": "CPU", "onednn": onednn, "seed": 5}
    assert runtime.record == {"precision": "float32"} | found
    assert prepare(Train(precision="auto", threads=THREADS)).dtype in ("float32", "mixed_bfloat16")
    if hides_bfloat16_units():
        with pytest.raises(InputError, match=r"^precision: mixed_bfloat16 cannot be with ONEDNN_MAX_CPU_ISA="):
            prepare(Train(precision="mixed_bfloat16", threads=THREADS))
    else:
        assert prepare(Train(precision="mixed_bfloat16", threads=THREADS)).dtype == "mixed_bfloat16"


def test_mirrored_needs_two_devices():
    with pytest.raises(InputError, match=r"^strategy: mirrored needs two devices"):
        prepare(Train(strategy="mirrored", threads=THREADS))


def test_two_replicas_equal_one(tiny_shards, tmp_path):
    def train(names):
        command = [sys.executable, "-c", REPLICAS, str(tiny_shards), str(tmp_path), *names]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)

    with ThreadPoolExecutor() as pool:
        for done in pool.map(train, AT_A_TIME):
            assert done.returncode == 0, done.stderr[-2000:]
    trained = sorted(path.name for path in tmp_path.iterdir() if (path / "mirrored").is_dir())
    assert len(trained) == 12
    for name in trained:
        infos = [read_json(tmp_path / name / strategy / "model.json") for strategy in ("single", "mirrored")]
        assert [info["training"]["replicas"] for info in infos] == [1, 2]
        histories = [
            pd.read_csv(tmp_path / name / f"{strategy}-report" / "history.csv") for strategy in ("single", "mirrored")
        ]
        # six steps of float32 sums in another order
        np.testing.assert_allclose(histories[0], histories[1], rtol=2e-3, atol=1e-4)
