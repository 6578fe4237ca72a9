import copy
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from facepipe.core.pictures import enlarge, tile, to_uint8
from facepipe.directions.table import read_directions
from facepipe.errors import InputError
from facepipe.latents.pca import load_pca
from facepipe.latents.table import Latents, read_latents, write_latents, write_table
from facepipe.models.residual import residual_edit
from facepipe.report import closest, grids
from facepipe.report.config import RenderReports
from facepipe.report.render import choose_attributes, read_edits, render_reports
from facepipe.shards.shards import Shards
from tests.standins import make_reports, make_world

PARAMS = RenderReports(columns=4, rows=2, interpolation_steps=5, strengths=(-1.0, 0.0, 2.0))


def run(folder, load, params=PARAMS, **options):
    return render_reports(
        params, models=folder / "models", latents=folder / "latents", directions=folder / "directions",
        edits=folder / "edits", shards=folder / "shards", report=folder / "reports", load=load, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    models, load = make_world(folder)
    make_reports(folder, load)
    return folder, models, load


@pytest.fixture
def world(base, tmp_path):
    source, models, load = base
    folder = tmp_path / "w"
    shutil.copytree(source, folder)
    (folder / "edits").mkdir()
    return folder, models, load


def grid(folder, name):
    return np.asarray(Image.open(folder / "reports" / "render_reports" / "grids" / f"{name}.png"))


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def find(picture, image):
    """Whether `image` (H, W, 3), enlarged four times as 16 px images are, lies somewhere in the grid."""
    small = image.repeat(4, axis=0).repeat(4, axis=1)
    height, width = small.shape[:2]
    corners = np.argwhere((picture[: -height + 1, : -width + 1] == small[0, 0]).all(axis=-1))
    return any((picture[y : y + height, x : x + width] == small).all() for y, x in corners)


def test_every_grid_is_made(world):
    folder, _, load = world
    metrics = run(folder, load)
    names = {path.stem for path in (folder / "reports" / "render_reports" / "grids").iterdir()}
    kinds = ("reconstructions", "worst", "nearest", "interpolations", "components", "samples", "edits")
    both = {f"{kind}_{m}" for kind in kinds for m in ("ae", "vae")} | {"samples_ae_density", "samples_vae_density"}
    assert names == both | {"samples_gan", "interpolations_gan", "nearest_gan"}
    assert metrics == {"grids": len(names), "edits": {}}
    assert not list((folder / "reports" / "edits").iterdir())
    assert (folder / "reports" / "index.html").read_text().startswith("<!doctype html>")


def test_grids_show_what_they_say(world):
    folder, models, load = world
    run(folder, load)
    shards = Shards(folder / "shards")
    shown = grids.test_images(models["vae"], shards, 4, PARAMS.seed)[0]
    decoded = to_uint8(models["vae"].decode(models["vae"].encode(shown)))
    picture = grid(folder, "reconstructions_vae")
    assert all(find(picture, image) for image in [*shown, *decoded])
    samples = to_uint8(models["gan"].decode(models["gan"].sample_latents(8, PARAMS.seed)))
    assert (grid(folder, "samples_gan") == tile(enlarge(samples, 4), 4)).all()
    assert (grid(folder, "samples_ae") != grid(folder, "samples_ae_density")).any()


def test_the_worst_reconstructions_are_shown(world):
    folder, models, load = world
    run(folder, load)
    images = Shards(folder / "shards").images("test")
    decoded = to_uint8(models["ae"].decode(models["ae"].encode(images)))
    errors = np.square(images / 255 - decoded / 255).mean(axis=(1, 2, 3))
    worst = np.argsort(-errors)[: PARAMS.columns]
    picture = grid(folder, "worst_ae")
    assert all(find(picture, image) for image in [*images[worst], *decoded[worst]])
    assert not find(picture, images[errors.argmin()])


def test_the_nearest_training_images_are_shown(world, monkeypatch):
    folder, models, load = world
    monkeypatch.setattr(closest, "BATCH", 50)
    run(folder, load)
    images = Shards(folder / "shards").images("train")
    faces = to_uint8(models["gan"].decode(models["gan"].sample_latents(8, PARAMS.seed)))[: PARAMS.columns]
    picture = grid(folder, "nearest_gan")
    for face in faces:
        nearest = images[np.square(images / 255 - face / 255).sum(axis=(1, 2, 3)).argmin()]
        assert find(picture, face) and find(picture, nearest)
    # a model that gives a training image back is found out
    copies = closest.nearest_grids({"gan": images[[7, 3]]}, Shards(folder / "shards"), PARAMS)["gan"]
    assert (copies[2:66, -66 * 2 : -2] == copies[68:132, -66 * 2 : -2]).all()


def test_interpolations_run_from_one_face_to_the_other(world):
    folder, models, load = world
    run(folder, load)
    shown = grids.test_images(models["ae"], Shards(folder / "shards"), 4, PARAMS.seed)[0]
    z = models["ae"].encode(shown)
    middle = to_uint8(models["ae"].decode((z[:1] + z[1:2]) / 2))
    picture = grid(folder, "interpolations_ae")
    assert find(picture, middle[0]) and all(find(picture, image) for image in shown)
    ends = to_uint8(models["gan"].decode(models["gan"].sample_latents(4, PARAMS.seed)))
    assert all(find(grid(folder, "interpolations_gan"), image) for image in ends)


def test_components_move_the_mean_face(world):
    folder, models, load = world
    run(folder, load)
    pca = load_pca(folder / "latents" / "vae" / "pca.npz")
    z = [pca.mean + strength * pca.sd[i] * pca.components[i] for i in range(2) for strength in (-3, 0, 1, 3)]
    picture = grid(folder, "components_vae")
    assert all(find(picture, face) for face in to_uint8(models["vae"].decode(np.float32(z))))
    # PARAMS.rows of the 6; samples of the prior have no components worth a look
    assert picture.shape[0] == 2 * (64 + 2) + 2 + 8 + grids.LABEL_SIZE
    assert not (folder / "reports" / "render_reports" / "grids" / "components_gan.png").exists()


def test_edits_move_a_face_that_lacks_the_attribute(world):
    folder, models, load = world
    run(folder, load)
    shards = Shards(folder / "shards")
    labels = shards.attributes("test")["Right"].to_numpy()
    face = grids._face_without(models["vae"], shards, "Right", PARAMS.seed)[0]
    row = next(i for i, image in enumerate(shards.images("test")) if (image == face[0]).all())
    assert labels[row] == 0
    directions = read_directions(folder / "directions" / "vae.csv")
    vector = directions.vectors[directions.names.index("Right")]
    moved = to_uint8(models["vae"].decode(models["vae"].encode(face) + np.float32(2) * vector))
    assert find(grid(folder, "edits_vae"), moved[0])
    # and the photograph with that change in it
    z = models["vae"].encode(face)
    edited = residual_edit(face, models["vae"].decode(z), models["vae"].decode(z + np.float32(2) * vector))
    assert find(grid(folder, "edits_vae"), to_uint8(edited)[0])
    # the disc, which is brighter than the ground, moves to the right
    before = to_uint8(models["vae"].decode(models["vae"].encode(face)))[0]
    weight = np.arange(16)[None, :, None]
    assert (moved[0] * weight).sum() / moved[0].sum() > (before * weight).sum() / before.sum()


def test_user_edits_are_decoded(world, capsys):
    folder, models, load = world
    z = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)
    write_latents(folder / "edits" / "vae-smile.csv", ["a", "b", "c"], "test", z)
    write_latents(folder / "edits" / "GAN_2.csv", ["x"], "", z[:1])
    (folder / "edits" / "README.md").write_text("not a table")
    stale = folder / "reports" / "edits" / "ae-old" / "grid.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    assert run(folder, load)["edits"] == {"GAN_2": 1, "vae-smile": 3}
    assert f"render_reports: {folder}/edits: GAN_2.csv (1 face), vae-smile.csv (3 faces)\n" in capsys.readouterr().out
    out = folder / "reports" / "edits"
    assert sorted(p.name for p in out.iterdir()) == ["GAN_2", "vae-smile"]
    assert sorted(p.name for p in (out / "vae-smile").iterdir()) == ["a.png", "b.png", "c.png", "grid.png"]
    expected = to_uint8(models["vae"].decode(z[1:2]))[0]
    assert (np.asarray(Image.open(out / "vae-smile" / "b.png")) == expected).all()
    page = (folder / "reports" / "index.html").read_text()
    assert 'alt="vae-smile: 3 faces"' in page and 'alt="GAN_2: 1 face"' in page


