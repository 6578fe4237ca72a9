"""Pictures: every kind of file to the right pixels, crops, resizing, rejection."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facepipe.data import images
from facepipe.data.images import ImageError, crop_box, decode, prepare, resize, to_array, to_uint8

RAMP = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (12, 1))  # 12 x 16 gray


def encoded(image, kind="png", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def color():
    return Image.fromarray(np.stack([RAMP, 255 - RAMP, RAMP // 2], axis=-1))


def test_gray_stays_gray_and_color_color():
    assert np.array_equal(np.asarray(decode(encoded(Image.fromarray(RAMP)))), RAMP)
    image = decode(encoded(color()))
    assert image.mode == "RGB" and np.array_equal(np.asarray(image), np.asarray(color()))


def test_sixteen_bit_gray_is_scaled_not_clipped():
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    for kind in ("png", "tiff", "ppm"):
        image = decode(encoded(deep, kind))
        assert image.mode == "L" and np.array_equal(np.asarray(image), RAMP), kind


def test_bilevel_palette_cmyk():
    bilevel = decode(encoded(Image.fromarray(RAMP > 100)))
    assert bilevel.mode == "L" and set(np.unique(np.asarray(bilevel))) == {0, 255}
    palette = color().quantize(64)
    assert np.array_equal(np.asarray(decode(encoded(palette))), np.asarray(palette.convert("RGB")))
    cmyk = decode(encoded(color().convert("CMYK"), "jpeg", quality=100))
    assert cmyk.mode == "RGB"
    assert np.abs(np.asarray(cmyk).astype(int) - np.asarray(color())).max() < 12


@pytest.mark.parametrize("gray", [True, False])
def test_transparency_lies_over_white(gray):
    image = (Image.fromarray(RAMP) if gray else color()).convert("LA" if gray else "RGBA")
    alpha = np.zeros(RAMP.shape, dtype=np.uint8)
    alpha[:, :8] = 255
    image.putalpha(Image.fromarray(alpha))
    result = decode(encoded(image))
    assert result.mode == ("L" if gray else "RGB")
    pixels = to_array(result, 3)
    assert (pixels[:, 8:] == 255).all()
    assert np.array_equal(pixels[:, :8], to_array(Image.fromarray(RAMP) if gray else color(), 3)[:, :8])


def test_transparent_palette_color():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 1), 1)
    pixels = np.asarray(decode(encoded(image, transparency=0)))
    assert pixels[1, 1].tolist() == [255, 0, 0] and pixels[0, 0].tolist() == [255, 255, 255]


def test_exif_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image = decode(encoded(Image.fromarray(RAMP), "jpeg", quality=100, exif=exif))
    assert image.size == (12, 16)
    assert np.abs(np.asarray(image).astype(int) - np.rot90(RAMP, -1)).max() < 4


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), name) for name in ("red", "blue")]
    for kind in ("gif", "webp", "png"):
        lossless = {"lossless": True} if kind == "webp" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
        assert np.asarray(decode(data))[0, 0].tolist() == [255, 0, 0], kind


def test_unusable_files():
    png = encoded(color())
    for data, reason in (
        (b"", "not a picture"),
        (b"GIF89a but not really", "not a picture|damaged"),
        (b"<html>404</html>", "not a picture"),
        (png[: len(png) // 2], "damaged"),
        (encoded(color().resize((99, 99)), "jpeg")[:900], "damaged.*truncated"),
        (png[:50] + b"\0\0\0\0" + png[54:], "damaged"),
        (encoded(Image.fromarray(RAMP.astype(np.float32)), "tiff"), "floating point"),
        (encoded(Image.fromarray(RAMP.astype(np.int32) * 9999), "tiff"), "beyond 16 bits"),
    ):
        with pytest.raises(ImageError, match=reason) as caught:
            decode(data)
        # the reason goes into rejected.csv: no addresses, the same every time
        assert "0x" not in str(caught.value)


def test_every_cut_and_flip_is_an_image_error_or_a_picture():
    generator = np.random.default_rng(0)
    for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm"):
        data = encoded(color(), kind)
        for _ in range(60):
            broken = bytearray(data[: generator.integers(1, len(data) + 1)])
            for place in generator.integers(0, len(broken), size=3):
                broken[place] = generator.integers(0, 256)
            try:
                assert decode(bytes(broken)).mode in ("L", "RGB")
            except ImageError as error:
                assert "\n" not in str(error)


def test_pixel_bomb(monkeypatch):
    def announce(width, height):
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")

    for width in (10_000, 30_000):  # the second one is beyond Pillow's own limit too
        with pytest.raises(ImageError, match=f"more than {images.MAX_PIXELS}"):
            decode(announce(width, width))
    monkeypatch.setattr(images, "MAX_PIXELS", RAMP.size - 1)
    with pytest.raises(ImageError, match="16x12 pixels, more than 191"):
        decode(encoded(color()))


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


def test_resize_does_not_alias():
    stripes = Image.fromarray(np.tile(np.array([0, 255], dtype=np.uint8), (256, 128)))
    small = np.asarray(resize(stripes, 16, 16)).astype(int)
    assert np.abs(small - 127).max() <= 4  # nearest would give 0 or 255
    assert resize(stripes, 20, 30).size == (30, 20)
    assert resize(stripes, 256, 256) is stripes


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 16, 1), (20, 12, 3), (11, 30, 1)])
@pytest.mark.parametrize("source", ["L", "RGB"])
def test_prepare_shapes(shape, source):
    image, box = prepare(encoded(color().resize((64, 48)).convert(source)), (0.1, 0.1, 0.9, 0.9), shape)
    assert image.shape == shape and image.dtype == np.uint8
    left, top, right, bottom = box
    assert 6 <= left < right <= 58 and 5 <= top < bottom <= 43
    assert abs((right - left) / (bottom - top) - shape[1] / shape[0]) < 0.1
    if source == "L" and shape[2] == 3:
        assert (image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all()


def test_prepare_without_change_gives_the_same_pixels():
    image, box = prepare(encoded(color()), None, (12, 16, 3))
    assert box == (0, 0, 16, 12) and np.array_equal(image, np.asarray(color()))


def test_to_uint8():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(every.astype(np.float32) / np.float32(255)), every)
    assert to_uint8(np.array([-1.0, 0.0, 0.5, 1.0, 7.0])).tolist() == [0, 0, 128, 255, 255]
