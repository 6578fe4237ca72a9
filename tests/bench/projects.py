"""Each earlier project and ours, trained with equal operations on the same photographs and judged alike.

    python -m tests.bench.projects --operations 0.015e15 --folder FOLDER [--only s0-ae faces-gan ...]

A row is a recipe and one of its models; `faces` is ours. The networks are facepipe's, with the recipe's sizes, latents,
loss, rates and schedule, but trained for as many images as the operations buy, by the pipeline's own count of
operations an image, and on the sample of CelebA for all. A schedule that the recipe counts in images shrinks with them;
the GAN of `faces` shares its operations with the autoencoder that it starts from. Each row has a process of its own and
is appended to FOLDER/projects.csv; what is there is not made again.

Recipes of other sizes get the photographs at their own size, in color or gray as they have it. What they make is judged
as a photograph would be: the data set's default crop of it, at 64x64 in RGB, against the same held-out photographs. The
rows `...-photographs` are training photographs on that way, and beside them the squared error of the held-out ones:
what a recipe's size alone costs.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from facepipe.config import check_params, read_sections, read_text
from facepipe.preprocess.images import padded_box, resize, to_array
from facepipe.recipes import apply_recipe
from tests.bench.experiment import SHEET, Judge, changed, prepare
from tests.bench.material import ROOT

SIDE, BATCH = 64, 250
OURS, PHOTOGRAPHS = "faces", "photographs"
# one thread, so that the process's own seconds on the CPU are those of its steps
CHANGES = {"evaluate.extractor": "dlib", "train.threads": 1}
# share of the operations of our GAN's row that trains the autoencoder which it starts from; as in the recipe
START = 0.25
# of the images: at most so many are warm-up, or the discriminator's alone
BEFORE = 0.1
COLUMNS = (
    "row", "operations", "size", "images", "parameters", "gflop_an_image", "images_per_second", "test_mse", "sampler",
    "kid_x1000", "sd", "precision", "recall", "density", "coverage", "sharpness",
)  # fmt: skip
HEADS = (
    "", "size", "images", "million parameters", "images/s", "test MSE", "random latents", "KID", "precision", "recall",
    "sharp",
)  # fmt: skip


class Row(NamedTuple):
    """A recipe's model `kind`, or its photographs.

    `samplers`: what latents of random faces are drawn from, first as the project has it: uniform in [0, 1], or "own":
    as facepipe stores it with the model. None drew random faces with s4.
    """

    recipe: str
    kind: str
    samplers: tuple = ("own",)


_ROWS = (
    Row(OURS, "ae"),
    Row("s0", "ae", ("uniform", "own")),
    Row("s1-mse", "ae", ("uniform", "own")),
    Row("s1-bce", "ae", ("uniform", "own")),
    Row("s4", "ae"),
    Row(OURS, "vae"),
    Row("s2", "vae"),
    Row(OURS, "gan"),
    Row("s3-ratio", "gan"),
    Row("s3-decay", "gan"),
    Row("s3-accuracy", "gan"),
    Row(OURS, PHOTOGRAPHS),
    Row("s1-mse", PHOTOGRAPHS),
    Row("s0", PHOTOGRAPHS),
    Row("s4", PHOTOGRAPHS),
)
ROWS = {f"{row.recipe}-{row.kind}": row for row in _ROWS}


def params_of(recipe, changes):
    """The `Params` of a recipe over params.yaml, with {dotted key: value} put in."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(shutil.copy(ROOT / "params.yaml", scratch))
        apply_recipe(recipe, path, ROOT / "recipes")
        raw = read_sections(read_text(path), path)
    return check_params(changed(raw, changes), f"recipe {recipe}")


