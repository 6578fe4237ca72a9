"""Train tiny models and record what each step gave: python -m tests.multiworker NAMES STRATEGY SHARDS OUT.

OUT/<name>/model, OUT/<name>/report; OUT/<name>/steps-<worker>.json holds each step's terms, in this worker.
"""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from facepipe.quiet import import_tensorflow
from facepipe.stage import run
from tests.trainings import train as train_model

# a budget in minutes ends after so many steps, however fast the machine is
SECONDS_A_STEP = 0.5
COMMON = {"latent_dim": 4, "batch_size": 16, "epochs": 2}


def sections():
    """The params of each model, by name."""
    from facepipe.models.ae.config import TrainAE
    from facepipe.models.gan.config import TrainGAN
    from facepipe.models.inverter.config import TrainInverter
    from facepipe.models.vae.config import TrainVAE

    gan = {"generator_widths": (8, 8), "discriminator_widths": (8, 8), "r1_every": 2}
    return {
        "ae": TrainAE(**COMMON, widths=(8, 8), dropout=0.1, patience=2, linear_path=False),
        "vae": TrainVAE(**COMMON, widths=(8, 8), free_bits=0.05, kl_warmup_images=100),
        "ae-robust": TrainAE(
            **COMMON, widths=(8, 8), loss={"mse": 1, "ssim": 0.2}, denoising=0.2, latent_l2=0.1, decoder_l2=0.01
        ),
        "gan-residual": TrainGAN(**COMMON, **gan, architecture="residual", spectral_norm=True, loss="hinge"),
        "gan-wasserstein": TrainGAN(**COMMON, **gan, r1_gamma=0.0, loss="wasserstein_gp"),
        "gan-conditioned": TrainGAN(
            **COMMON,
            **gan,
            condition_on=("Left", "Bright"),
            condition_dropout=0.3,
            augment={"contrast": 0.1, "zoom": 0.1},
        ),
        "inverter": TrainInverter(batch_size=16, epochs=2, widths=(8, 8)),
        "ae-blows-up": TrainAE(**COMMON, widths=(8, 8), learning_rate=1e30),
        "ae-minutes": TrainAE(
            **COMMON | {"epochs": None, "minutes": 9 * SECONDS_A_STEP / 60}, widths=(8, 8), grid_every=10**6
        ),
        "gan": TrainGAN(**COMMON, **gan, schedule={"name": "accuracy", "threshold": 0.55, "smoothing": 0.5}),
    }


def main(names, strategy, shards, out):
    import_tensorflow()
    from facepipe.training import loop
    from facepipe.training.config import Train

    train = Train(strategy=strategy, precision="float32", threads=1, save_every_images=32)
    worker = int(json.loads(os.environ.get("TF_CONFIG") or '{"task": {"index": 0}}')["task"]["index"])
    steps, stepper, pause = [], loop.stepper, float(os.environ.get("TEST_PAUSE", "0"))

    def recording(*arguments):
        step = stepper(*arguments)

        def recorded(*inputs):
            logs = step(*inputs)
            clock.now += SECONDS_A_STEP
            steps.append({name: float(value) for name, value in logs.items() if name != "news"})
            print(f"step {len(steps)}", flush=True)
            time.sleep(pause)
            return logs

        return recorded

    loop.stepper = recording
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    loop.time = clock
    for name in names.split(","):
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        steps.clear()
        # the same generator whoever trains
        more = {"gan": Path(out).parent / "one" / "gan" / "model"} if name == "inverter" else {}
        train_model(name.split("-")[0], train, sections()[name], shards, folder / "model", folder / "report", **more)
        (folder / f"steps-{worker}.json").write_text(json.dumps(steps), encoding="utf-8")


if __name__ == "__main__":
    run(lambda params: main(*sys.argv[1:]), "train")