def test_edits_of_every_kind_and_a_comparison_of_known_faces(world, capsys):
    folder, models, load = world
    shards, z = Shards(folder / "shards"), read_latents(folder / "latents" / "vae" / "test.csv")
    pca = load_pca(folder / "latents" / "vae" / "pca.npz")
    write_latents(folder / "edits" / "vae-pc.tsv", z.ids[:2], "", pca.project(z.z[:2]), form="pc")
    (folder / "edits" / "ae-one.txt").write_text("0\n" * 5 + "99\n")
    write_table(folder / "edits" / "vae-known.csv", Latents(["x", z.ids[4]], ["", ""], z.z[3:5]))
    text = (folder / "edits" / "vae-known.csv").read_text().replace(",", ";").replace(".", ",").replace(",png", ".png")
    (folder / "edits" / "vae-known.csv").write_text(text, encoding="utf-16")
    assert run(folder, load)["edits"] == {"ae-one": 1, "vae-known": 2, "vae-pc": 2}
    out = folder / "reports" / "edits"
    names = {p.name: sorted(q.name for q in p.iterdir()) for p in out.iterdir()}
    assert names["vae-known"] == ["compare.png", "grid.png", z.ids[4], "x.png"] and names["ae-one"] == [
        "ae-one.png",
        "grid.png",
    ]
    compared = np.asarray(Image.open(out / "vae-known" / "compare.png"))
    assert find(compared, shards.images("test")[4]) and find(compared, to_uint8(models["vae"].decode(z.z[4:5]))[0])
    exact = to_uint8(models["vae"].decode(z.z[:2]))
    made = np.stack([np.asarray(Image.open(out / "vae-pc" / name)) for name in z.ids[:2]])
    assert np.abs(made.astype(int) - exact).max() <= 1
    page = (folder / "reports" / "index.html").read_text()
    assert 'alt="vae-known: 2 faces"' in page and 'alt="vae-known: what became of the photographs"' in page
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "render_reports: warning: " in err and "column z005: 99 is far outside" in err


