"""Labels as conditions: refusals, codes, and that a conditioned VAE and GAN make the faces that they are told to."""

import shutil

import numpy as np
import pandas as pd
import pytest

from facepipe.core.determinism import rng
from facepipe.errors import InputError
from facepipe.models.load import load_model
from facepipe.shards.labels import Conditions, check_names, label_codes, labels_digest, random_labels, read_labels
from facepipe.shards.shards import Shards
from facepipe.training import session
from tests.fuzz.targets import reseal
from tests.material import write_shards
from tests.trainings import train as train_model


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Four training images with labels that are known, unknown, all the same, or missing altogether."""
    labels = pd.DataFrame(
        {"Glasses": [1, 0, np.nan, 1], "Always": [1, 1, np.nan, 1], "Never": [0, 0, 0, 0], "Hidden": [np.nan] * 4},
        index=list("abcd"),
    )
    folder = tmp_path_factory.mktemp("labels") / "shards"
    images = np.zeros((4, 8, 8, 1), np.uint8)
    write_shards(folder, {"train": images}, ids={"train": list("abcd")}, attributes=labels)
    return Shards(folder)


@pytest.mark.parametrize(
    "name, said",
    [
        ("Glases", "no attribute 'Glases'; did you mean Glasses?"),
        ("xyz", "no attribute 'xyz'; the data has Glasses, Always, Never, Hidden"),
        ("Always", "Always: no training image is labelled as without it; leave it out"),
        ("Never", "Never: no training image is labelled as with it; leave it out"),
        ("Hidden", "Hidden: no training image is labelled as with it; leave it out"),
    ],
)
def test_attributes_that_cannot_be_learned(name, said, shards):
    check_names(shards, ["Glasses"], "condition_on")
    with pytest.raises(InputError) as error:
        check_names(shards, ["Glasses", name], "condition_on")
    assert str(error.value) == f"condition_on: {said}"


def test_labels_and_codes(shards):
    labels = read_labels(shards, "train", ("Never", "Glasses"))
    np.testing.assert_array_equal(labels, np.float32([[0, 1], [0, 0], [0, np.nan], [0, 1]]))
    np.testing.assert_array_equal(label_codes(labels), np.float32([[-1, 1], [-1, -1], [-1, 0], [-1, 1]]))
    np.testing.assert_allclose(label_codes([[0.25]]), [[-0.5]])
    assert read_labels(shards, "train", ()).shape == (4, 0) and random_labels(shards, (), 3, 0).shape == (3, 0)
    with pytest.raises(InputError, match="no attribute 'Smiling', which the model is conditioned on; retrain it"):
        read_labels(shards, "train", ("Smiling",))
    drawn = random_labels(shards, ("Glasses",), 4000, seed=1)
    np.testing.assert_array_equal(drawn, random_labels(shards, ("Glasses",), 4000, seed=1))
    assert abs((drawn == 1).mean() - 0.5) < 0.05 and abs(np.isnan(drawn).mean() - 0.25) < 0.05


def test_a_step_hides_all_labels_of_a_share_of_its_images(shards):
    conditions, rows = Conditions(shards, ("Glasses", "Never")), np.tile([0, 1, 3], 2000)
    codes = conditions.draw(rng(0, 1), rows, 0.3)["codes"]
    hidden = (codes == 0).all(axis=1)
    assert abs(hidden.mean() - 0.3) < 0.03 and codes.dtype == np.float32
    np.testing.assert_array_equal(codes[~hidden], conditions.of("train")[rows[~hidden]])
    np.testing.assert_array_equal(conditions.draw(rng(0, 1), rows, 0.3)["codes"], codes)
    np.testing.assert_array_equal(conditions.draw(rng(0, 2), rows, 0)["codes"], conditions.of("train")[rows])
    generator = rng(0, 1)
    assert Conditions(None, ()).draw(generator, rows, 0.3) == {}
    assert generator.random() == rng(0, 1).random(), "without names nothing is drawn"


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_a_state_is_not_used_when_a_label_has_changed(name, tiny_shards, tiny_params, tmp_path, monkeypatch):
    copy, seen = tmp_path / "shards", []
    shutil.copytree(tiny_shards, copy)
    train, sections = tiny_params
    params = sections[name].model_copy(update={"condition_on": ("Bright",)})
    monkeypatch.setattr(session, "open_states", lambda *arguments: seen.append(arguments[3]) or 1 / 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            train_model(name, train, params, copy, tmp_path / "model", tmp_path / "report")
        if len(seen) == 2:
            table = pd.read_csv(copy / "attributes.csv")
            table.loc[5, "Bright"] = 1 - table.loc[5, "Bright"]
            table.to_csv(copy / "attributes.csv", index=False)
            reseal(copy / "index.json")
    assert seen[0] == seen[1] != seen[2] and seen[1]["shards"] == seen[2]["shards"]
    assert labels_digest(Shards(copy), ()) == {}


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_the_condition_acts(name, conditioned_models, tiny_shards):
    model, data = load_model(conditioned_models / name), Shards(tiny_shards)
    images, labels = data.images("train") / 255, read_labels(data, "train", model.condition_on)
    z = model.sample_latents(100, seed=0)
    for place, attribute in enumerate(model.condition_on):
        with_, without = np.full((2, 100, 2), np.nan)
        with_[:, place], without[:, place] = 1, 0
        made = (model.decode(z, with_) - model.decode(z, without)).mean(axis=0)
        true = images[labels[:, place] == 1].mean(axis=0) - images[labels[:, place] == 0].mean(axis=0)
        share = (made * true).sum() / (true * true).sum()
        assert 0.5 < share < 1.6, f"{attribute}: {share:.2f} of the true difference"
        assert (made * true).sum() / np.sqrt((made**2).sum() * (true**2).sum()) > 0.9


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_a_misspelled_attribute_ends_the_training_before_it_begins(name, tiny_shards, tiny_params, tmp_path):
    params = tiny_params[1][name].model_copy(update={"condition_on": ("Brigth",)})
    with pytest.raises(InputError, match=r"^condition_on: no attribute 'Brigth'; did you mean Bright?"):
        train_model(name, tiny_params[0], params, tiny_shards, tmp_path / "model", tmp_path / "report")
    assert not any(tmp_path.iterdir())
