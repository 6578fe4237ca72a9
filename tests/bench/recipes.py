"""What the trainings of each recipe cost, here and on a GPU: python -m tests.bench.recipes

Trains each network of each recipe for --seconds (10), in a process of its own, and multiplies by the recipe's images.
Operations are the pipeline's own count, as a training announces them. A GPU's minutes are computed, see
tests.bench.costs.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from facepipe.config import load_params
from facepipe.recipes import apply_recipe, list_recipes
from tests.bench.costs import GPU_FLOPS
from tests.bench.material import ROOT
from tests.bench.tables import table
from tests.bench.training import measure

KINDS = ("ae", "vae", "gan", "inverter")
# of the 6,000 synthetic faces, for the recipe whose budget is in epochs
TRAIN_IMAGES = 4800


def rows_of(name, seconds):
    """The rows of a recipe's table, lists of str; the last one is their sum."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(shutil.copy(ROOT / "params.yaml", scratch))
        apply_recipe(name, path, ROOT / "recipes")
        params = load_params(path)
        shape = (*params.preprocess.image_size, params.preprocess.channels)
        rows, sums = [], [0.0, 0.0, 0.0]
        for kind in KINDS:
            if kind not in params.trained:
                continue
            budget = getattr(params, f"train_{kind}")
            per_epoch = budget.images_per_epoch or TRAIN_IMAGES
            images = budget.images or budget.epochs * (per_epoch // budget.batch_size) * budget.batch_size
            options = {"params": str(path), "batch": None, "steps": None, "seconds": seconds}
            found = measure("ours", kind=kind, shape=shape, **options)
            work = images * found["operations"]
            each = work / 1e15, images / found["images_per_second"] / 60, work / GPU_FLOPS / 60
            sums = [total + value for total, value in zip(sums, each, strict=True)]
            speed = f"{found['operations'] / 1e9:.2g}", f"{found['images_per_second']:.0f}"
            rows.append([kind, f"{images:,}", *speed, *written(each)])
    return [*rows, ["together", "", "", "", *written(sums)]]


def written(numbers):
    return [f"{number:.2g}" if number < 100 else f"{number:.0f}" for number in numbers]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", nargs="*", help="names of recipes; default: all")
    options = parser.parse_args()
    found = measure("machine")
    print(f"{found['cpu']}, {found['threads']} threads, {found['precision']}, TensorFlow {found['tensorflow']}")
    heads = ["", "images", "GFLOP an image", "images/s", "PFLOP", "minutes", "minutes, GPU"]
    for name in options.only or list_recipes(ROOT / "recipes"):
        table(name, heads, rows_of(name, options.seconds))


if __name__ == "__main__":
    main()
