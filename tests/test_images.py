"""Training images from encoded pictures: crops, padding, resizing, gray, pictures turned by EXIF."""

import pickle

import numpy as np
import pytest
from PIL import Image

from facepipe.preprocess.images import Framing, ImageError, crop_box, padded_box, prepare, resize, to_array
from tests.encoded import RAMP, color, encoded

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # pytest sets aside the filter that decode.py sets
WHOLE = (0.0, 0.0, 1.0, 1.0)


def framing(shape, crop=WHOLE, max_pixels=1_000_000):
    return Framing(shape, crop, max_pixels)


def test_crop_box():
    assert crop_box((250, 250), (45 / 250, 28 / 250, 207 / 250, 190 / 250)) == (45, 28, 207, 190)
    celeba = (15 / 178, 35 / 218, 163 / 178, 183 / 218)
    assert crop_box((178, 218), celeba) == (15, 35, 163, 183)
    assert crop_box((89, 109), celeba) == (8, 18, 82, 92)  # relative to the size: the half-size variant
    assert crop_box((7, 5)) == (0, 0, 7, 5)
    assert crop_box((3, 3), (0.999, 0.999, 1, 1)) == (2, 2, 3, 3)  # never empty


def test_crop_is_cut_to_the_targets_shape_about_its_centre():
    assert crop_box((100, 60), None, aspect=1.0) == (20, 0, 80, 60)
    assert crop_box((60, 100), None, aspect=1.0) == (0, 20, 60, 80)
    assert crop_box((100, 100), (0.2, 0.0, 0.8, 1.0), aspect=178 / 218) == (20, 13, 80, 86)
    assert crop_box((64, 64), None, aspect=1.0) == (0, 0, 64, 64)


def test_padded_box():
    assert padded_box((100, 50), (64, 64)) == ((0, -25, 100, 75), (64, 32))
    assert padded_box((50, 100), (64, 64)) == ((-25, 0, 75, 100), (32, 64))
    assert padded_box((30, 40), (60, 80)) == ((0, 0, 30, 40), (60, 80))
    assert padded_box((1, 5000), (64, 64)) == ((-2422, 0, 2578, 5000), (1, 64))  # never thinner than a pixel
    for size in ((89, 109), (7, 3), (1, 1), (1000, 37)):
        for target in ((64, 64), (20, 60), (33, 8)):
            box, inner = padded_box(size, target)
            assert (
                all(1 <= side <= full for side, full in zip(inner, target, strict=True))
                and max(side / full for side, full in zip(inner, target, strict=True)) == 1
            )
            pitch = max(side / full for side, full in zip(size, target, strict=True))
            assert abs((box[2] - box[0]) / target[0] - pitch) * target[0] <= 1
            assert abs((box[3] - box[1]) / target[1] - pitch) * target[1] <= 1


def test_resize_does_not_alias():
    stripes = Image.fromarray(np.tile(np.array([0, 255], dtype=np.uint8), (256, 128)))
    small = np.asarray(resize(stripes, 16, 16)).astype(int)
    assert np.abs(small - 127).max() <= 4  # nearest would give 0 or 255
    assert resize(stripes, 20, 30).size == (30, 20)
    assert resize(stripes, 256, 256) is stripes


def test_a_resized_box_sees_the_pixels_around_it():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8))
    whole = np.asarray(resize(noise, 40, 40))
    box = np.asarray(resize(noise, 20, 20, (20, 10, 60, 50)))
    assert np.array_equal(box, whole[5:25, 10:30])
    assert not np.array_equal(np.asarray(resize(noise.crop((20, 10, 60, 50)), 20, 20)), box)
    assert np.array_equal(np.asarray(resize(noise, 40, 40, (20, 10, 60, 50))), np.asarray(noise)[10:50, 20:60])
    half = np.asarray(resize(noise, 40, 40, (20.5, 10.0, 60.5, 50.0)))
    assert not np.array_equal(half, np.asarray(noise)[10:50, 20:60])


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 16, 1), (20, 12, 3), (11, 30, 1)])
@pytest.mark.parametrize("source", ["L", "RGB"])
@pytest.mark.parametrize("crop", [(0.1, 0.1, 0.9, 0.9), "center", "none"])
def test_prepare_shapes(shape, source, crop):
    prepared = prepare(encoded(color().resize((64, 48)).convert(source)), framing(shape, crop))
    assert prepared.image.shape == shape and prepared.image.dtype == np.uint8
    assert prepared.size == (64, 48) and prepared.angle == 0.0
    left, top, right, bottom = prepared.box
    if crop == "none":
        assert left <= 0 and top <= 0 and right >= 64 and bottom >= 48
    elif crop == "center":
        assert (left == 0 and right == 64) or (top == 0 and bottom == 48)
        assert abs(left + right - 64) <= 1 and abs(top + bottom - 48) <= 1
    else:
        assert 6 <= left < right <= 58 and 5 <= top < bottom <= 43
    assert abs((right - left) / (bottom - top) - shape[1] / shape[0]) < 0.1
    if source == "L" and shape[2] == 3:
        assert (prepared.image[..., 0] == prepared.image[..., 1]).all()
        assert (prepared.image[..., 0] == prepared.image[..., 2]).all()


