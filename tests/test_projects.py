"""The bench of the earlier projects: what of a picture is judged, how many images the operations buy."""

import io

import numpy as np
import pytest
from PIL import Image

from facepipe.preprocess.images import Framing, prepare
from tests.bench.projects import CHANGES, ROWS, budget, default_box, markdown, params_of, seen

SIZE, BOX = (89, 109), (8, 18, 82, 92)
CROP = tuple(edge / side for edge, side in zip(BOX, SIZE * 2, strict=True))
TRAIN = 8000


def picture():
    """A smooth picture with an edge, as PNG."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    image = np.stack([2 * x, y, 255 * (x > 40)], -1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("shape, crop", [((128, 128, 3), CROP), ((218, 178, 3), "none"), ((186, 171, 3), "none")])
def test_a_recipes_image_is_judged_where_the_default_crop_is(shape, crop):
    plain = prepare(picture(), Framing((64, 64, 3), CROP, 10**6))
    assert plain.box == BOX
    image = prepare(picture(), Framing(shape, crop, 10**6)).image
    box = default_box(shape, SIZE, BOX) if crop == "none" else None
    difference = np.abs(seen(image[None], box)[0].astype(int) - plain.image)
    # but at the edge, which was resized twice
    assert np.median(difference) == 0 and difference.mean() < 3
    moved = seen(np.roll(image, 4, 1)[None], box)[0].astype(int)
    assert np.abs(moved - plain.image).mean() > 2 * difference.mean()


def test_gray_is_judged_in_three_channels():
    assert seen(np.full((2, 20, 30, 1), 7, np.uint8)).shape == (2, 64, 64, 3)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.kind != "photographs"])
def test_the_budget_is_met(name):
    row = ROWS[name]
    section = getattr(params_of(row.recipe, CHANGES), f"train_{row.kind}")
    for images in (1, 300, 7_990, 50_000):
        made = budget(section, row.kind, images, TRAIN)
        params_of(row.recipe, {f"train_{row.kind}.{key}": value for key, value in made.items()})
        size, epochs = section.batch_size, made["images"] // made["images_per_epoch"]
        assert made["images"] == epochs * made["images_per_epoch"] and made["images_per_epoch"] % size == 0
        assert abs(made["images"] - max(size, images)) <= size * epochs
        assert size <= made["images_per_epoch"] <= TRAIN


def test_what_is_counted_in_images_shrinks():
    decay = budget(params_of("s3-decay", {}).train_gan, "gan", 50_000, TRAIN)
    assert decay["schedule.decay_images"] == 20_000, "200,000 of 500,000"
    first = params_of("faces", {}).train_gan.model_copy(update={"discriminator_first": 8000})
    assert budget(first, "gan", 30_000, TRAIN)["discriminator_first"] == 3000
    assert budget(params_of("faces", {}).train_vae, "vae", 30_000, TRAIN)["kl_warmup_images"] == 3000


def test_the_table():
    row = dict.fromkeys(("images_per_second", "precision", "recall", "sharpness"), "1") | {
        "row": "s0-ae", "size": "218x178x3", "images": "36,000", "parameters": "2500000", "test_mse": ".01",
        "sampler": "uniform", "kid_x1000": "7.7",
    }  # fmt: skip
    photographs = row | {"row": "faces-photographs", "parameters": "", "sampler": ""}
    lines = markdown([photographs, row, row | {"sampler": "mixture"}])
    assert lines[2] == "| s0-ae | 218x178x3 | 36,000 | 2.50 | 1 | .01 | uniform | 7.7 | 1 | 1 | 1 |"
    assert lines[3] == "|  |  |  |  |  |  | mixture | 7.7 | 1 | 1 | 1 |"
    assert lines[4].startswith("| faces-photographs | ") and len(lines) == 5
