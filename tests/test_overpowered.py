"""What the schedules are for: a discriminator with ten times the generator's learning rate, with and without one."""

import numpy as np
import pandas as pd
import pytest

from facepipe.core.pictures import to_uint8
from facepipe.download.synthetic.factors import render, sample_factors
from facepipe.features.extractors import features
from facepipe.features.kid import polynomial_mmd2
from facepipe.models.gan.config import TrainGAN
from facepipe.models.load import load_model
from facepipe.shards.shards import Shards
from facepipe.training.config import Train
from tests.conftest import THREADS
from tests.material import write_shards
from tests.trainings import train as train_model

# no penalty, no augmentation: nothing but the schedule holds D back
OVERPOWERED = {
    "latent_dim": 16, "generator_widths": (64, 32), "discriminator_widths": (32, 64, 128), "batch_size": 32,
    "epochs": 40, "generator_learning_rate": 3e-4, "discriminator_learning_rate": 3e-3, "r1_gamma": 0.0,
    "diffaugment": (), "flip": False, "ema_half_life_kimg": 0.5, "grid_every": 100,
}  # fmt: skip
SCHEDULES = {
    "none": {},
    "accuracy": {"name": "accuracy", "threshold": 0.7, "smoothing": 0.5},
    "1:5": {"name": "ratio", "d_steps": 1, "g_steps": 5},
}


@pytest.mark.slow
def test_schedules_hold_back_an_overpowering_discriminator(tmp_path, capsys):
    # measured on a Zen 5 core: KID x 1000 of 55 without; gated by accuracy 5.0 (2.5 to 7.2 of three seeds), at 1:5 9.9
    # (4.7 to 14.5); 17 of the 40 epochs warn without, one at 1:5
    images = np.stack([render(sample_factors(0, index), 16) for index in range(1200)])
    write_shards(tmp_path / "shards", {"train": images[:1000], "valid": images[1000:], "test": images[1000:]})
    real = features("random_conv", Shards(tmp_path / "shards").images("test"))
    kid, sure, warned = {}, {}, {}
    for name, schedule in SCHEDULES.items():
        params = TrainGAN(**OVERPOWERED, schedule=schedule)
        folder = tmp_path / name
        train = Train(precision="float32", threads=THREADS, seed=1)
        train_model("gan", train, params, tmp_path / "shards", folder / "model", folder / "report")
        model = load_model(folder / "model")
        samples = to_uint8(model.decode(model.sample_latents(200, seed=0)))
        history = pd.read_csv(folder / "report" / "history.csv")
        kid[name] = 1000 * polynomial_mmd2(real, features("random_conv", samples))
        sure[name] = (history.real_sign - history.fake_sign).tail(5).mean() / 2
        warned[name] = int(history.collapse.sum())
    lines = [line for line in capsys.readouterr().out.splitlines() if "collapse?" in line]
    print({name: (round(kid[name], 2), round(sure[name], 3), warned[name]) for name in SCHEDULES})
    assert kid["none"] > 10 and sure["none"] > 0.9 and warned["none"] >= 8
    assert len(lines) == sum(warned.values()), "a line for each epoch that warns"
    for name in ("accuracy", "1:5"):
        assert kid[name] < 0.5 * kid["none"], "samples more like real faces, from as many images"
        assert sure[name] < 0.85, "a discriminator that still errs"
        assert warned[name] <= 3
