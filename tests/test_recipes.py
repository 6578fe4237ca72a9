"""facepipe recipe: what it writes, what it keeps, and what it says of wrong input."""

import re
import shutil

import pytest
import yaml

from facepipe.cli import main
from facepipe.config import load_params
from facepipe.recipes import list_recipes
from tests.conftest import ROOT

NAMES = ("demo", "faces", "gpu", "s0", "s1-bce", "s1-mse", "s2", "s3-accuracy", "s3-decay", "s3-ratio", "s4")


@pytest.fixture
def here(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipe(*arguments):
    assert main(["recipe", *arguments]) == 0


def fails(capsys, here, *arguments):
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert main(["recipe", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert before == {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    return captured.err


def test_the_list_says_what_each_is_for_and_costs(here, capsys):
    recipe("--list")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(NAMES) == list(list_recipes())
    for name, said in list_recipes().items():
        assert len(said) >= 2 and "PFLOP" in " ".join(said), name


def test_the_committed_file_is_the_demo(here, capsys):
    before = (here / "params.yaml").read_bytes()
    recipe("demo")
    assert capsys.readouterr().out == "params.yaml is the recipe demo already\n"
    assert (here / "params.yaml").read_bytes() == before


@pytest.mark.parametrize("name", NAMES[1:])
def test_there_and_back(name, here, capsys):
    before = (here / "params.yaml").read_text()
    (here / "params.yaml").write_text(before.replace("  seed: 0\n  precision", "  seed: 7   # mine\n  precision"))
    before, params = (here / "params.yaml").read_text(), load_params()
    recipe(name)
    said, after = capsys.readouterr().out, (here / "params.yaml").read_text()
    assert re.search(r"^dataset.name: synthetic -> (celeba|lfw|utkface|yearbook)$", said, re.MULTILINE)
    assert ("train_ae.images: null -> " in said) == (name in ("faces", "gpu"))
    assert load_params() != params and load_params().train.seed == 7
    # every comment and every key is where it was, and only lines that were named have changed
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert [a.partition("#")[2] for a, _ in pairs] == [b.partition("#")[2] for _, b in pairs]
    assert sum(a != b for a, b in pairs) == len(said.splitlines())
    recipe(name)
    assert capsys.readouterr().out == f"params.yaml is the recipe {name} already\n"
    other = next(each for each in NAMES[1:] if each != name)
    recipe(other)
    recipe("demo")
    assert (here / "params.yaml").read_text() == before, "no recipe leaves a trace"


def test_the_demo_has_all_that_recipes_change():
    from facepipe.config import leaves, read_sections

    keys = {}
    for name in NAMES:
        path = ROOT / "recipes" / f"{name}.yaml"
        keys[name] = {place for place, _ in leaves(read_sections(path.read_text(), path), path)}
    budgets = {(f"train_{name}", key) for name in ("ae", "vae", "gan", "inverter") for key in ("epochs", "minutes")}
    assert set().union(*(keys[name] for name in NAMES[1:])) | budgets == keys["demo"]


def test_ones_own_values_stay_and_those_of_another_recipe_do_not(here, capsys):
    text = (here / "params.yaml").read_text()
    text = text.replace("  crop: default ", "  crop: align ").replace("  loss: mse ", "  loss: l1 ", 1)
    (here / "params.yaml").write_text(text)
    recipe("s2")
    assert "train_vae.loss: gaussian -> mse\n" in capsys.readouterr().out
    recipe("faces")
    params = load_params()
    assert params.preprocess.crop == "align" and params.train_ae.loss == "l1"
    assert params.train_vae.loss == "gaussian" and params.models == ("ae", "vae", "gan")
    recipe("demo")
    assert load_params().preprocess.crop == "default" and load_params().train_ae.loss == "mse"


def test_ones_own_files_stay(here, capsys):
    text = (here / "params.yaml").read_text()
    text = text.replace("name: synthetic ", "name: folder ").replace("archive: null", "archive: mine")
    (here / "params.yaml").write_text(text)
    recipe("faces")
    assert load_params().dataset.name == "folder" and load_params().dataset.archive == "mine"
    assert "dataset.name is kept: folder\n" in capsys.readouterr().out


def test_of_photographs_the_data_set_stays_and_demo_leads_back(here, capsys):
    text = (here / "params.yaml").read_text()
    (here / "params.yaml").write_text(text.replace("name: synthetic ", "name: lfw "))
    recipe("faces")
    assert load_params().dataset.name == "lfw"
    assert "dataset.name is kept: lfw\n" in capsys.readouterr().out
    recipe("demo")
    assert load_params().dataset.name == "synthetic" and "kept" not in capsys.readouterr().out


def test_line_ends_and_links_stay(here, tmp_path):
    text = (here / "params.yaml").read_bytes()
    crlf = text.replace(b"\n", b"\r\n")
    elsewhere = tmp_path / "mine.yaml"
    elsewhere.write_bytes(crlf)
    (here / "params.yaml").unlink()
    (here / "params.yaml").symlink_to(elsewhere)
    recipe("faces")
    assert (here / "params.yaml").is_symlink() and elsewhere.read_bytes().count(
        b"\r\n"
    ) == elsewhere.read_bytes().count(b"\n")
    assert load_params().dataset.name == "celeba"
    recipe("demo")
    assert elsewhere.read_bytes() == crlf


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("  grid_every: 1\n", "  grid_every: &one 1\n  patience: *one\n", "has aliases (*name)"),
        ("  epochs: 16  ", "  epochs:\n    # mine\n    16 ", "has a comment within a value"),
        (
            "  widths: auto  ",
            "  widths:  # mine\n    - 32\n    - 64\n    - 128\n  # more  ",
            "has a comment within a value",
        ),
    ],
)
def test_what_would_be_lost_is_refused(old, new, said, here, capsys):
    text = (here / "params.yaml").read_text()
    assert old in text
    (here / "params.yaml").write_text(text.replace("  patience: null ", "  # ", 1).replace(old, new, 1))
    load_params()
    assert f"params.yaml: {said}, which a recipe cannot change without loss" in fails(capsys, here, "gpu")


@pytest.mark.parametrize(
    "old, new",
    [
        ("  epochs: 16 ", "  epochs : 16 "),
        ("  epochs: 16 ", '  "epochs"  : 16 '),
        ("  batch_size: 16\n", "  ? batch_size\n  : 16\n"),
    ],
)
def test_keys_in_unusual_dress(old, new, here):
    text = (here / "params.yaml").read_text()
    assert old in text
    (here / "params.yaml").write_text(text.replace(old, new, 1))
    recipe("gpu")
    recipe("demo")
    assert load_params().train_ae.epochs == 16 and load_params().train_ae.batch_size == 16


def test_a_trailing_comma_is_added_to_or_refused(here, capsys):
    text = (here / "params.yaml").read_text()
    head, tail = text.index("\nevaluate:"), text.index("\nrender_reports:")
    (here / "params.yaml").write_text(text[:head] + "\nevaluate: {extractor: mtcnn,}" + text[tail:])
    assert "is laid out in an unusual way" in fails(capsys, here, "gpu")


@pytest.mark.parametrize("name", ["ae", "vae", "gan", "inverter"])
@pytest.mark.parametrize("budget", ["epochs", "images", "minutes"])
def test_whatever_the_budget_was(name, budget, here):
    text = (here / "params.yaml").read_text()
    head, section = text.split(f"\ntrain_{name}:", 1)
    for key in ("epochs", "images", "minutes"):
        section = re.sub(rf"\n  {key}: \w+", f"\n  {key}: {5 if key == budget else 'null'}", section, count=1)
    (here / "params.yaml").write_text(f"{head}\ntrain_{name}:{section}")
    assert getattr(getattr(load_params(), f"train_{name}"), budget) == 5
    recipe("gpu")
    recipe("demo")
    assert (here / "params.yaml").read_text() == text


def test_the_mode_stays(here):
    (here / "params.yaml").chmod(0o600)
    recipe("gpu")
    assert (here / "params.yaml").stat().st_mode & 0o777 == 0o600


def test_recipes_that_cannot_be_read(here, capsys):
    (here / "recipes" / "mine.yaml").write_bytes(b"# \xff")
    assert "recipes/mine.yaml: not valid YAML: not UTF-8 text" in fails(capsys, here, "gpu")
    (here / "recipes" / "mine.yaml").unlink()
    (here / "recipes" / "mine.yaml").mkdir()
    assert "recipes/mine.yaml: cannot be read (Is a directory)" in fails(capsys, here, "gpu")
    (here / "recipes" / "mine.yaml").rmdir()
    (here / "recipes" / "demo.yaml").unlink()
    assert "recipes/demo.yaml: not found; run from the project's top folder" in fails(capsys, here, "gpu")


def test_keys_and_sections_that_are_left_out(here, capsys):
    (here / "params.yaml").write_text(
        "models: [ae]\n\ndataset: {}\npreprocess:\n    # sizes\n    crop: center # mine\n\n# budgets\n"
        "train_ae: {epochs: 3}\n"
        "train_vae:\n  loss:\n    gaussian\n  epochs: 3\ntrain_gan: {images: 9}\ntrain_inverter: {images: 9}"
    )
    recipe("faces")
    assert "train_vae.batch_size: its default -> 32\n" in capsys.readouterr().out
    text, params = (here / "params.yaml").read_text(), load_params()
    assert "    # sizes\n    crop: center # mine\n\n# budgets\ntrain_ae: {epochs: null, " in text
    assert params.dataset.name == "celeba" and params.train_ae.images == params.train_vae.images == 250000
    assert params.evaluate.samples == 2000 and params.train_inverter.images == 60000


def test_ones_own_recipe(here, capsys):
    (here / "recipes" / "mix.yaml").write_text("# Two losses.\ntrain_ae:\n  loss: {mse: 1.0, ssim: 0.2}\n")
    recipe("mix")
    assert capsys.readouterr().out == "train_ae.loss: mse -> {mse: 1.0, ssim: 0.2}\n"
    assert "  loss: {mse: 1.0, ssim: 0.2}" in (here / "params.yaml").read_text()
    assert load_params().train_ae.loss == {"mse": 1.0, "ssim": 0.2}


@pytest.mark.parametrize(
    "text, said",
    [
        ("train_ea: {epochs: 3}", "recipes/mine.yaml: train_ea: unknown key; did you mean train_ae?"),
        ("train_ae: {epoch: 3}", "recipes/mine.yaml: train_ae.epoch: unknown key; did you mean epochs?"),
        ("train_ae: 3", "recipes/mine.yaml: train_ae: should have keys of its own (got 3)"),
        ("train_ae: {epochs: -3}", "params.yaml with recipes/mine.yaml: train_ae.epochs: should be greater than"),
        ("train_ae: {images: 3}", "train_ae: set exactly one of epochs, images and minutes, the others to null"),
        ("train_ae: {epochs: [", "recipes/mine.yaml: line 1: not valid YAML"),
        ("", "recipes/mine.yaml: expected sections"),
    ],
)
def test_a_wrong_recipe(text, said, here, capsys):
    (here / "recipes" / "mine.yaml").write_text(text)
    assert said in fails(capsys, here, "mine")


def test_wrong_words_and_places(here, capsys, monkeypatch):
    assert "no recipe face; did you mean faces?" in fails(capsys, here, "face")
    assert "no recipe x; there are demo, faces, gpu, s0, " in fails(capsys, here, "x")
    assert "name one of demo, faces, gpu, s0, s1-bce, s1-mse, s2, s3-accuracy, s3-decay, s3-ratio, s4, or use" in fails(
        capsys, here
    )
    (here / "params.yaml").write_text("train_ea: {}")
    assert "params.yaml: train_ea: unknown key" in fails(capsys, here, "faces")
    (here / "params.yaml").unlink()
    assert "params.yaml: not found; run from the project's top folder" in fails(capsys, here, "faces")
    shutil.rmtree(here / "recipes")
    assert "recipes/demo.yaml: not found; run from the project's top folder" in fails(capsys, here, "faces")


def test_what_is_written_is_yaml_for_dvc_as_well(here):
    recipe("gpu")
    raw = yaml.safe_load((here / "params.yaml").read_text())
    assert raw["train_vae"]["epochs"] is None and raw["preprocess"]["image_size"] == [128, 128]