def test_prepare_without_change_gives_the_same_pixels():
    for crop in (WHOLE, "center", "none"):
        prepared = prepare(encoded(color()), framing((12, 16, 3), crop))
        assert prepared.box == (0, 0, 16, 12) and np.array_equal(prepared.image, np.asarray(color()))


def test_center_is_the_largest_box_of_the_targets_shape():
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = 200
    prepared = prepare(encoded(Image.fromarray(pixels)), framing((40, 40, 3), "center"))
    assert prepared.box == (30, 0, 70, 40) and (prepared.image == 200).all()


def test_none_shows_the_whole_picture_on_black():
    wide = Image.new("RGB", (100, 40), "white")
    prepared = prepare(encoded(wide), framing((50, 50, 3), "none"))
    assert prepared.box == (0, -30, 100, 70)
    assert (prepared.image[15:35] == 255).all()  # sharp: black does not bleed into it
    assert (prepared.image[:15] == 0).all() and (prepared.image[35:] == 0).all()
    gray = prepare(encoded(wide.transpose(Image.Transpose.ROTATE_90)), framing((50, 50, 1), "none"))
    assert gray.box == (-30, 0, 70, 100)
    assert (gray.image[:, 15:35] == 255).all() and gray.image.sum() == 255 * 20 * 50


def test_none_makes_small_pictures_larger():
    assert (prepare(encoded(Image.new("RGB", (1, 1), "red")), framing((8, 8, 3), "none")).image == [255, 0, 0]).all()
    prepared = prepare(encoded(Image.new("L", (1, 3000), 255)), framing((64, 64, 3), "none"))
    assert (prepared.image[:, 31] == 255).all() and prepared.image.sum() == 255 * 64 * 3


@pytest.mark.parametrize("crop", [(0.2, 0.1, 0.8, 0.6), "center", "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_turned_by_exif_come_out_as_upright_ones(crop, channels):
    y, x = np.mgrid[:389, :643]
    upright = Image.fromarray(np.stack([x // 3, y // 2, (x + y) // 5], -1).astype(np.uint8))
    target = framing((40, 32, channels), crop)  # decoded at 1/8 or 1/4
    expected = prepare(encoded(upright), target)
    for orientation, back in {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright if back is None else upright.transpose(Image.Transpose(back))
        found = prepare(encoded(stored, "jpeg", quality=97, exif=exif), target)
        assert found[1:] == expected[1:]
        assert np.abs(found.image.astype(int) - expected.image).max() <= 4, orientation


def test_one_channel_is_luma():
    image = prepare(encoded(Image.new("RGB", (8, 8), (255, 0, 0))), framing((8, 8, 1))).image
    assert (image == round(0.299 * 255)).all()
    assert np.array_equal(to_array(Image.fromarray(RAMP), 1)[..., 0], RAMP)
    assert np.array_equal(to_array(Image.fromarray(RAMP), 3), RAMP[..., None].repeat(3, -1))


def test_framing_and_result_travel_between_processes():
    target = framing((8, 8, 3), "none")
    assert pickle.loads(pickle.dumps(target)) == target
    prepared = prepare(encoded(color()), target)
    copy = pickle.loads(pickle.dumps(prepared))
    assert copy[1:] == prepared[1:] and np.array_equal(copy.image, prepared.image)


def test_max_pixels_is_the_framings():
    assert prepare(encoded(color()), framing((8, 8, 3), max_pixels=192)).size == (16, 12)
    with pytest.raises(ImageError, match="more than 191 pixels"):
        prepare(encoded(color()), framing((8, 8, 3), max_pixels=191))
