"""The commands that edit, draw, mix and look for faces, at work in a finished workspace."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.cli import COMMANDS, main
from facepipe.core.files import read_json, write_sealed
from facepipe.core.pictures import to_uint8
from facepipe.directions.fitting import METHODS
from facepipe.directions.table import read_directions
from facepipe.latents.pca import load_pca
from facepipe.latents.standard import fit_standard, standard_of
from facepipe.latents.statistics import read_statistics
from facepipe.latents.table import Latents, read_latents, write_table
from facepipe.shards.shards import Shards
from tests.conftest import ROOT
from tests.mounts import run_with_mounts

A, B, C = "test-000", "test-001", "train-002"


@pytest.fixture
def here(tiny_workspace, tmp_path, monkeypatch):
    """A folder with data/, in which the test runs."""
    (tmp_path / "data").symlink_to(tiny_workspace)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(capsys, *arguments):
    """The one line on stderr of a command that ends with 2; nothing is written."""
    before = set(os.listdir())
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and captured.err.startswith("facepipe: ")
    assert set(os.listdir()) == before
    return captured.err


def run(*arguments):
    assert main(list(map(str, arguments))) == 0


def latents(model, *ids):
    """The exported latents of these faces, float32 (n, d)."""
    found = {}
    for split in ("train", "valid", "test"):
        table = read_latents(f"data/latents/{model}/{split}.csv")
        found |= dict(zip(table.ids, table.z, strict=True))
    return np.stack([found[f"{name}.png"] for name in ids])


def size(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize("name", COMMANDS)
def test_help_starts_without_tensorflow_and_shows_an_example(name):
    code = f"import sys; from facepipe.cli import main\ntry: main(['{name}', '--help'])\n"
    code += "except SystemExit: print([m for m in ('tensorflow', 'sklearn', 'pandas') if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    text = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    assert f"  facepipe {name}" in text.partition("after `dvc repro`")[2] and text.endswith("[]\n")


def test_edit_adds_the_direction_and_keeps_the_rest(here):
    table = read_latents("data/latents/vae/test.csv")
    run("edit", "data/latents/vae/test.csv", "--model", "vae", "--add", "Bright=1.5", "-o", "out.csv")
    edited, directions = read_latents("out.csv"), read_directions("data/directions/vae.csv")
    np.testing.assert_allclose(edited.z, table.z + 1.5 * directions.vectors[0], rtol=1e-5, atol=1e-5)
    assert edited.ids == table.ids and edited.splits == table.splits
    assert edited.extra == table.extra and "Left" in edited.extra
    run("edit", "out.csv", "--model", "vae", "--add", "Bright=1", "--add", "Left=-2", "--method", "mean_difference",
        "--set", "z001=0.25", "--first", "3", "-o", "out.tsv")  # fmt: skip
    rows = [directions.find(name, "mean_difference") for name in ("Bright", "Left")]
    expected = edited.z[:3] + np.array([1, -2], np.float32) @ directions.vectors[rows]
    expected[:, 1] = 0.25
    np.testing.assert_allclose(read_latents("out.tsv").z, expected, rtol=1e-5, atol=1e-5)


def test_edit_a_range_with_its_strip_and_its_pictures(here, capsys):
    run("edit", "data/latents/ae/test.csv", "--model", "ae", "--first", "2", "--add", "Bright=-1:1:3",
        "-o", "range.csv", "--strip", "strip.png", "--decode", "faces")  # fmt: skip
    assert capsys.readouterr().out == (
        "6 rows in range.csv\n2 strips in strip.png\n6 faces, grid.png and sheet.png in faces\n"
    )
    edited = read_latents("range.csv")
    assert edited.ids[:3] == ["test-000~1", "test-000~2", "test-000~3"]
    assert edited.extra["add:Bright"] == ["-1", "0", "1"] * 2
    np.testing.assert_array_equal(edited.z[[1, 4]], read_latents("data/latents/ae/test.csv").z[:2])
    assert sorted(os.listdir("faces")) == sorted([f"{name}.png" for name in edited.ids] + ["grid.png", "sheet.png"])
    strip, face = np.asarray(Image.open("strip.png")), np.asarray(Image.open("faces/test-001~3.png"))
    last = strip[-130:-2, -130:-2]  # two rows of four, the last is the second face at strength 1
    np.testing.assert_array_equal(last, face.repeat(8, axis=0).repeat(8, axis=1))


def test_edit_along_a_component_in_standard_deviations(here):
    run("edit", "data/latents/ae/test.csv", "--model", "ae", "--add", "PC1=-2", "-o", "out.csv")
    components = load_pca("data/latents/ae/pca.npz")
    moved = components.project(read_latents("out.csv").z) - components.project(
        read_latents("data/latents/ae/test.csv").z
    )
    expected = np.broadcast_to([0, -2 * components.sd[1], 0, 0], moved.shape)
    np.testing.assert_allclose(moved, expected, atol=1e-4 * components.sd[0])


def test_edit_keeps_the_score_of_what_is_to_be_kept(here):
    run("edit", "data/latents/ae/test.csv", "--model", "ae", "--add", "Bright=3", "--keep", "Left", "-o", "out.csv")
    standard = standard_of(load_pca("data/latents/ae/pca.npz"))
    directions = read_directions("data/directions/ae.csv")
    before, after = (standard.standardise(read_latents(p).z) for p in ("data/latents/ae/test.csv", "out.csv"))
    left, bright = (
        standard.standardised_move(directions.vectors[directions.find(name, "logistic")]) for name in ("Left", "Bright")
    )
    np.testing.assert_allclose((after - before) @ left, 0, atol=1e-4)
    assert ((after - before) @ bright > 0.1).all()


@pytest.mark.parametrize("arguments, message", [
    (["--add", "Brihgt=1"], "no direction for 'Brihgt'; did you mean Bright?"),
    (["--add", "Bright=x"], "'x' is not a strength"),
    (["--add", "Bright=1", "--add", "Bright=2"], "'Bright' is there twice"),
    (["--add", "PC9=1"], "there are PC0 to PC3"),
    (["--add", "Bright=1", "--keep", "Lfet"], "no direction for 'Lfet'; did you mean Left?"),
    (["--add", "Left=1", "--keep", "Left", "--method", "logistic"], "nothing is left of --add Left"),
    (["--add", "Left=1", "--method", "logisitc"], "did you mean logistic?"),
    (["--set", "z009=1"], "there are z000 to z003"),
    (["--set", "z001=1e39"], "too large for float32"), (["--add", "Bright=1e300"], "too large for float32"),
    (["--add", "Bright=1", "-o", "out.txt"], "a text file holds one face, not 32"),
    ([], "name what to add"),
    (["--add", "Bright=1", "-o", "out.xyz"], "use .csv, .tsv, .parquet"),
    (["--add", "Bright=1", "--strip", "a.jpg"], "use .png, .gif, .webp"),
    (["--add", "Bright=1", "--directions", "none.csv"], "none.csv: No such file"),
    (["--add", "Bright=1", "--directions", "data/latents/vae/test.csv"], "no column named attribute"),
])  # fmt: skip
def test_edit_wrong(here, capsys, arguments, message):
    said = fails(capsys, "edit", "data/latents/vae/test.csv", "--model", "vae", "-o", "out.csv", *arguments)
    assert message in said


@pytest.mark.parametrize("command, suffix", [
    (["edit", "data/latents/vae/test.csv", "--add", "Bright=1", "-o"], ".csv"),
    (["edit", "data/latents/vae/test.csv", "--add", "Bright=1", "-o", "o.csv", "--strip"], ".png"),
    (["edit", "data/latents/vae/test.csv", "--add", "Bright=1", "-o", "o.csv", "--strip", "s.png", "--decode"], ""),
    (["sample", "-o"], ".csv"), (["sample", "-o"], ".png"), (["interpolate", A, B, "-o"], ".png"),
    (["interpolate", A, B, "-o"], ".csv"), (["traverse", "-o"], ".gif"), (["arithmetic", A, "-", B, "-o"], ".csv"),
    (["nearest", A, "-o"], ".png"), (["encode", "x.png", "-o"], ".csv"),
    (["directions", "--labels", "data/latents/vae/train.csv", "-o"], ".csv"),
    (["decode", "data/latents/vae/test.csv", "-o"], ""),
    (["export", "--format", "bundle", "-o"], ".facepipe"), (["export", "--format", "keras", "-o"], ""),
])  # fmt: skip
def test_outputs_that_cannot_be_written(here, capsys, command, suffix):
    Path("file").write_text("mine")
    Path(f"folder{suffix}").mkdir()
    for place in (f"folder{suffix}", f"file/below{suffix}") if suffix else ("file/below",):
        assert "folder" in fails(capsys, *command, place, "--model", "vae")
    assert Path("file").read_text() == "mine"


def test_interpolate_as_table_strip_and_animation(here):
    ends = latents("ae", A, B, C)
    run("interpolate", A, B, f"{C}.png", "--model", "ae", "--steps", "4", "-o", "way.csv")
    way = read_latents("way.csv")
    assert way.ids == [f"step-{i}" for i in range(1, 8)]
    np.testing.assert_array_equal(way.z[::3], ends)
    np.testing.assert_allclose(way.z[1], ends[0] + (ends[1] - ends[0]) / 3, rtol=1e-4, atol=1e-5)
    run("interpolate", A, B, "--model", "vae", "--steps", "5", "-o", "way.png")
    run("interpolate", A, B, "--model", "vae", "--steps", "5", "--method", "slerp", "-o", "again.png")
    run("interpolate", A, B, "--model", "vae", "--steps", "5", "--method", "lerp", "-o", "straight.png")
    way, again, straight = (np.asarray(Image.open(f"{name}.png")) for name in ("way", "again", "straight"))
    assert way.shape[1] == 5 * 130 + 2 and (way == again).all() and (way != straight).any()
    for suffix in ("gif", "webp"):
        run("interpolate", A, B, "--model", "vae", "--steps", "5", "-o", f"way.{suffix}")
        with Image.open(f"way.{suffix}") as animation:
            assert animation.n_frames == 8 and animation.size == (132, 132)


def test_a_table_of_ones_own_is_looked_through_first(here):
    z = latents("ae", A, B)
    write_table("my.csv", Latents(["mine", f"{A}.png"], ["", ""], z + 1))
    run("interpolate", "mine", A, B, "--model", "ae", "--table", "my.csv", "--steps", "2", "-o", "way.csv")
    np.testing.assert_array_equal(read_latents("way.csv").z, [z[0] + 1, z[1] + 1, z[1]])


def test_interpolate_wrong(here, capsys):
    assert "did you mean test-000" in fails(capsys, "interpolate", "tset-000", B, "--model", "vae", "-o", "a.png")
    assert "two faces or more" in fails(capsys, "interpolate", A, "--model", "vae", "-o", "a.png")
    assert "suffix '.jpg'" in fails(capsys, "interpolate", A, B, "--model", "vae", "-o", "a.jpg")
    assert "did you mean gan" in fails(capsys, "interpolate", A, B, "--model", "gna", "-o", "a.png")
    missing = ["interpolate", A, B, "--model", "vae", "-o", "a.png", "--latents", "none"]
    assert "no face 'test-000' in none; `dvc repro export_latents` makes them" in fails(capsys, *missing)


def test_traverse_takes_the_most_influential_dimensions_first(here):
    run("traverse", "--model", "vae", "--count", "2", "--steps", "3", "--reach", "2", "-o", "out.csv")
    moved = read_latents("out.csv")
    ranks = read_statistics("data/latents/vae/vae.stats.csv").set_index("dimension")["rank"]
    first, second = ranks.sort_values().index[:2]
    assert moved.ids == [f"z{i:03d}{step}" for i in (first, second) for step in ("-2.00sd", "+0.00sd", "+2.00sd")]
    standard = fit_standard(read_latents("data/latents/vae/train.csv").z)
    x = standard.standardise(moved.z)
    expected = np.zeros((6, 4))
    expected[[0, 2], first], expected[[3, 5], second] = (-2, 2), (-2, 2)
    np.testing.assert_allclose(x, expected, atol=0.02)  # the PCA's sd is divided by n - 1
    run("traverse", "--model", "vae", "--count", "2", "--steps", "3", "-o", "out.png")
    width, height = size("out.png")
    assert width > 3 * 130 and height == 2 * 130 + 2 + 20  # labels beside and above


def test_traverse_from_a_face_along_components(here):
    run("traverse", B, "--model", "ae", "--pca", "--count", "9", "--steps", "5", "-o", "out.csv")
    components, moved = load_pca("data/latents/ae/pca.npz"), read_latents("out.csv")
    coordinates = (components.project(moved.z) / components.sd).reshape(4, 5, 4)
    face = (components.project(latents("ae", B)) / components.sd)[0]
    for i in range(4):
        np.testing.assert_allclose(coordinates[i, :, i], [-3, -1.5, 0, 1.5, 3], atol=1e-3)
        others = np.arange(4) != i
        np.testing.assert_allclose(coordinates[i][:, others], np.broadcast_to(face[others], (5, 3)), atol=1e-3)
    assert moved.ids[0] == "pc000-3.00sd"


def test_traverse_along_what_is_named(here, capsys):
    run("traverse", "--model", "vae", "--along", "PC1", "--along", "z2", "--steps", "3", "-o", "out.csv")
    moved, components = read_latents("out.csv"), load_pca("data/latents/vae/pca.npz")
    assert moved.ids[::3] == ["pc001-3.00sd", "z002-3.00sd"]
    coordinates = components.project(moved.z[:3]) / components.sd
    np.testing.assert_allclose(coordinates, [[0, -3, 0, 0], [0, 0, 0, 0], [0, 3, 0, 0]], atol=1e-4)
    change = moved.z[3:] - components.mean
    assert change[0, 2] < 0 < change[2, 2] and (np.delete(change, 2, axis=1) == 0).all()
    run("traverse", "--model", "vae", "--along", "PC1", "--along", "z2", "--steps", "3", "-o", "out.png")
    assert size("out.png")[1] == 2 * 130 + 2 + 20
    capsys.readouterr()
    for name, message in (
        ("PC4", "no component PC4; there are PC0 to PC3"),
        ("x", "'x': expected a dimension such as z003"),
    ):
        assert f"--along: {message}" in fails(capsys, "traverse", "--model", "vae", "--along", name, "-o", "a.png")
    with pytest.raises(SystemExit, match="2"):
        main(["traverse", "--model", "vae", "--along", "PC1", "--pca", "-o", "a.png"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_full_disk(here):
    (here / "small").mkdir()
    run_with_mounts(
        """
        mount -t tmpfs -o size=4k tmpfs small || exit 77
        "$PYTHON" -m facepipe traverse --model vae --steps 99 -o small/out.csv 2>error.txt
        echo $? >code.txt
        ls -A small >left.txt
        """
    )
    assert (here / "code.txt").read_text() == "2\n" and (here / "left.txt").read_text() == ""
    error = (here / "error.txt").read_text()
    assert error.startswith("facepipe: ") and error.endswith("No space left on device\n") and error.count("\n") == 1


def test_traverse_wrong(here, capsys):
    assert "no face 'x'" in fails(capsys, "traverse", "x", "--model", "ae", "-o", "a.png")
    assert "above 0" in fails(capsys, "traverse", "--model", "ae", "--reach", "-1", "-o", "a.png")
    message = fails(capsys, "traverse", "--model", "ae", "--latents", "data/latents/none", "-o", "a.png")
    assert "pca.npz: not found; `dvc repro export_latents` makes it" in message


def test_sample_is_a_function_of_the_seed(here, capsys):
    from facepipe.models.load import load_model

    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("sample", "--model", "gan", "-n", "5", "--seed", seed, "-o", f"{name}.csv")
    a, b, c = (read_latents(f"{name}.csv") for name in "abc")
    np.testing.assert_array_equal(a.z, b.z)
    np.testing.assert_array_equal(a.z, load_model("data/models/gan").sample_latents(5, 1))
    assert (a.z != c.z).all() and not set(a.ids) & set(c.ids)
    run("sample", "--model", "gan", "-n", "5", "--seed", "1", "-o", "faces")
    assert sorted(os.listdir("faces")) == [*(f"{name}.png" for name in a.ids), "grid.png", "sheet.png"]
    run("sample", "--model", "gan", "-n", "5", "--seed", "1", "-o", "all.png")
    first = np.asarray(Image.open(f"faces/{a.ids[0]}.png")).repeat(8, axis=0).repeat(8, axis=1)
    np.testing.assert_array_equal(np.asarray(Image.open("all.png"))[2:130, 2:130], first)
    # each says what it wrote, and over what
    capsys.readouterr()
    run("sample", "--model", "gan", "-n", "8", "--seed", "1", "-o", "faces")
    names = ", ".join(f"faces/{name}.png" for name in a.ids)
    assert capsys.readouterr().out == (f"8 faces, grid.png and sheet.png in faces\nreplaced {names} and 2 more\n")
    run("sample", "--model", "gan", "-n", "5", "-o", "c.csv")
    assert capsys.readouterr().out == "5 faces in c.csv\nreplaced c.csv\n"


def test_sample_from_the_density_with_an_attribute(here):
    from facepipe.networks.samplers import load_sampler

    run("sample", "--model", "ae", "--sampler", "density", "--attribute", "Bright=2", "-n", "3", "-o", "out.csv")
    plain = load_sampler("data/latents/ae/density.npz").sample(3, 0)
    vector = read_directions("data/directions/ae.csv").vectors[0]
    np.testing.assert_allclose(read_latents("out.csv").z, plain + 2 * vector, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("arguments, message", [
    (["--attribute", "Brihgt=1"], "did you mean Bright?"), (["--attribute", "Bright=0:1:3"], "a range makes no sense"),
    (["--latents", "none", "--sampler", "density"], "expected a sampler"), (["-o", "a.gif"], "suffix '.gif'"),
])  # fmt: skip
def test_sample_wrong(here, capsys, arguments, message):
    assert message in fails(capsys, "sample", "--model", "vae", "-o", "a.png", *arguments)


def test_a_model_without_directions_says_so(here, capsys):
    shutil.copytree("data/models/gan", "models/gan")
    message = fails(capsys, "sample", "--model", "models/gan", "--attribute", "Bright=1", "-o", "a.csv")
    assert "there are no directions of this model" in message


def test_arithmetic(here):
    z = latents("vae", A, B, C)
    run("arithmetic", A, "-", B, "+", C, "--model", "vae", "-o", "out.csv")
    np.testing.assert_allclose(read_latents("out.csv").z, (z[0] - z[1] + z[2])[None], rtol=1e-5, atol=1e-6)
    run("arithmetic", "-", A, "+", B, "--model", "vae", "-o", "out.csv")
    np.testing.assert_allclose(read_latents("out.csv").z, (z[1] - z[0])[None], rtol=1e-5, atol=1e-6)
    run("arithmetic", A, "-", B, "+", C, "--model", "vae", "-o", "out.png")
    assert size("out.png") == (4 * 130 + 2, 130 + 2 + 20)


@pytest.mark.parametrize("terms, message", [
    ([A, B], "'test-001': expected + or -"), ([A, "+", "-", B], "'-': expected an id"), ([A, "-"], "ends with a sign"),
    ([A, "-", "test-0001"], "did you mean test-001"),
])  # fmt: skip
def test_arithmetic_wrong(here, capsys, terms, message):
    assert message in fails(capsys, "arithmetic", *terms, "--model", "vae", "-o", "out.png")


@pytest.fixture
def conditioned(conditioned_models, tiny_shards, tmp_path, monkeypatch):
    """A folder with data/ of a VAE that is conditioned on Left and Bright, in which the test runs."""
    from facepipe.latents.config import ExportLatents
    from facepipe.latents.export import export_encoder
    from facepipe.models.load import load_model

    folder = tmp_path / "here" / "data"
    folder.mkdir(parents=True)
    (folder / "models").symlink_to(conditioned_models)
    model = load_model(conditioned_models / "vae")
    export_encoder(ExportLatents(components=2), model, Shards(tiny_shards), folder / "latents" / "vae")
    monkeypatch.chdir(folder.parent)
    return model


def test_adding_what_the_model_was_conditioned_on_sets_its_label(conditioned, capsys):
    table = "data/latents/vae/test.csv"
    before = read_latents(table)
    run("edit", table, "--model", "vae", "--add", "Bright=0:1:2", "-o", "out.csv", "--decode", "faces")
    after = read_latents("out.csv")
    np.testing.assert_array_equal(after.z, before.z.repeat(2, axis=0))
    assert after.extra == {"Bright": ["0", "1"] * 32, "Left": [cell for cell in before.extra["Left"] for _ in "01"]}
    light = [np.asarray(Image.open(f"faces/test-{i:03d}~{j}.png")).mean() for i in range(8) for j in (1, 2)]
    assert (np.diff(np.reshape(light, (8, 2)), axis=1) > 10).all()
    run("sample", "--model", "vae", "--attribute", "Left=0.25", "-n", "2", "-o", "sample.csv")
    assert read_latents("sample.csv").extra == {"Left": ["0.25", "0.25"]}
    capsys.readouterr()
    for command in (["edit", table, "--add"], ["sample", "--attribute"]):
        said = fails(capsys, *command, "Bright=1.5", "--model", "vae", "-o", "a.csv")
        assert "Bright=1.5: model vae was conditioned on it; use 1" in said


def test_labels_go_along_with_faces(conditioned):
    table = read_latents("data/latents/vae/test.csv")
    bright, dark = (table.ids[table.extra["Bright"].index(label)] for label in "10")
    z, left = dict(zip(table.ids, table.z, strict=True)), dict(zip(table.ids, table.extra["Left"], strict=True))
    run("interpolate", bright, dark, "--model", "vae", "--steps", "3", "-o", "way.csv")
    assert read_latents("way.csv").extra["Bright"] == ["1", "0.5", "0"]
    run("arithmetic", dark, "-", dark, "+", bright, "--model", "vae", "-o", "sum.csv")
    found = read_latents("sum.csv")
    assert found.extra == {"Left": [left[bright]], "Bright": ["1"]}
    run("traverse", dark, "--model", "vae", "--count", "1", "--steps", "3", "-o", "moved.csv")
    assert read_latents("moved.csv").extra == {"Left": [left[dark]] * 3, "Bright": ["0"] * 3}
    Path("part.csv").write_text(f"id,z000\nmine,{z[bright][0]:.9g}\n")
    run("decode", "part.csv", "--model", "vae", "--base", bright, "-o", "faces")
    labels = np.array([[float(left[bright]), 1]])
    expected = to_uint8(conditioned.decode(z[bright][None], labels))[0]
    np.testing.assert_array_equal(np.asarray(Image.open("faces/mine.png")), expected)
    for command in ("interpolate", "arithmetic"):
        words = [bright, dark] if command == "interpolate" else [bright, "-", dark, "+", dark]
        run(command, *words, "--model", "vae", "-o", "way.png")
        first = np.asarray(Image.open("way.png"))[22:150, 2:130]
        np.testing.assert_array_equal(first, expected.repeat(8, axis=0).repeat(8, axis=1))


def test_nearest_as_table_and_picture(here, capsys):
    from facepipe.models.load import load_model

    run("nearest", C, A, "--model", "ae", "--count", "3", "-o", "near.png")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    train = read_latents("data/latents/ae/train.csv")
    standard = fit_standard(train.z)
    for name, part in ((C, rows[:3]), (A, rows[3:])):
        x, others = standard.standardise(latents("ae", name)), standard.standardise(train.z)
        distances = dict(zip(train.ids, np.linalg.norm(x - others, axis=1), strict=True))
        distances.pop(f"{name}.png", None)  # a training face is not its own neighbour
        expected = sorted(distances, key=distances.get)[:3]
        assert [row["neighbour"] for row in part] == expected and {row["id"] for row in part} == {f"{name}.png"}
        found = [float(row["distance"]) for row in part]
        np.testing.assert_allclose(found, [distances[i] for i in expected], atol=1e-3)
    picture = np.asarray(Image.open("near.png"))
    face = to_uint8(load_model("data/models/ae").decode(latents("ae", C)))[0]
    neighbour = Shards("data/shards").gather("train", [train.ids.index(rows[0]["neighbour"])])[0]
    for column, image in enumerate((face, neighbour)):
        left = 6 + column * (128 + 6)
        np.testing.assert_array_equal(picture[6:134, left : left + 128], image.repeat(8, axis=0).repeat(8, axis=1))


def test_nearest_to_every_row_of_a_table(here, capsys):
    z = latents("ae", A, B)
    write_table("my.csv", Latents(["x", "y"], ["", ""], z))
    run("nearest", "--table", "my.csv", "--model", "ae", "--count", "1")
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["id", "x", "y"]
    write_table("my.csv", Latents(["Lee, Ann", 'a "b"'], ["", ""], z))
    run("nearest", "--table", "my.csv", "--model", "ae", "--count", "2")
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert [row[0] for row in rows] == ["id", "Lee, Ann", "Lee, Ann", 'a "b"', 'a "b"']
    assert all(len(row) == 3 for row in rows)
    assert "name ids, or a --table" in fails(capsys, "nearest", "--model", "ae")
    assert "use .png" in fails(capsys, "nearest", A, "--model", "ae", "-o", "a.gif")
    assert "train.csv: No such file" in fails(capsys, "nearest", A, "--model", "gan", "--latents", "none")


def photos(folder, name, wanted, count):
    """PNGs of training faces that have (1) or lack (0) an attribute."""
    shards = Shards("data/shards")
    labels = shards.attributes("train")[name].to_numpy()
    (folder / str(wanted)).mkdir()
    for i, image in enumerate(shards.gather("train", np.flatnonzero(labels == wanted)[:count])):
        Image.fromarray(image).save(folder / str(wanted) / f"{i}.png")
    return folder / str(wanted)


def test_directions_of_two_folders_of_photos_can_be_added(here, capsys):
    shutil.copytree("data/models/ae", "models/ae")
    framing = {"image_shape": [16, 16, 3], "crop": "none", "eyes": None, "max_pixels": 10**6}  # as preprocess records
    write_sealed("models/ae/model.json", read_json("models/ae/model.json") | {"framing": framing})
    having, lacking = (photos(here, "Bright", wanted, 6) for wanted in (1, 0))
    run("directions", "--model", "models/ae", "--with", having, "--without", lacking, "--name", "Shine",
        "--latents", "data/latents/ae", "-o", "my.csv")  # fmt: skip
    assert "Shine, mean_difference: 6 with, 6 without, cross-validated AUC 1.000" in capsys.readouterr().out
    shards, found = Shards("data/shards"), read_directions("my.csv", 4)
    labels, z = shards.attributes("train")["Bright"].to_numpy(), read_latents("data/latents/ae/train.csv").z
    expected = z[labels == 1][:6].mean(0) - z[labels == 0][:6].mean(0)
    np.testing.assert_allclose(found.vectors[0], expected, rtol=1e-3, atol=1e-3)
    table = "data/latents/ae/test.csv"
    run("edit", table, "--model", "ae", "--directions", "my.csv", "--add", "Shine=1", "-o", "e.csv")
    np.testing.assert_allclose(read_latents("e.csv").z, read_latents(table).z + found.vectors[0],
                               rtol=1e-4, atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("name", ["z1", "PC 2", "id"])
def test_a_direction_has_no_name_of_a_column(here, capsys, name):
    said = fails(capsys, "directions", "--model", "ae", "--with", "a", "--without", "b", "--name", name, "-o", "my.csv")
    assert f"--name {name}: no direction can be called so: tables of l" in said
    assert not (here / "my.csv").exists()


def test_directions_of_the_users_labels(here, capsys):
    ids = Shards("data/shards").attributes("train").index
    bright = Shards("data/shards").attributes("train")["Bright"]
    lines = ["id,Shiny,Rare", *(f"{name},{int(bright[name])},{int(i == 0)}" for i, name in enumerate(ids[:50]))]
    (here / "labels.csv").write_text("\n".join(lines) + "\n")
    run("directions", "--model", "vae", "--labels", "labels.csv", "-o", "my.csv")
    said = capsys.readouterr().out
    assert "no direction for Rare: 1 positives and 49 negatives" in said
    found = read_directions("my.csv", 4)
    assert found.names == ["Shiny"] * 4 and found.methods == list(METHODS)
    assert (found.auc > 0.6).all() and (found.n_pos + found.n_neg == 50).all()


@pytest.mark.parametrize("arguments, message", [
    ([], "where from?"), (["--with", "a", "--labels", "b.csv"], "where from?"),
    (["--with", "a"], "photos need all of --with, --without and --name"),
    (["--labels", "none.csv"], "none.csv: No such file"),
    (["--labels", "text.csv"], "no column of 0 and 1"), (["--labels", "few.csv"], "no direction for Few: 1 positives"),
    (["--labels", "text.csv", "--method", "logisitc"], "no method 'logisitc'; did you mean logistic?"),
    (["--labels", "text.csv", "-o", "my.parquet"], "directions are written as .csv"),
])  # fmt: skip
def test_directions_wrong(here, capsys, arguments, message):
    for name, column, value in (("text", "note", lambda row: row + 0.5), ("few", "Few", lambda row: int(row == 1))):
        rows = [f"{id},{value(row)}" for row, id in enumerate(Shards("data/shards").ids("train"))]
        (here / f"{name}.csv").write_text("\n".join([f"id,{column}", *rows]) + "\n")
    assert message in fails(capsys, "directions", "--model", "vae", "-o", "my.csv", *arguments)
