"""simplejpeg gives the pixels that Pillow gives, and leaves to Pillow what is not plain or not flawless."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from facepipe.datasets.archive import list_members, read_members
from facepipe.preprocess import decode as jpeg
from facepipe.preprocess.decode import ImageError, Picture
from facepipe.preprocess.images import Framing, prepare
from tests.hostile import write_hostile

pytest.importorskip("simplejpeg")
MAX_PIXELS = 10**8
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")


def encoded(width, height, mode="RGB", **options):
    shape = (height, width) if mode == "L" else (height, width, 3)
    smooth = np.random.default_rng(0).integers(0, 256, (5, 4, *shape[2:]), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC).save(file, "jpeg", **options)
    return file.getvalue()


def outcome(data, use):
    """What `use` makes of a picture: an array, or the reason why not."""
    try:
        return use(data)
    except ImageError as error:
        return str(error)


def assert_as_pillow(monkeypatch, pictures, use):
    with monkeypatch.context() as without:
        without.setattr(jpeg, "simplejpeg", None)
        expected = [outcome(data, use) for data in pictures]
    for data, wanted in zip(pictures, expected, strict=True):
        found = outcome(data, use)
        assert type(found) is type(wanted)
        assert found == wanted if isinstance(wanted, str) else np.array_equal(found, wanted)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_same_pixels_at_every_scale(monkeypatch, reduction, gray):
    sizes = [(64, 48), (61, 47), (16, 16), (7, 9), (1, 1)]
    kinds = [
        *(
            {"subsampling": subsampling, "quality": quality}
            for subsampling, quality in itertools.product(range(3), (30, 95))
        ),
        {"progressive": True},
        {"restart_marker_blocks": 2},
        {"optimize": True},
    ]
    pictures = [encoded(*size, **kind) for size in sizes for kind in kinds]
    pictures += [encoded(*size, mode="L", **kind) for size in sizes for kind in kinds]
    assert all(jpeg.read_jpeg_header(data) is not None for data in pictures)
    assert_as_pillow(
        monkeypatch, pictures, lambda data: np.asarray(Picture(data, MAX_PIXELS).decode(reduction, gray).image)
    )


def test_what_is_not_plain_is_left_to_pillow():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert jpeg.read_jpeg_header(encoded(16, 8, exif=exif)) is None
    file = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(file, "jpeg")
    assert jpeg.read_jpeg_header(file.getvalue()) is None
    assert jpeg.read_jpeg_header(b"\xff\xd8 and nothing more") is None and jpeg.read_jpeg_header(b"\x89PNG") is None


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_cut_off_pictures_are_not_taken(monkeypatch, keep):
    data = encoded(64, 64, quality=95)
    cut = data[: int(len(data) * keep)]
    header = jpeg.read_jpeg_header(cut)
    assert header is None or jpeg.decode_jpeg(cut, header, 1, False) is None
    assert_as_pillow(monkeypatch, [cut], lambda data: np.asarray(Picture(data, MAX_PIXELS).decode().image))


def test_hostile_pictures_come_out_alike(monkeypatch, tmp_path):
    expectations = write_hostile(tmp_path / "hostile")
    paths = [tmp_path / "hostile" / name for name, expected in expectations.items() if expected.outcome != "left out"]
    pictures = [path.read_bytes() for path in paths]
    assert sum(jpeg.read_jpeg_header(data) is not None for data in pictures) >= 10
    framing = Framing((32, 32, 3), "center", MAX_PIXELS)
    assert_as_pillow(monkeypatch, pictures, lambda data: prepare(data, framing).image)


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_come_out_alike(monkeypatch, real_data, channels):
    archive = real_data / "celeba" / "img_align_celeba.zip"
    members = [member for member in list_members(archive) if member.name.endswith(".jpg")][:300]
    pictures = [data for _, data in read_members(archive, members)]
    framing = Framing((32, 32, channels), "center", MAX_PIXELS)
    assert sum(jpeg.read_jpeg_header(data) is not None for data in pictures) == 300
    assert_as_pillow(monkeypatch, pictures, lambda data: prepare(data, framing).image)