def test_equal_input_gives_equal_bytes(world):
    folder, _, load = world
    run(folder, load)
    first = files(folder / "reports")
    run(folder, load)
    assert files(folder / "reports") == first


BAD_EDITS = {
    "smile.csv": ("id,z000\na,1\n", "begin the name with that of its model"),
    "vaex.csv": ("id,z000\na,1\n", "begin the name with that of its model"),
    "vae.csv": ("id,z000\na,1\n", "has 1 latent columns, model vae has 6"),
    "ae-1.csv": ("id," + ",".join(f"z{i:03d}" for i in range(6)) + "\n../a,1,2,3,4,5,6\n", "row 2, column id"),
    "gan-x.csv": ("id," + ",".join(f"z{i:03d}" for i in range(6)) + "\na,1,2,nan,4,5,6\n", "row 2, column z002"),
}


@pytest.mark.parametrize("name", BAD_EDITS)
def test_bad_edits_are_named_before_anything_is_written(world, name):
    folder, _, load = world
    text, message = BAD_EDITS[name]
    write_latents(folder / "edits" / "ae-good.csv", ["a"], "", np.zeros((1, 6), np.float32))
    (folder / "edits" / name).write_text(text)
    before = files(folder)
    with pytest.raises(InputError, match=message) as caught:
        run(folder, load)
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert files(folder) == before


@pytest.mark.parametrize(("name", "message"), [
    ("vae-smile.csv", "vae-smile.csv: vae is not among the models of params.yaml; add it there or move this file"),
    ("smile.csv", "begin the name with that of its model, such as ae-smile.csv (ae or gan)"),
])  # fmt: skip
def test_edits_for_a_model_that_is_not_wanted(world, name, message):
    folder, _, load = world
    write_latents(folder / "edits" / name, ["a"], "", np.zeros((1, 6), np.float32))
    before = files(folder)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        run(folder, load, wanted=("gan", "ae"))
    assert "\n" not in str(caught.value) and files(folder) == before


def test_only_the_wanted_models_are_rendered(world):
    folder, _, load = world
    shutil.rmtree(folder / "latents" / "vae")
    (folder / "directions" / "vae.csv").write_text("broken")
    assert run(folder, load, wanted=("ae",))["grids"] == 8
    names = {path.stem for path in (folder / "reports" / "render_reports" / "grids").iterdir()}
    kinds = ("reconstructions", "worst", "nearest", "interpolations", "components", "samples", "edits")
    assert names == {f"{kind}_ae" for kind in kinds} | {"samples_ae_density"}


def test_two_edits_for_one_folder(world):
    folder, *_ = world
    for name in ("vae-a.csv", "VAE-A.csv"):
        write_latents(folder / "edits" / name, ["a"], "", np.zeros((1, 6), np.float32))
    if len(list((folder / "edits").iterdir())) == 1:
        pytest.skip("this file system ignores case")
    with pytest.raises(InputError, match="decodes to the same folder"):
        read_edits(folder / "edits", folder / "latents")


def test_what_is_no_table_among_the_edits_is_said(world, capsys):
    folder, _, load = world
    run(folder, load)
    assert f"render_reports: {folder}/edits: no tables\n" in capsys.readouterr().out
    (folder / "edits" / "vae.xlsx").write_bytes(b"PK")
    run(folder, load)
    line = f"{folder}/edits: no tables; left alone, not of .csv, .tsv, .txt, .parquet: vae.xlsx\n"
    assert line in capsys.readouterr().out


