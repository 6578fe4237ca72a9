"""Artifacts with flipped, zeroed and missing bytes: refused in one line, or read to the same result."""

import json
import shutil

import numpy as np
import pytest

import facepipe
from facepipe.api.bundle import unpack_bundle, write_bundle
from facepipe.api.model_folder import ModelFolder
from facepipe.core.files import write_json
from facepipe.errors import InputError
from facepipe.latents.pca import load_pca
from facepipe.latents.table import read_latents, write_latents
from facepipe.models.load import load_model
from facepipe.networks.samplers import load_sampler
from facepipe.networks.store import read_info, read_weights
from facepipe.shards.shards import SPLITS, Shards
from facepipe.training.resume import States
from tests.corrupted import digest, outcomes

SEED = 0


@pytest.fixture(scope="module")
def data(tiny_workspace, tmp_path_factory):
    """A copy of a finished pipeline's data/, which may be changed."""
    return shutil.copytree(tiny_workspace, tmp_path_factory.mktemp("corrupted") / "data")


def check(path, read):
    """No corruption of a file gives another result, and what refuses it names a file in one line."""
    found = outcomes(path, read, SEED)
    assert len(found) >= 40 and "different" not in found.values(), {k: v for k, v in found.items() if v == "different"}
    for line in set(found.values()) - {"same"}:
        assert str(path.parent) in line and "\n" not in line and len(line) < len(str(path)) + 250, line
    return found


def read_model(folder):
    """What a model computes: faces, latents, random latents, and what else model.json says."""
    images = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)
    model = load_model(folder)
    z = model.encode(images)
    return digest(z, model.decode(z), model.sample_latents(4, 0)), model.info


@pytest.mark.parametrize("name", ["ae", "vae", "gan", "inverter"])
def test_a_file_of_a_model(data, name):
    folder, read = data / "models" / name, data / "models" / name.replace("inverter", "gan")
    networks = load_model(read).encoder.networks if name == "inverter" else load_model(read).model.networks

    def weights():
        read_weights(folder, networks)
        return digest(*(array for network in networks.values() for array in network.get_weights()))

    for path in sorted(folder.glob("*.h5")):
        assert "same" not in check(path, weights).values()
        # the same by the front door
        for line in outcomes(path, lambda: read_model(read), SEED, places=1).values():
            assert line.startswith(f"{path}: damaged: ")
    check(folder / "model.json", lambda: read_info(folder))
    if name == "ae":
        check(folder / "sampler.npz", lambda: digest(load_sampler(folder / "sampler.npz").sample(5, 0)))
        (folder / "sampler.npz").rename(folder / "gone")
        with pytest.raises(InputError, match=r"sampler.npz: missing; `dvc checkout`"):
            load_model(folder)  # another density than its own would give other faces
        (folder / "gone").rename(folder / "sampler.npz")


def test_a_shard_and_its_tables(data):
    def read():
        shards = Shards(data / "shards")
        tables = [table(split).to_csv() for table in (shards.table, shards.attributes) for split in SPLITS]
        return digest(*map(shards.images, SPLITS)), tables, shards.framing, shards.dataset, shards.sha256

    for name in ("train-00000.npy", "test-00000.npy", "ids.csv", "attributes.csv", "index.json"):
        check(data / "shards" / name, read)


def test_principal_components_and_a_density(data):
    for name in ("ae", "vae", "gan"):
        folder = data / "latents" / name
        check(folder / "pca.npz", lambda folder=folder: digest(*load_pca(folder / "pca.npz")))
        check(folder / "density.npz", lambda folder=folder: digest(load_sampler(folder / "density.npz").sample(5, 0)))


def test_a_bundle(data, tmp_path):
    path, number = tmp_path / "gan.facepipe", iter(range(1000))
    write_bundle(path, ModelFolder(data / "models/gan"), data / "models/inverter")

    def read():
        out = tmp_path / f"out{next(number)}"
        out.mkdir()
        folder = unpack_bundle(path, out)
        files = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}
        return folder.relative_to(out), sorted(files.items())

    check(path, read)
    assert facepipe.load(path).name == "gan"


def test_a_table_of_latents_in_parquet(tmp_path):
    random, path = np.random.default_rng(0), tmp_path / "test.parquet"
    ids = [f"face-{i}" for i in range(200)]
    write_latents(path, ids, "test", random.standard_normal((200, 4), np.float32), extra={"Smiling": ["1", "0"] * 100})

    def read():
        table = read_latents(path, 4)
        return digest(table.z), table.ids, table.splits, dict(table.extra)

    check(path, read)


def test_a_state_of_a_training(tmp_path, capsys):
    """The newest is passed over for the one before, the only one for a start anew; either is said."""
    random = np.random.default_rng(0)
    trees = [{"x": random.standard_normal(50), "step": step} for step in (1, 2)]

    def save(folder, count):
        with States(folder) as states:
            states.keep(picture)
            for images, tree in zip((16, 32), trees[:count], strict=False):
                states.save(images, tree)
        return sorted(folder.glob("*.state"))[-1]

    picture = tmp_path / "000000.png"
    picture.write_bytes(random.bytes(400))
    for count, then in ((2, "training continues from the one before"), (1, "training starts anew")):
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        newest = save(tmp_path / "s", count)
        for path in (newest, newest.parent / "pictures" / picture.name):
            expected = trees[0] if count == 2 and path == newest else None
            shown = then if path == newest else "training starts anew"

            def read(newest=newest, count=count):
                with States(tmp_path / "s") as states:
                    found = states.load()
                said = capsys.readouterr().out
                save(tmp_path / "s", count)
                if said:
                    raise InputError(f"{said}{digest(found['x']) if found else None}")
                return digest(found["x"]), found["step"]

            for line in outcomes(path, read, SEED).values():
                right = digest(expected["x"]) if expected else None
                assert line.endswith(f"; {shown}\n{right}") and "damaged: 0000000000" in line, line


def test_a_file_that_a_user_edits_is_no_corrupted_one(data, tmp_path):
    """Tables of latents and directions are read with whatever numbers are in them."""
    for name in ("latents/vae/test.csv", "directions/vae.csv"):
        shutil.copytree(data / name.split("/")[0], tmp_path / name.split("/")[0], dirs_exist_ok=True)
        path = tmp_path / name
        header, first, *others = path.read_text().splitlines()
        path.write_text("\n".join([header, first.rsplit(",", 1)[0] + ",1.5", *others]) + "\n")
    assert read_latents(tmp_path / "latents/vae/test.csv").z[0, -1] == 1.5
    shutil.copytree(data / "models", tmp_path / "models")
    assert ModelFolder(tmp_path / "models/vae").directions.vectors[0, -1] == 1.5


def test_a_model_json_in_another_layout_is_the_same(data, tmp_path):
    shutil.copytree(data / "models/ae", tmp_path / "ae")
    path = tmp_path / "ae/model.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert load_model(tmp_path / "ae").name == "ae"
    write_json(path, json.loads(path.read_text()) | {"framing": None, "model": "vae"})
    with pytest.raises(InputError, match=r"model.json: damaged"):
        load_model(tmp_path / "ae")
