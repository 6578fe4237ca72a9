"""What a training says before it begins: operations against counts by hand, and the machine."""

import pytest

from facepipe.models.ae.model import Autoencoder
from facepipe.models.gan.config import TrainGAN
from facepipe.models.gan.model import GAN
from facepipe.models.gan.operations import passes, training_flops
from facepipe.networks.summary import forward_flops, summarize
from facepipe.training import announcement as module
from facepipe.training.announcement import announcement, flop
from facepipe.training.config import Budget, Train
from facepipe.training.runtime import Runtime
from facepipe.training.workers import Workers

COMMON = {"image_shape": [16, 16, 3], "latent_dim": 4, "latent_activation": "linear"}


def test_forward_is_the_sum_of_the_table():
    networks = Autoencoder(COMMON | {"widths": [8, 10]}).networks
    assert forward_flops(*networks.values()) == sum(row["flops"] for row in summarize(networks)) > 0


def test_passes_of_a_fused_step():
    # G forward and two gradients; D of two kinds of images with two gradients each, and once more the maps' for G
    assert passes() == (3, 7)
    assert passes(train_d=False) == (3, 3) and passes(train_g=False) == (1, 6)


@pytest.mark.parametrize(
    "options, of_g, of_d",
    [
        ({"r1_gamma": 0.0}, 3, 7),
        ({"r1_gamma": 1.0, "r1_every": 16}, 3, 7 + 3 / 16),
        ({"r1_gamma": 0.0, "loss": "wasserstein_gp"}, 3, 7 + 4),
        # one step in five trains G
        ({"r1_gamma": 0.0, "schedule": {"name": "ratio", "d_steps": 5, "g_steps": 1}}, 1 + 2 / 5, 6 + 1 / 5),
        ({"r1_gamma": 0.0, "schedule": {"name": "accuracy"}}, 3, 7),
    ],
)
def test_operations_of_the_gan(options, of_g, of_d):
    networks = GAN(COMMON | {"generator_widths": [8, 8], "discriminator_widths": [8, 8]}).networks
    g, d = forward_flops(networks["generator"]), forward_flops(networks["discriminator"])
    found = training_flops(TrainGAN(epochs=1, **options), networks, 1000)
    assert found == pytest.approx(of_g * g + of_d * d)


class Strategy:
    num_replicas_in_sync = 1


@pytest.mark.parametrize(
    "budget, precision, record, line",
    [
        (
            {"epochs": 40}, "auto", {"precision": "mixed_bfloat16", "onednn": True},
            "192,000 images in 40 epochs, 61 TFLOP (0.32 GFLOP an image); mixed_bfloat16 (auto: bfloat16 units) on "
            "2 threads of Some CPU, oneDNN on",
        ),
        (
            {"minutes": 90}, "auto", {"precision": "float32", "onednn": None, "threads": 1},
            "1 h 30 min, 0.32 GFLOP an image; float32 (auto: no bfloat16 units) on 1 thread of Some CPU",
        ),
        (
            {"epochs": 1}, "float32", {"precision": "float32", "onednn": False},
            "4,800 images in 1 epoch, 1.5 TFLOP (0.32 GFLOP an image); float32 on 2 threads of Some CPU, oneDNN off",
        ),
    ],
)  # fmt: skip
def test_the_line(budget, precision, record, line, monkeypatch):
    monkeypatch.setattr(module, "cpu_name", lambda: "Some CPU")
    record = {"device": "CPU", "threads": 2, "replicas": 1} | record
    runtime = Runtime(Strategy(), record["precision"], record, Workers(Strategy()))
    budget = Budget(batch_size=32, **budget)
    assert announcement(budget, budget.epochs, 150, 0.32e9, Train(precision=precision), runtime) == line


def test_operations_in_words():
    found = [flop(count) for count in (5e3, 8.3e5, 9.9e7, 3.2e8, 6.1e13, 2.5e17)]
    assert found == ["0.005 MFLOP", "0.83 MFLOP", "99 MFLOP", "0.32 GFLOP", "61 TFLOP", "250 PFLOP"]