def test_no_edits_folder_is_no_edits(tmp_path):
    assert read_edits(tmp_path / "none", tmp_path) == {}


def test_attributes_by_auc_or_as_asked(world):
    folder, *_ = world
    found = {name: read_directions(folder / "directions" / f"{name}.csv").preferred() for name in ("ae", "vae")}
    auc = {n: sum(f.auc[f.names.index(n)] for f in found.values()) for n in found["ae"].names}
    assert choose_attributes(PARAMS, found) == sorted(auc, key=auc.get, reverse=True)
    assert len(choose_attributes(RenderReports(rows=1), found)) == 1
    asked = RenderReports(attributes=("Far_Right", "Right", "Far_Right"))
    assert choose_attributes(asked, found) == ["Far_Right", "Right"]
    with pytest.raises(InputError, match=r"^attributes: no direction for 'Rigth'; did you mean Right"):
        choose_attributes(RenderReports(attributes=("Rigth",)), found)


def test_without_directions_there_are_no_edit_grids(world):
    folder, _, load = world
    for name in ("ae", "vae"):
        for table in (f"directions/{name}.csv", f"reports/attribute_vectors/auc/{name}.csv"):
            (folder / table).write_text((folder / table).read_text().splitlines()[0] + "\n")
    run(folder, load)
    assert not list((folder / "reports" / "render_reports" / "grids").glob("edits_*"))
    assert "No attribute has a direction" in (folder / "reports" / "index.html").read_text()


def test_a_conditioned_model_is_told_the_labels(world):
    folder, models, _ = world
    model, told = copy.copy(models["vae"]), []
    model.condition_on = ("Right",)
    model.decode = lambda z, labels: told.append(np.array(labels)) or type(model).decode(model, z)
    count = run(folder, lambda path: model if path.name == "vae" else models[path.name])["grids"]
    assert count == len(list((folder / "reports" / "render_reports" / "grids").iterdir()))
    assert grid(folder, "conditions_vae").shape[0] > 3 * 64, "without, with, unknown"
    assert "The same latents (columns) under each combination" in (folder / "reports" / "index.html").read_text()
    shards = Shards(folder / "shards")
    own = [grids.test_images(model, shards, count, PARAMS.seed)[1] for count in (4, 4)]
    labels = np.concatenate([part.ravel() for part in told])
    assert {0, 0.25, 0.5, 0.75, 1} >= set(labels[~np.isnan(labels)])
    # a row of the conditions, and two rows of 7 faces along components
    assert np.isnan(labels).sum() == PARAMS.columns + 2 * 7
    assert any(part.shape == own[0].shape and (part == own[0]).all() for part in told), "reconstructions"
    # the last ones are edits, of one face each
    assert (told[-1] == told[-1][0]).all() and len(told[-1]) == 3


def test_real_models_render(tiny_models, tiny_shards, tmp_path):
    from facepipe.core.files import write_facts
    from facepipe.directions.attribute_vectors import attribute_vectors
    from facepipe.directions.config import AttributeVectors
    from facepipe.latents.config import ExportLatents
    from facepipe.metrics.config import Evaluate
    from facepipe.metrics.evaluate import evaluate
    from facepipe.preprocess.explore import explore
    from tests.trainings import export_all

    shutil.copytree(tiny_models.parent / "reports", tmp_path / "reports")
    latents, directions, report = tmp_path / "latents", tmp_path / "directions", tmp_path / "reports"
    explore(tiny_shards, report / "preprocess")
    export_all(ExportLatents(components=2, gan_samples=5), tiny_models, tiny_shards, latents)
    attribute_vectors(AttributeVectors(min_examples=5), tiny_shards, latents, directions, report / "attribute_vectors")
    params = Evaluate(samples=40, kid_subsets=3, kid_subset_size=20, neighbours=3)
    metrics = evaluate(params, tiny_models, latents, tiny_shards, report / "evaluate")
    assert 0 <= metrics["gan"]["face_score_mtcnn_n40"] <= 1
    for name in ("ae", "vae", "gan"):
        write_facts(report / f"train_{name}" / "facts.csv", {name: {"parameters": 1, "best_epoch": 2}})
    (tmp_path / "edits").mkdir()
    shutil.copy(latents / "gan" / "sample.csv", tmp_path / "edits" / "gan.csv")
    shutil.copy(latents / "vae" / "test.pca.csv", tmp_path / "edits" / "vae.csv")
    rendered = render_reports(PARAMS, tiny_models, latents, directions, tmp_path / "edits", tiny_shards, report)
    assert rendered["edits"] == {"gan": 5, "vae": 32} and rendered["grids"] == 24
