"""Decoding: every kind of file to the right pixels, upright, reduced JPEGs, rejection."""

import io
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.preprocess.decode import ImageError, Picture, _reads_heif, reduction
from facepipe.preprocess.images import resize
from tests.encoded import RAMP, color, encoded
from tests.hostile import png

ROOT = Path(__file__).resolve().parent.parent
MAX_PIXELS = 1_000_000
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # pytest sets aside the filter that decode.py sets


def smooth(width, height):
    """A picture without fine detail, which JPEG and resizing leave nearly as it is."""
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(
        np.stack([x * 255 // width, y * 255 // height, (x + 2 * y) * 255 // (width + 2 * height)], -1).astype(np.uint8)
    )


def decode(data):
    return Picture(data, MAX_PIXELS).decode().image


def psnr(a, b):
    return 10 * np.log10(255**2 / (np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2) + 1e-9))


def test_gray_stays_gray_and_color_color():
    assert np.array_equal(np.asarray(decode(encoded(Image.fromarray(RAMP)))), RAMP)
    image = decode(encoded(color()))
    assert image.mode == "RGB" and np.array_equal(np.asarray(image), np.asarray(color()))


def test_sixteen_bit_gray_is_scaled_not_clipped():
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    for kind in ("png", "tiff", "ppm"):
        image = decode(encoded(deep, kind))
        assert image.mode == "L" and np.array_equal(np.asarray(image), RAMP), kind
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(every / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(np.asarray(decode(encoded(Image.fromarray(every)))), expected)
    int32 = Image.fromarray(RAMP.astype(np.int32) * 257)
    assert np.array_equal(np.asarray(decode(encoded(int32, "tiff"))), RAMP)


def test_integers_of_32_bits_up_to_255_are_what_they_are():
    for compression in (None, "tiff_lzw"):
        data = encoded(Image.fromarray(RAMP.astype(np.int32)), "tiff", compression=compression)
        image = decode(data)
        assert image.mode == "L" and np.array_equal(np.asarray(image), RAMP), compression


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_sixteen_bits_that_hold_fewer_are_no_black_faces(bits):
    """Files of one set are scaled alike: none by a guess from its own pixels."""
    few = (RAMP.astype(np.int64) * (2**bits - 1) // RAMP.max()).astype(np.uint16)
    reason = rf"16-bit pixels, none above {2**bits - 1} of 65535: nearly black, or numbers of 8 to 12 bits; save"
    for data in (encoded(Image.fromarray(few), "png"), encoded(Image.fromarray(few), "tiff", compression="tiff_lzw")):
        with pytest.raises(ImageError, match=reason):
            decode(data)
    if bits > 8:
        with pytest.raises(ImageError, match=reason):
            decode(encoded(Image.fromarray(few.astype(np.int32)), "tiff"))
    rows = b"".join(b"\0" + np.repeat(row, 3).astype(">u2").tobytes() for row in few)
    with pytest.raises(ImageError, match="16-bit pixels"):
        decode(png(few.shape[1], few.shape[0], 16, 2, rows))


def test_heic():
    """As a phone writes it: turned by its EXIF, which its own rotation says, too."""
    heif = pytest.importorskip("pillow_heif")
    image, file = smooth(64, 48), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    heif.from_pillow(image).save(file, quality=90, exif=exif.tobytes())
    picture = Picture(file.getvalue(), MAX_PIXELS)
    assert picture.size == (48, 64)
    decoded = picture.decode().image
    assert decoded.mode == "RGB" and decoded.size == (48, 64)
    assert psnr(decoded, image.transpose(Image.Transpose.ROTATE_270)) > 30
    with pytest.raises(ImageError, match="more than 1000 pixels"):
        Picture(file.getvalue(), 1000)
    with pytest.raises(ImageError, match=r"damaged|not a picture"):
        Picture(file.getvalue()[:-200], MAX_PIXELS).decode()


def test_heic_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    _reads_heif.cache_clear()
    for brands in (b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic"):
        with pytest.raises(ImageError, match=r"^a HEIC picture, which needs pip install 'facepipe\[heic\]'$"):
            Picture(b"\0\0\0\x18ftyp" + brands + bytes(200), MAX_PIXELS)
    _reads_heif.cache_clear()
    # AVIF is Pillow's own, also where it first says that it is HEIF
    assert decode(encoded(smooth(32, 32), "avif")).size == (32, 32)


def test_bilevel_palette_cmyk():
    bilevel = decode(encoded(Image.fromarray(RAMP > 100)))
    assert bilevel.mode == "L" and set(np.unique(np.asarray(bilevel))) == {0, 255}
    palette = color().quantize(64)
    assert np.array_equal(np.asarray(decode(encoded(palette))), np.asarray(palette.convert("RGB")))
    cmyk = decode(encoded(color().convert("CMYK"), "jpeg", quality=100))  # Pillow inverts it, as Adobe does
    assert cmyk.mode == "RGB"
    assert np.abs(np.asarray(cmyk).astype(int) - np.asarray(color())).max() < 12
    tiff = decode(encoded(color().convert("CMYK"), "tiff"))
    assert np.abs(np.asarray(tiff).astype(int) - np.asarray(color())).max() < 2


@pytest.mark.parametrize("gray", [True, False])
def test_transparency_lies_over_white(gray):
    image = (Image.fromarray(RAMP) if gray else color()).convert("LA" if gray else "RGBA")
    alpha = np.zeros(RAMP.shape, dtype=np.uint8)
    alpha[:, :8] = 255
    alpha[0, 0] = 128
    image.putalpha(Image.fromarray(alpha))
    result = decode(encoded(image))
    assert result.mode == ("L" if gray else "RGB")
    source = np.asarray(Image.fromarray(RAMP) if gray else color())
    pixels = np.asarray(result)
    assert (pixels[:, 8:] == 255).all()
    assert np.array_equal(pixels[1:, :8], source[1:, :8])
    assert np.abs(pixels[0, 0].astype(float) - (source[0, 0] * (128 / 255) + 127)).max() < 1.1


def test_transparent_palette_color():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 1), 1)
    pixels = np.asarray(decode(encoded(image, transparency=0)))
    assert pixels[1, 1].tolist() == [255, 0, 0] and pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, orientation):
    upright = smooth(90, 60)
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # values of Image.Transpose; 6 and 8 undo each other
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpeg": {"quality": 95}, "webp": {"quality": 95}}.get(kind, {})
    picture = Picture(encoded(stored, kind, exif=exif, **options), MAX_PIXELS)
    assert picture.size == (90, 60)
    image = picture.decode().image
    assert image.size == (90, 60) and psnr(image, upright) > 38


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
@pytest.mark.parametrize("divisor", [2, 4, 8])
@pytest.mark.parametrize("size", [(640, 384), (643, 389), (645, 391)])
def test_reduced_jpegs_keep_their_place(orientation, divisor, size):
    # a box of the full picture shows the same place in the reduced one, whichever way that was turned
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    data = encoded(smooth(*size), "jpeg", quality=95, exif=exif)
    full, reduced = Picture(data, MAX_PIXELS).decode(), Picture(data, MAX_PIXELS).decode(divisor)
    assert (full.scale, full.offset) == (1, (0, 0)) and reduced.scale == divisor
    width, height = full.image.size
    assert reduced.image.size == (-(-width // divisor), -(-height // divisor))
    for box in ((0, 0, width, height), (31, 22, 159, 150), (width - 96, height - 96, width, height)):
        expected = resize(full.image, 12, 12, full.box(box))
        found = resize(reduced.image, 12, 12, reduced.box(box))
        assert np.abs(np.asarray(found).astype(int) - np.asarray(expected)).max() <= 3
    assert reduced.place(0, 0) == tuple(offset / divisor for offset in reduced.offset)


def test_reduction():
    assert reduction((162, 162), (64, 64)) == 2  # LFW
    assert reduction((148, 148), (64, 64)) == 2  # CelebA
    assert reduction((148, 148), (75, 75)) == 1
    assert reduction((1000, 148), (64, 64)) == 2  # both directions count
    assert [reduction((s, s), (64, 64)) for s in (127, 128, 319, 320, 767, 768, 9999)] == [1, 2, 2, 4, 4, 8, 8]
    assert reduction((10, 10), (64, 64)) == 1


def test_reduction_never_to_nothing():
    for size in ((3, 200), (200, 3), (1, 1), (7, 7)):
        data = encoded(smooth(*size), "jpeg")
        for divisor in (2, 4, 8):
            decoded = Picture(data, MAX_PIXELS).decode(divisor)
            assert decoded.image.size == tuple(-(-side // decoded.scale) for side in size)


def test_other_formats_are_not_reduced():
    decoded = Picture(encoded(smooth(160, 96)), MAX_PIXELS).decode(4)
    assert decoded.scale == 1 and decoded.image.size == (160, 96) and decoded.box((1, 2, 3, 4)) == (1, 2, 3, 4)


def test_gray_wanted_of_a_color_jpeg():
    data = encoded(smooth(160, 96), "jpeg", quality=95)
    gray = Picture(data, MAX_PIXELS).decode(1, gray=True).image
    assert gray.mode == "L"
    assert np.abs(np.asarray(gray).astype(int) - np.asarray(decode(data).convert("L"))).max() <= 2
    assert Picture(data, MAX_PIXELS).decode(2, gray=True).image.size == (80, 48)
    assert Picture(encoded(color()), MAX_PIXELS).decode(1, gray=True).image.mode == "RGB"


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), name) for name in ("red", "blue")]
    for kind in ("gif", "webp", "png", "tiff"):
        lossless = {"lossless": True} if kind == "webp" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
        assert np.asarray(decode(data))[0, 0].tolist() == [255, 0, 0], kind


def test_unusable_files():
    whole = encoded(color())
    for data, reason in (
        (b"", "not a picture"),
        (b"GIF89a but not really", "not a picture|damaged"),
        (b"<html>404</html>", "not a picture"),
        (whole[: len(whole) // 2], "damaged"),
        (encoded(color().resize((99, 99)), "jpeg")[:900], "damaged.*truncated"),
        (whole[:50] + b"\0\0\0\0" + whole[54:], "damaged"),
        (encoded(Image.fromarray(RAMP.astype(np.float32)), "tiff"), "floating point"),
        (encoded(Image.fromarray(RAMP.astype(np.int32) * 9999), "tiff"), "beyond 16 bits"),
        (encoded(color().convert("LAB"), "tiff"), "Lab colour space"),
        (encoded(color(), "eps"), "EPS is a program"),
    ):
        with pytest.raises(ImageError, match=reason) as caught:
            decode(data)
        # the reason goes into rejected.csv: no addresses, the same every time
        assert "0x" not in str(caught.value)


def test_every_cut_and_flip_is_an_image_error_or_a_picture():
    generator = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm", "ico", "tga", "jpeg2000"):
        data = encoded(color(), kind, **({"exif": exif} if kind in ("png", "jpeg", "tiff") else {}))
        for _ in range(100):
            broken = bytearray(data[: generator.integers(1, len(data) + 1)])
            for place in generator.integers(0, len(broken), size=3):
                broken[place] = generator.integers(0, 256)
            try:
                picture = Picture(bytes(broken), MAX_PIXELS)
                decoded = picture.decode(2)
                assert decoded.image.mode in ("L", "RGB")
                assert decoded.image.size == tuple(-(-side // decoded.scale) for side in picture.size)
            except ImageError as error:
                assert "\n" not in str(error)


def announce(width, height):
    """A PNG of a few bytes that announces so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def test_pixel_bomb():
    limit = Image.MAX_IMAGE_PIXELS
    for width in (1001, 10_000, 30_000):  # the last one is beyond Pillow's own limit too
        with pytest.raises(ImageError, match=rf"more than {MAX_PIXELS} pixels \(preprocess.max_pixels\)"):
            Picture(announce(width, width), MAX_PIXELS)
    with pytest.raises(ImageError, match="more than 191 pixels"):
        Picture(encoded(color()), RAMP.size - 1)
    assert Picture(encoded(color()), RAMP.size).size == (16, 12)
    # a limit above Pillow's own is the one that holds
    with pytest.raises(ImageError, match="damaged"):
        Picture(announce(14_000, 14_000), 200_000_000)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_pillows_warnings_stay_out_of_the_log(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "maker" * 10
    data = encoded(color(), "tiff", exif=exif)
    (tmp_path / "cut.tif").write_bytes(data[:-20])
    (tmp_path / "large.png").write_bytes(announce(900, 900))
    code = """if True:
        import pathlib, sys
        from facepipe.preprocess.decode import ImageError, Picture
        for path in sys.argv[1:]:
            try:
                Picture(pathlib.Path(path).read_bytes(), 1_000_000).decode()
            except ImageError as error:
                print(error)
    """
    files = [tmp_path / "cut.tif", tmp_path / "large.png"]
    done = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.count("damaged") == 2 and done.stderr == ""


@pytest.fixture(scope="module")
def photographs(real_data):
    """500 photographs of LFW as JPEGs, and the middle of each, of CelebA's size, at quality 90."""
    path = real_data / "lfw" / "lfw-deepfunneled.tgz"
    if not path.exists():
        pytest.skip(f"needs LFW at {path}")
    lfw = []
    with tarfile.open(path) as archive:
        for number, info in enumerate(info for info in archive if info.name.endswith(".jpg")):
            if number % 4 == 0:
                lfw.append(archive.extractfile(info).read())
            if len(lfw) == 500:
                break
    middle = (36, 16, 214, 234)
    return {
        "lfw": (lfw, (45, 28, 207, 190)),
        "celeba": (
            [encoded(Image.open(io.BytesIO(data)).crop(middle), "jpeg", quality=90) for data in lfw],
            (15, 35, 163, 183),
        ),
    }


@pytest.mark.parametrize(
    ("name", "size", "divisor", "mean", "worst"),
    [
        ("lfw", 80, 2, 44.2, 37.8),
        ("lfw", 64, 2, 47.3, 42.0),
        ("lfw", 32, 4, 41.6, 37.0),
        ("lfw", 13, 8, 40.6, 35.3),
        ("celeba", 74, 2, 42.1, 35.8),
        ("celeba", 64, 2, 46.1, 41.1),
        ("celeba", 29, 4, 41.4, 36.2),
    ],
)
def test_what_reducing_costs(photographs, name, size, divisor, mean, worst):
    """The numbers in `Picture.decode`'s docstring: PSNR in dB, of 500 photographs."""
    pictures, box = photographs[name]
    assert reduction((box[2] - box[0], box[3] - box[1]), (size, size)) == divisor
    found = []
    for data in pictures:
        full, reduced = Picture(data, MAX_PIXELS).decode(), Picture(data, MAX_PIXELS).decode(divisor)
        found.append(psnr(resize(full.image, size, size, box), resize(reduced.image, size, size, reduced.box(box))))
    assert (np.mean(found), np.min(found)) == pytest.approx((mean, worst), abs=0.15)