def budget(section, kind, images, train_images):
    """What a section train_<kind> changes to so that it trains for about `images` images; {key: value}.

    Epochs are as long as the recipe's, or as near to it as whole ones allow.
    """
    size, steps = section.batch_size, max(1, round(images / section.batch_size))
    whole = section.images or section.epochs * (section.images_per_epoch or train_images)
    per_epoch = min(section.images_per_epoch or train_images, train_images)
    epochs = max(1, round(steps * size / per_epoch), -(-steps * size // train_images))
    per_epoch = steps // epochs * size
    made = {"epochs": None, "images": epochs * per_epoch, "images_per_epoch": per_epoch}
    made["grid_every"] = min(section.grid_every, epochs)
    if kind == "gan":
        made["discriminator_first"] = min(section.discriminator_first, int(BEFORE * images))
        made["schedule.decay_images"] = max(1, round(section.schedule.decay_images * images / whole))
    if kind == "vae":
        made["kl_warmup_images"] = min(section.kl_warmup_images, int(BEFORE * images))
    return made


def shards_of(folder, source, recipe, preprocess):
    """(the folder of the shards at a recipe's size, that of 64x64), made once."""
    plain = prepare(folder, "celeba", source)
    if recipe == OURS:
        return plain, plain
    (height, width), crop = preprocess.image_size, preprocess.crop
    out = folder / f"celeba-{height}x{width}x{preprocess.channels}-{crop}-shards"
    if not out.exists():
        from facepipe.preprocess.preprocess import preprocess as make

        make(preprocess, raw=folder / "celeba-raw", out=out)
    return out, plain


def default_box(shape, size, box):
    """Where an image of the whole picture (crop: none) shows a box of it.

    Args:
        shape: (height, width) of the image.
        size: (width, height) of the picture.
        box: (left, top, right, bottom), pixels of the picture.

    Returns:
        (left, top, right, bottom), floats, pixels of the image.
    """
    target = shape[1], shape[0]
    _, inner = padded_box(size, target)
    low = [(full - within) // 2 for full, within in zip(target, inner, strict=True)]
    return tuple(low[i % 2] + edge * inner[i % 2] / size[i % 2] for i, edge in enumerate(box))


def seen(images, box=None):
    """Images of a recipe as they are judged: uint8 (n, h, w, c) -> (n, 64, 64, 3); box: the part; None: all."""
    pictures = (Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image) for image in images)
    return np.stack([to_array(resize(picture, SIDE, SIDE, box), 3) for picture in pictures])


def operations_of(kind, shape, params, steps=None):
    """The pipeline's own count of the operations of training for one image, float; steps: of the training."""
    from facepipe.training.runtime import prepare as runtime
    from tests.bench.ours import default_task

    return default_task(kind, shape, params, runtime(params.train))[0].operations(steps)


def train(row, operations, shards):
    """Train the model of a `Row` into data/models; what there is to say of the training, {column: value}."""
    from facepipe.shards.shards import Shards

    data, images = Shards(shards), []
    parts = {row.kind: operations}
    if row.kind == "gan" and params_of(row.recipe, CHANGES).train_gan.init_from == "data/models/ae":
        parts = {"ae": START * operations, "gan": (1 - START) * operations}
    for kind, share in parts.items():
        params, steps = params_of(row.recipe, CHANGES), None
        section = getattr(params, f"train_{kind}")
        for _ in range(2):  # a decaying schedule's operations depend on how long it is
            each = operations_of(kind, data.image_shape, params, steps)
            made = budget(section, kind, share / each, data.count("train"))
            params = params_of(row.recipe, CHANGES | {f"train_{kind}.{key}": value for key, value in made.items()})
            steps = made["images"] // section.batch_size
        images.append(f"{made['images']:,}")
        print(f"{row.recipe} {kind}: {images[-1]} images, {each / 1e9:.3g} GFLOP each", flush=True)
        metrics, seconds = _timed(kind, params, shards)
    return {
        "images": " + ".join(images),
        "parameters": metrics["parameters"],
        "gflop_an_image": round(each / 1e9, 3),
        "images_per_second": round(section.batch_size / seconds, 1),
    }


def _timed(kind, params, shards):
    """Train; (metrics, seconds of this process's CPU time a step, without what is measured and drawn in between)."""
    from facepipe.models.ae.task import AETask
    from facepipe.models.gan.task import GANTask
    from facepipe.models.vae.task import VAETask
    from facepipe.training.session import train as session

    marks = []

    class Timed({"ae": AETask, "vae": VAETask, "gan": GANTask}[kind]):
        def after_step(self, logs):
            super().after_step(logs)
            marks.append(time.process_time())

    places = f"data/models/{kind}", f"reports/train_{kind}"
    metrics = session(Timed, params.train, getattr(params, f"train_{kind}"), shards, *places)
    steps = np.diff(marks)
    return metrics, steps[steps < 5 * np.median(steps)].mean()


def judged(row, judge, data, box):
    """Judge the model in data/models; rows {column: value}, one a sampler."""
    from facepipe.core.pictures import save_png, tile, to_uint8
    from facepipe.models.load import load_model
    from facepipe.networks.samplers import Uniform

    def decoded(z):
        parts = (z[start : start + BATCH] for start in range(0, len(z), BATCH))
        return np.concatenate([seen(to_uint8(model.decode(part)), box) for part in parts])

    model, found = load_model(f"data/models/{row.kind}"), {}
    test = judge.shards.images("test")
    if row.kind != "gan":
        made = decoded(model.encode(data.images("test")))
        found["test_mse"] = squared_error(made, test)
        pairs = np.stack([test[:32], made[:32]], 1).reshape(64, *test.shape[1:])
        save_png("reconstructed.png", tile(pairs, SHEET))
    for name in row.samplers:
        sampler = Uniform(model.latent_dim) if name == "uniform" else model.sampler
        images = decoded(sampler.sample(len(judge.images), 0))
        save_png(f"{sampler.name}.png", tile(images[: SHEET**2], SHEET))
        yield found | {"sampler": sampler.name} | scores(judge, images)


def squared_error(images, others):
    return round(float(np.square(images / 255.0 - others / 255.0).mean()), 5)


def scores(judge, images):
    names = "kid_x1000", "sd", "precision", "recall", "density", "coverage", "sharpness"
    return {name: round(float(value), 3) for name, value in zip(names, judge.scores(images), strict=True)}


def make(name, operations, folder, source, samples):
    """Train and judge a row, in this process; append it to the table."""
    from facepipe.quiet import import_tensorflow

    import_tensorflow(wrappers=False)
    from facepipe.shards.shards import Shards

    row = ROWS[name]
    params = params_of(row.recipe, CHANGES | {"evaluate.samples": samples})
    shards, plain = shards_of(folder, source, row.recipe, params.preprocess)
    work = folder / f"{operations:g}" / name
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    data, reference = Shards(shards), Shards(plain)
    box = None
    if params.preprocess.crop == "none":
        with open(plain / "ids.csv", newline="", encoding="utf-8") as file:
            first = {key: int(value) for key, value in next(csv.DictReader(file)).items() if value.isdigit()}
        size, edges = (first["width"], first["height"]), ("left", "top", "right", "bottom")
        box = default_box(data.image_shape, size, [first[edge] for edge in edges])
    common = {"row": name, "operations": f"{operations:g}", "size": "x".join(map(str, data.image_shape))}
    judge = Judge(folder, "celeba", reference, params.evaluate)
    if row.kind == PHOTOGRAPHS:
        rows = np.linspace(0, data.count("train") - 1, len(judge.images)).astype(int)
        error = squared_error(seen(data.images("test"), box), reference.images("test"))
        found = [{"test_mse": error} | scores(judge, seen(data.gather("train", rows), box))]
    else:
        common |= train(row, operations, shards)
        found = list(judged(row, judge, data, box))
    path = folder / "projects.csv"
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        writer.writerows(common | each for each in found)


def read(folder, operations):
    """The rows of the table that there are for these operations: list of dict."""
    path = folder / "projects.csv"
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["operations"] == f"{operations:g}"]


def markdown(rows):
    """Lines of a Markdown table of rows of projects.csv, in the order of `ROWS`."""
    lines = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    last = None
    for row in sorted(rows, key=lambda row: list(ROWS).index(row["row"])):
        again, last = row["row"] == last, row["row"]
        about = [row["row"], row["size"], row["images"], "", row["images_per_second"], row["test_mse"]]
        if row["parameters"]:
            about[3] = f"{int(row['parameters']) / 1e6:.2f}"
        names = "sampler", "kid_x1000", "precision", "recall", "sharpness"
        cells = [*([""] * len(about) if again else about), *(row[name] for name in names)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=float, default=0.015e15, help="of each row's training")
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--folder", type=Path, default=Path("/tmp/projects"))
    parser.add_argument("--source", type=Path, default=ROOT / "../shared/data", help="folder of the photographs")
    parser.add_argument("--samples", type=int, default=1000, help="faces judged, as many held-out photographs")
    parser.add_argument("--here", action="store_true", help="make the rows in this process")
    options = parser.parse_args()
    folder, source = options.folder.resolve(), options.source.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.here:
        for name in options.only:
            make(name, options.operations, folder, source, options.samples)
        return
    failed = []
    for name in options.only:
        if name in {row["row"] for row in read(folder, options.operations)}:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "tests.bench.projects", "--here", "--operations", str(options.operations)]
        command += ["--folder", str(folder), "--source", str(source), "--samples", str(options.samples), "--only", name]
        if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode:
            failed.append(name)
    print("\n".join(markdown(read(folder, options.operations))))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; the same command tries these again")


if __name__ == "__main__":
    main()
