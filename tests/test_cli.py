import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.api.model_folder import ModelFolder
from facepipe.cli import main
from facepipe.core.files import write_json
from facepipe.core.pictures import to_uint8
from facepipe.errors import InputError
from facepipe.latents.table import read_latents, write_latents

COMMAND = [sys.executable, "-m", "facepipe", "decode"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "edit.csv"
    write_latents(path, ["a", "b", "c"], "test", np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))
    return path


@pytest.fixture
def models(tmp_path):
    """Folders that look like models, for what is checked before TensorFlow is imported."""
    for name in ("ae", "gan", "vae"):
        (tmp_path / "models" / name).mkdir(parents=True)
        info = {"version": 1, "model": name, "spec": {"latent_dim": 4}, "networks": []}
        write_json(tmp_path / "models" / name / "model.json", info)
    return tmp_path / "models"


def fails(capsys, *arguments):
    """The one line on stderr of a command that ends with 2."""
    assert main(["decode", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and captured.err.startswith("facepipe: ")
    return captured.err


def test_help_has_an_example_and_imports_nothing_slow(tmp_path):
    for slow in ("tensorflow", "sklearn", "scipy"):
        (tmp_path / f"{slow}.py").write_text("raise SystemExit('imported')")  # python -m looks here first
    text = subprocess.check_output([*COMMAND, "--help"], text=True, env=ENVIRONMENT, cwd=tmp_path)
    assert "facepipe decode data/latents/vae/test.csv --model vae -o faces" in text


def test_a_wrong_table_is_refused_before_tensorflow_is_imported(tmp_path):
    (tmp_path / "edit.csv").write_text("id,z000\na,1\nb,x\n")
    info = {"version": 1, "model": "vae", "spec": {"latent_dim": 1}, "networks": []}
    write_json(tmp_path / "data/models/vae/model.json", info)
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")  # python -m looks here first
    done = subprocess.run(
        [*COMMAND, "edit.csv", "--model", "vae", "-o", "faces"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "facepipe: edit.csv: row 3, column z000: 'x' is not a number\n"
    assert sorted(os.listdir(tmp_path)) == ["data", "edit.csv", "tensorflow.py"]


def test_unknown_model(table, models, tmp_path, capsys):
    message = fails(capsys, table, "--model", "vea", "-o", tmp_path / "out", "--models", models)
    assert "no model 'vea'; did you mean vae?; " in message and message.endswith("models has ae, gan, vae\n")
    message = fails(capsys, table, "--model", "vae", "-o", tmp_path / "out", "--models", tmp_path / "none")
    assert "has none; train them with `dvc repro`, or get them from a remote with `dvc pull`" in message
    assert not (tmp_path / "out").exists()


def test_a_model_by_name_or_by_path(models):
    assert ModelFolder.find("vae", models).folder == models / "vae"
    assert ModelFolder.find(str(models / "gan"), "elsewhere").folder == models / "gan"
    with pytest.raises(InputError):
        ModelFolder.find(str(models), "elsewhere")


def test_output_that_cannot_be_a_folder(table, models, capsys):
    assert f"{table}: is a file" in fails(capsys, table, "--model", "vae", "-o", table, "--models", models)
    assert "is a file" in fails(capsys, table, "--model", "vae", "-o", table / "below", "--models", models)


def test_a_model_that_is_none(table, models, tmp_path, capsys):
    write_json(models / "vae/model.json", {})
    message = fails(capsys, table, "--model", "vae", "-o", tmp_path / "out", "--models", models)
    assert "model.json: not a facepipe model" in message


def test_file_name_with_a_line_end_is_still_one_line(models, tmp_path, capsys):
    path = tmp_path / "a\nb.csv"
    assert "No such file" in fails(capsys, path, "--model", "vae", "-o", tmp_path / "out", "--models", models)


@pytest.mark.parametrize("columns", ["0", "-1", "x", "1.5"])
def test_columns_is_a_count(columns, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["decode", "e.csv", "--model", "vae", "-o", "out", "--columns", columns])
    assert caught.value.code == 2
    assert f"'{columns}' is not a whole number above 0" in capsys.readouterr().err


def test_ctrl_c(table, models, tmp_path, capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("facepipe.models.load.load_model", interrupt)
    assert main(["decode", str(table), "--model", "vae", "-o", str(tmp_path / "out"), "--models", str(models)]) == 130
    assert capsys.readouterr().err == "facepipe: stopped\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_decode_gives_the_models_own_pictures(table, tiny_models, tmp_path, capsys, name):
    from facepipe.models.load import load_model

    out = tmp_path / "faces"
    assert main(["decode", str(table), "--model", name, "-o", str(out), "--models", str(tiny_models)]) == 0
    assert capsys.readouterr().out == f"3 faces, grid.png and sheet.png in {out}\n"
    assert sorted(os.listdir(out)) == ["a.png", "b.png", "c.png", "grid.png", "sheet.png"]
    expected = to_uint8(load_model(tiny_models / name).decode(read_latents(table).z))
    for row, picture in zip(expected, "abc", strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(out / f"{picture}.png")), row)


def test_exported_latents_decode_to_the_models_reconstructions(tiny_models, tiny_shards, tmp_path):
    from facepipe.latents.config import ExportLatents
    from facepipe.models.load import load_model
    from facepipe.shards.shards import Shards
    from tests.trainings import export_all

    params = ExportLatents(components=2, gan_samples=5)
    metrics = export_all(params, tiny_models, tiny_shards, tmp_path / "latents")
    assert metrics["vae"] == {"latents": 160, "dimensions": 4, "dead": 0} and metrics["gan"] == metrics["vae"]
    assert len(read_latents(tmp_path / "latents/gan/sample.csv").ids) == 5
    assert main(["decode", str(tmp_path / "latents/vae/test.csv"), "--model", str(tiny_models / "vae"),
                 "-o", str(tmp_path / "faces"), "--columns", "8"]) == 0  # fmt: skip
    model, shards = load_model(tiny_models / "vae"), Shards(tiny_shards)
    expected = to_uint8(model.decode(model.encode(shards.images("test"))))
    for row, name in zip(expected, shards.ids("test"), strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "faces" / name)), row)
    assert Image.open(tmp_path / "faces/grid.png").size == (8 * 18 + 2, 4 * 18 + 2)


@pytest.fixture(scope="module")
def workspace(tiny_models, tiny_shards, tmp_path_factory):
    """A folder as after `dvc repro`: data/models, data/latents, data/shards."""
    from facepipe.latents.config import ExportLatents
    from tests.trainings import export_all

    data = tmp_path_factory.mktemp("workspace") / "data"
    data.mkdir()
    for name, folder in (("models", tiny_models), ("shards", tiny_shards)):
        (data / name).symlink_to(folder)
    export_all(ExportLatents(components=2, gan_samples=5), tiny_models, tiny_shards, data / "latents")
    return data.parent


@pytest.mark.parametrize("name", ["ae", "vae", "gan"])
def test_every_exported_row_decodes_to_the_models_picture(workspace, tmp_path, monkeypatch, name):
    """Byte for byte from the latents, within a gray level from their principal components."""
    from facepipe.models.load import load_model
    from facepipe.shards.shards import Shards

    monkeypatch.chdir(workspace)
    model, shards = load_model(f"data/models/{name}"), Shards("data/shards")
    for split in ["sample"] if name == "gan" else shards.splits:
        z = model.sample_latents(5, 0) if name == "gan" else model.encode(shards.images(split))
        expected = to_uint8(model.decode(z))
        for form, most in (("", 0), (".pca", 1)):
            out = tmp_path / f"{split}{form}"
            table = f"data/latents/{name}/{split}{form}.csv"
            assert main(["decode", table, "--model", name, "-o", str(out)]) == 0
            made = sorted(out.glob(f"{'gan' if name == 'gan' else split}-*.png"))
            pictures = np.stack([np.asarray(Image.open(path)) for path in made])
            assert np.abs(pictures.astype(int) - expected).max() <= most


def test_base_clip_sheet_and_compare(workspace, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    out, part = tmp_path / "out", tmp_path / "part.csv"
    part.write_text("id;z001\ntest-003.png;0,5\nmine;1e3\n")
    assert "--base ID` takes" in fails(capsys, part, "--model", "vae", "-o", out)
    assert "did you mean test-0" in fails(capsys, part, "--model", "vae", "-o", out, "--base", "test-03.png")
    command = ["decode", str(part), "--model", "vae", "-o", str(out), "--base", "test-003.png"]
    assert main([*command, "--compare"]) == 0
    said, warning = capsys.readouterr()
    assert said == f"2 faces, grid.png, sheet.png and compare.png in {out}\n"
    assert warning.startswith(f"facepipe: warning: {part}: row 3, column z001: 1000 is far outside ")
    assert sorted(os.listdir(out)) == ["compare.png", "grid.png", "mine.png", "sheet.png", "test-003.png"]
    # what is there of an earlier run is replaced, but not in silence; what is not made now stays
    (out / "mine.txt").write_text("notes")
    assert main([*command, "--clip", "--sheet"]) == 0
    said, warning = capsys.readouterr()
    replaced = ", ".join(str(out / name) for name in ("grid.png", "mine.png", "sheet.png", "test-003.png"))
    assert said == f"2 faces, grid.png and sheet.png in {out}\nreplaced {replaced}\n" and warning == ""
    assert (out / "mine.txt").read_text() == "notes" and (out / "compare.png").exists()
    part.write_text("id,z000,z001,z002,z003\nmine,1,1,1,1\n")
    message = fails(capsys, part, "--model", "vae", "-o", tmp_path / "other", "--compare")
    assert f"--compare: no id of {part} is both in data/shards and in data/latents/vae" in message
    assert not (tmp_path / "other").exists()


def test_one_edited_number_changes_only_that_row(table, tiny_models, tmp_path):
    def decode(out):
        main(["decode", str(table), "--model", "vae", "-o", str(tmp_path / out), "--models", str(tiny_models)])
        return {name: (tmp_path / out / name).read_bytes() for name in ("a.png", "b.png", "c.png")}

    before = decode("before")
    latents = read_latents(table)
    latents.z[1, 2] += 3
    write_latents(table, latents.ids, "test", latents.z)
    after = decode("after")
    assert {name for name in before if before[name] != after[name]} == {"b.png"}


def test_another_models_latents_and_plain_numbers(tiny_models, tmp_path, capsys):
    path = tmp_path / "face.txt"
    arguments = [path, "--model", "gan", "-o", tmp_path / "out", "--models", tiny_models]
    path.write_text("1\n2\n3\n")
    assert "has 3 latent columns, model gan has 4" in fails(capsys, *arguments)
    assert not (tmp_path / "out").exists()
    path.write_text("1\n2\n3\n0.5\n")
    assert main(["decode", *map(str, arguments)]) == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["face.png", "grid.png", "sheet.png"]
    assert capsys.readouterr().out == f"1 face, grid.png and sheet.png in {tmp_path / 'out'}\n"


def test_numbers_far_too_large_are_refused(tiny_models, tmp_path, capsys):
    path = tmp_path / "face.txt"
    path.write_text("3e38\n-3e38\n3e38\n-3e38\n")
    for name in ("ae", "vae", "gan"):
        message = fails(capsys, path, "--model", name, "-o", tmp_path / "out", "--models", tiny_models)
        assert "face.txt: 'face': decodes to NaN" in message
        assert not (tmp_path / "out").exists()


def test_the_reader_of_our_output_went_away(table, tiny_models, tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        arguments = [str(table), "--model", "vae", "-o", str(tmp_path / "out"), "--models", str(tiny_models)]
        done = subprocess.run([*COMMAND, *arguments], env=ENVIRONMENT, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
    assert (tmp_path / "out/grid.png").exists()


def test_the_version(tmp_path):
    """Of what pip installed, without any import that takes time."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, "-m", "facepipe", "--version"]
    said = subprocess.check_output(command, text=True, env=ENVIRONMENT, cwd=tmp_path)
    assert said == f"facepipe {version('facepipe')}\n"
    # python -S knows no installed packages, and what an editable install leaves lies beside the package
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "facepipe").symlink_to(Path(__file__).resolve().parent.parent / "facepipe")
    code = "from facepipe.cli import main; main(['--version'])"
    alone = {"cwd": tmp_path / "alone", "env": os.environ | {"PYTHONPATH": str(tmp_path / "alone")}}
    said = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, **alone)
    assert said.returncode == 0 and "not installed here" in said.stdout
