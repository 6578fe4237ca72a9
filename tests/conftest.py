"""Shared fixtures: tiny images, tiny trained models, the folder of real photographs."""

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facepipe.core.machine import hides_bfloat16_units, use_onednn

ROOT = Path(__file__).resolve().parent.parent
THREADS = 2
needs_bfloat16 = pytest.mark.skipif(
    hides_bfloat16_units(), reason="ONEDNN_MAX_CPU_ISA hides this CPU's bfloat16 units, and oneDNN aborts"
)

# as for the stages: some modules of tests import TensorFlow at their top, before any fixture
use_onednn()

# a shell's background jobs ignore Ctrl-C, and so would the processes that tests start and stop by it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """For several processes: what shares a fixture of a file stays together, and all that share a finished pipeline."""
    for item in items:
        shared = "clones" in item.fixturenames
        item.add_marker(pytest.mark.xdist_group("pipeline" if shared else item.path.stem))
    # the longest first
    items.sort(key=lambda item: "clones" not in item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def tensorflow_threads():
    """TensorFlow takes the number of threads once, before its first operation; all tests share one process."""
    from facepipe.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)


@pytest.fixture(scope="session", autouse=True)
def states_elsewhere(tmp_path_factory):
    """Trainings that the session's fixtures start keep their states out of this repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPIPE_RESUME", str(tmp_path_factory.mktemp("resume")))
        yield


@pytest.fixture(autouse=True)
def own_states(monkeypatch, tmp_path):
    """Each test has its own states; they lie in the folder that is given."""
    monkeypatch.setenv("FACEPIPE_RESUME", str(tmp_path / "resume"))
    return tmp_path / "resume"


@pytest.fixture(scope="session")
def real_data():
    """The folder of real photographs; skips where it is absent."""
    folder = Path(os.environ.get("FACEPIPE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder} (FACEPIPE_TEST_DATA names another folder)")
    return folder


@pytest.fixture(scope="session")
def tiny_shards(tmp_path_factory):
    """Folder of shards: 16x16 RGB blobs, 96 train, 32 valid, 32 test; attributes Bright and Left can be seen."""
    from tests.material import write_shards

    random = np.random.default_rng(0)
    images, ids, attributes = {}, {}, {}
    for split, count in (("train", 96), ("valid", 32), ("test", 32)):
        bright, left = random.integers(0, 2, (2, count))
        x = np.full((count, 16, 16, 3), 60, np.uint8) + (bright * 120).astype(np.uint8)[:, None, None, None]
        x[left == 1, :, :8] //= 2
        images[split] = x + random.integers(0, 30, x.shape).astype(np.uint8)
        ids[split] = [f"{split}-{row:03d}.png" for row in range(count)]
        attributes |= {
            name: {"Bright": b, "Left": side} for name, b, side in zip(ids[split], bright, left, strict=True)
        }
    folder = tmp_path_factory.mktemp("tiny") / "shards"
    write_shards(folder, images, ids=ids, attributes=pd.DataFrame.from_dict(attributes, orient="index"))
    return folder


@pytest.fixture(scope="session")
def tiny_params():
    """(`Train`, {"ae": `TrainAE`, "vae": `TrainVAE`, "gan": `TrainGAN`}) of tiny nets."""
    from facepipe.models.ae.config import TrainAE
    from facepipe.models.gan.config import TrainGAN
    from facepipe.models.vae.config import TrainVAE
    from facepipe.training.config import Train

    common = {"latent_dim": 4, "batch_size": 16, "epochs": 2}
    sections = {
        "ae": TrainAE(**common, widths=(8, 8)),
        "vae": TrainVAE(**common, widths=(8, 8)),
        "gan": TrainGAN(**common, generator_widths=(8, 8), discriminator_widths=(8, 8), r1_every=2),
    }
    return Train(precision="float32", threads=THREADS), sections


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory, tiny_models, tiny_shards):
    """Folder with models, latents, directions (of Bright and Left) and shards as data/ has them; not to be changed."""
    from facepipe.directions.attribute_vectors import attribute_vectors
    from facepipe.directions.config import AttributeVectors
    from facepipe.latents.config import ExportLatents
    from tests.trainings import export_all

    folder = tmp_path_factory.mktemp("workspace")
    (folder / "models").symlink_to(tiny_models)
    (folder / "shards").symlink_to(tiny_shards)
    export_all(ExportLatents(components=2, gan_samples=5), tiny_models, tiny_shards, folder / "latents")
    params = AttributeVectors(min_examples=5)
    attribute_vectors(params, tiny_shards, folder / "latents", folder / "directions", folder / "reports")
    return folder


@pytest.fixture(scope="session")
def conditioned_models(tmp_path_factory, tiny_shards, tiny_params):
    """Folder with the models vae and gan, conditioned on Left and Bright and trained until these act."""
    from tests.trainings import train as train_model

    folder, (train, sections) = tmp_path_factory.mktemp("conditioned"), tiny_params
    # no flips: a mirrored image has its dark half on the other side
    common = {"condition_on": ("Left", "Bright"), "condition_dropout": 0.2, "flip": False, "grid_every": 100}
    options = {
        "vae": {"epochs": 40, "learning_rate": 1e-2, "kl_warmup_images": 0, "beta": 100.0},
        "gan": {
            "epochs": 60, "generator_learning_rate": 4e-3, "discriminator_learning_rate": 4e-3, "diffaugment": (),
            "generator_widths": (16, 16), "discriminator_widths": (16, 16), "ema_half_life_kimg": 0.2,
        },
    }  # fmt: skip
    for name in ("vae", "gan"):
        params = type(sections[name])(**sections[name].model_dump() | common | options[name])
        train_model(name, train, params, tiny_shards, folder / name, folder / "reports" / name)
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory, tiny_shards, tiny_params):
    """Folder of the models ae, vae, gan, inverter, trained for two epochs on `tiny_shards`; reports in ../reports."""
    from facepipe.models.inverter.config import TrainInverter
    from tests.trainings import train as train_model

    folder = tmp_path_factory.mktemp("trained")
    train, sections = tiny_params
    for name, section in sections.items():
        train_model(name, train, section, tiny_shards, folder / "models" / name, folder / "reports" / f"train_{name}")
    models, report = folder / "models", folder / "reports" / "train_inverter"
    section = TrainInverter(batch_size=16, epochs=2, widths=(8, 8))
    train_model("inverter", train, section, tiny_shards, models / "inverter", report, gan=models / "gan")
    return models
