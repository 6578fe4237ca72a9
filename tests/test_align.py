"""Alignment by the eyes: the geometry on drawn pictures, the detector on photographs."""

import io
import math
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.datasets.archive import list_members, read_members
from facepipe.preprocess.align import EYES, cut, detect_faces, place
from facepipe.preprocess.decode import Decoded, ImageError
from facepipe.preprocess.images import Framing, prepare
from tests.encoded import encoded

ROOT = Path(__file__).resolve().parent.parent
MAX_PIXELS = 20_000_000
GRAY = (128, 128, 128)


def eyes_in(width, height):
    """Where the eyes belong in an image of this size, in pixels."""
    side = min(width, height)
    return [(width / 2 + (x - 0.5) * side, height / 2 + (y - 0.5) * side) for x, y in EYES]


def drawn(size, eyes, radius):
    """A red spot on the first eye and a blue one on the second, on gray."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    spots = [155 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)) for cx, cy in eyes]
    return Image.fromarray(np.stack([100 + spots[0], np.full_like(x, 100), 100 + spots[1]], -1).astype(np.uint8))


def spots(image):
    """Centres of the red and of the blue spot, in pixels."""
    pixels = np.asarray(image).astype(float)
    weights = [np.clip(pixels[..., 0] - 130, 0, None), np.clip(pixels[..., 2] - 130, 0, None)]
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    return [((w * x).sum() / w.sum(), (w * y).sum() / w.sum()) for w in weights]


def turned(points, degrees, scale, shift):
    """Points turned clockwise about the origin, scaled, shifted."""
    a, b = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    return [(a * x - b * y + shift[0], b * x + a * y + shift[1]) for x, y in points]


@pytest.mark.parametrize("target", [(64, 64), (48, 80), (100, 40)])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("distance", [12, 40, 130, 400])  # enlarged, little changed, reduced, by blocks or by the DCT
@pytest.mark.parametrize("degrees", [0, 17, -33, 90, 180])
def test_eyes_come_to_their_places(target, kind, distance, degrees):
    eyes = turned([(-distance / 2, 0), (distance / 2, 0)], degrees, 1, (520.3, 490.7))
    options = {"quality": 100, "subsampling": 0} if kind == "jpeg" else {}
    data = encoded(drawn((1003, 951), eyes, distance / 6), kind, **options)
    prepared = prepare(data, Framing((target[1], target[0], 3), "none", MAX_PIXELS), eyes)
    assert prepared.image.shape == (target[1], target[0], 3)
    assert np.abs(np.array(spots(prepared.image)) - eyes_in(*target)).max() < 0.2
    assert abs((prepared.angle - degrees + 180) % 360 - 180) < 1e-9 and prepared.size == (1003, 951)
    left, top, right, bottom = prepared.box
    pitch = distance / (EYES[1][0] - EYES[0][0]) / min(target)
    assert right - left == pytest.approx(pitch * target[0], abs=1)
    assert bottom - top == pytest.approx(pitch * target[1], abs=1)


def test_the_box_and_the_angle_say_what_is_shown():
    eyes = turned([(-40, 0), (40, 0)], 25, 1, (300, 260))
    image = drawn((600, 500), eyes, 12)
    prepared = prepare(encoded(image), Framing((64, 64, 3), "none", MAX_PIXELS), eyes)
    left, top, right, bottom = prepared.box
    centre = ((left + right) / 2, (top + bottom) / 2)
    again = image.rotate(prepared.angle, Image.Resampling.BICUBIC, center=centre)  # Pillow turns counter-clockwise
    again = again.resize((64, 64), Image.Resampling.BICUBIC, box=prepared.box)
    assert np.abs(np.array(spots(again)) - eyes_in(64, 64)).max() < 0.3


def test_nothing_is_mirrored():
    # the eye given first stands left, also where that turns the face upside down
    eyes = [(200, 100), (120, 100)]
    found = spots(prepare(encoded(drawn((320, 240), eyes, 10)), Framing((64, 64, 3), "none", MAX_PIXELS), eyes).image)
    assert np.abs(np.array(found) - eyes_in(64, 64)).max() < 0.2
    image = drawn((320, 240), eyes, 10)
    image.paste((0, 255, 0), (150, 40, 170, 60))  # above the eyes, so below once turned
    pixels = prepare(encoded(image), Framing((64, 64, 3), "none", MAX_PIXELS), eyes).image
    assert np.argwhere(pixels[..., 1] > 200)[:, 0].min() > 40


def test_without_turning_or_scaling_pixels_stay_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    eyes = [(x + 20, y + 10) for x, y in eyes_in(50, 50)]
    prepared = prepare(encoded(Image.fromarray(pixels)), Framing((50, 50, 3), "none", MAX_PIXELS), eyes)
    assert prepared.box == (20, 10, 70, 60) and np.array_equal(prepared.image, pixels[10:60, 20:70])


def test_aligning_does_not_alias():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (800, 400)))
    for distance in (30, 60, 150):
        eyes = turned([(-distance / 2, 0), (distance / 2, 0)], 11, 1, (400, 400))
        image = prepare(encoded(stripes), Framing((32, 32, 1), "none", MAX_PIXELS), eyes).image.astype(int)
        assert np.abs(image[4:-4, 4:-4] - 127).max() <= 12


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("distance", [6, 20, 45])
def test_beyond_the_edges_their_pixels_are_repeated(mode, distance):
    pixels = np.zeros((60, 60), np.uint8)
    pixels[:, 30:], pixels[50:] = 100, 200
    image = Image.fromarray(pixels).convert(mode)
    eyes = turned([(-distance / 2, 0), (distance / 2, 0)], 0, 1, (30, 30))
    for block in (1, 9):  # the second time through `Image.reduce`
        large = image.resize((60 * block, 60 * block), Image.Resampling.NEAREST)
        placed = place([(x * block, y * block) for x, y in eyes], large.size, (64, 64))
        shown = np.asarray(cut(Decoded(large, 1, (0, 0)), placed).convert("L")).astype(int)
        if distance == 45:  # the face is three times as wide as the picture
            assert (shown[0, :16] == 0).all() and (shown[0, -16:] == 100).all() and (shown[-6:] == 200).all()
        assert shown.min() >= 0 and shown[0, 0] == 0 and shown[0, -1] == 100


@pytest.mark.parametrize(
    ("eyes", "reason"),
    [
        (((50, 50), (50, 50)), "0.0 pixels apart"),
        (((50, 50), (52, 51)), "2.2 pixels apart, at least 3"),
        (((0, 50), (99, 50)), "99 pixels apart, in a picture of 100x80"),
        (((-90, 50), (-60, 50)), "outside the picture, at -75, 50 of 100x80"),
        (((50, 99), (80, 99)), "outside the picture"),
        (((50, float("nan")), (80, 60)), "outside the picture"),
        (((50, float("inf")), (80, 60)), "outside the picture"),
    ],
)
def test_impossible_eyes(eyes, reason):
    with pytest.raises(ImageError, match=reason):
        prepare(encoded(Image.new("RGB", (100, 80))), Framing((16, 16, 3), "none", MAX_PIXELS), eyes)


def test_every_possible_placement_gives_an_image():
    generator = np.random.default_rng(0)
    for _ in range(300):
        size = tuple(int(s) for s in np.exp(generator.uniform(0, 6.5, 2)))
        target = tuple(int(s) for s in generator.integers(1, 70, 2))
        eyes = generator.uniform(-0.3, 1.3, (2, 2)) * size
        image = Image.new(("L", "RGB")[generator.integers(2)], size, "gray")
        kind = ("png", "jpeg")[generator.integers(2)]
        try:
            prepared = prepare(encoded(image, kind), Framing((*target, 3), "none", MAX_PIXELS), eyes.tolist())
        except ImageError as error:
            assert "the eyes" in str(error)
            continue
        assert prepared.image.shape == (*target, 3) and np.abs(prepared.image.astype(int) - 128).max() <= 1


@pytest.fixture(scope="module")
def portraits(real_data):
    """12 photographs of LFW, PIL images 250x250."""
    archive = real_data / "lfw" / "lfw-deepfunneled.tgz"
    if not archive.exists():
        pytest.skip(f"needs LFW at {archive}")
    members = [member for member in list_members(archive) if member.name.endswith(".jpg")][100:340:20]
    return [Image.open(io.BytesIO(data)).convert("RGB") for _, data in read_members(archive, members)]


def on_canvas(face, degrees, size):
    """The face, scaled, turned, in a corner of a larger canvas."""
    face = face.crop((25, 15, 225, 215)).resize((size, size), Image.Resampling.BICUBIC)
    face = face.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=GRAY)
    canvas = Image.new("RGB", (size * 19 // 10, size * 16 // 10), GRAY)
    canvas.paste(face, (canvas.width - face.width - size // 10, size // 20))
    return canvas


@pytest.mark.parametrize("degrees", [-20, 0, 20])
@pytest.mark.parametrize("size", [120, 400, 1000])
def test_photographs_are_aligned(portraits, degrees, size):
    target = Framing((128, 128, 3), "center", MAX_PIXELS)
    errors, angles = [], []
    for portrait in portraits:
        data = encoded(on_canvas(portrait, degrees, size), "jpeg", quality=92)
        face = detect_faces(data, MAX_PIXELS)[0]
        aligned = prepare(data, target, (face.left_eye, face.right_eye))
        again = detect_faces(encoded(Image.fromarray(aligned.image)), MAX_PIXELS)[0]
        errors.append(np.array([again.left_eye, again.right_eye]) / 128 - EYES)
        angles.append(aligned.angle + degrees)
    errors = np.abs(errors).max(axis=(1, 2))
    assert np.median(errors) < 0.015 and np.quantile(errors, 0.9) < 0.03
    assert abs(np.median(angles)) < 4


def test_the_places_are_those_of_celeba(real_data):
    archive = real_data / "celeba" / "img_align_celeba.zip"
    if not archive.exists():
        pytest.skip(f"needs CelebA at {archive}")
    found = []
    with zipfile.ZipFile(archive) as file:
        for name in [name for name in file.namelist() if name.endswith(".jpg")][:3000:30]:
            for face in detect_faces(file.read(name), MAX_PIXELS)[:1]:
                # half-size pictures: the usual crop is (7.5, 17.5, 81.5, 91.5)
                found.append((np.array([face.left_eye, face.right_eye]) - (7.5, 17.5)) / 74)
    assert len(found) > 95
    assert np.abs(np.median(found, axis=0) - EYES).max() < 0.004


def test_where_a_face_lies_and_how_large_it_is_does_not_matter(portraits):
    # the package's landmarks lie off by a constant, and by a part of the place; `detect_faces` takes that back
    shifts, sizes = [], []
    for portrait in portraits[:8]:
        face = portrait.crop((45, 28, 207, 190))
        found = {}
        for size, at in ((60, 0), (60, 270), (60, 540), (240, 200)):
            canvas = Image.new("RGB", (600, 600), GRAY)
            canvas.paste(face.resize((size, size), Image.Resampling.BICUBIC), (at, at))
            eyes = detect_faces(encoded(canvas), MAX_PIXELS)[0][:2]
            found[size, at] = (np.array(eyes) - at) / size
        shifts.append([found[60, 540] - found[60, 0], found[60, 270] - found[60, 0]])
        sizes.append(found[60, 270] - found[240, 200])
    assert np.abs(np.mean(shifts, axis=0)).max() * 60 < 0.3  # pixels; 0.9 with the package's own numbers
    assert np.abs(np.mean(sizes, axis=0)).max() * 60 < 0.4


def test_several_faces_the_largest_first(portraits):
    canvas = Image.new("RGB", (900, 500), GRAY)
    places = {(10, 20): 150, (250, 100): 300, (650, 40): 200}
    for portrait, (at, size) in zip(portraits, places.items(), strict=False):
        canvas.paste(portrait.crop((45, 28, 207, 190)).resize((size, size), Image.Resampling.BICUBIC), at)
    faces = detect_faces(encoded(canvas), MAX_PIXELS)
    centres = [(np.add(face.left_eye, face.right_eye) / 2).tolist() for face in faces]
    expected = [(x + s / 2, y + s * 0.52) for (x, y), s in sorted(places.items(), key=lambda item: -item[1])]
    assert np.abs(np.subtract(centres, expected)).max() < 15
    for face in faces:
        left, top, right, bottom = face.box
        assert left < face.left_eye[0] < face.right_eye[0] < right and top < face.left_eye[1] < bottom
        assert 0.9 <= face.confidence <= 1


def test_exif_and_jpeg_reduction_do_not_move_the_eyes(portraits):
    large = portraits[3].resize((2003, 2001), Image.Resampling.BICUBIC)
    expected = detect_faces(encoded(large.resize((640, 639), Image.Resampling.BICUBIC)), MAX_PIXELS)[0]
    exif = Image.Exif()
    exif[0x0112] = 8
    stored = large.transpose(Image.Transpose.ROTATE_270)
    found = detect_faces(encoded(stored, "jpeg", quality=92, exif=exif), MAX_PIXELS)[0]
    ratio = 2003 / 640
    assert np.abs(np.subtract(found.left_eye, np.multiply(expected.left_eye, ratio))).max() < 12
    assert math.dist(*found[:2]) == pytest.approx(math.dist(*expected[:2]) * ratio, rel=0.03)


def test_no_face():
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for image in (
        Image.new("RGB", (1, 1)),
        Image.new("L", (19, 19)),
        Image.new("L", (20, 20)),
        Image.new("RGB", (5000, 40)),
        Image.new("RGB", (300, 200), "white"),
        Image.fromarray(noise),
    ):
        assert detect_faces(encoded(image), MAX_PIXELS) == []
    with pytest.raises(ImageError, match="not a picture"):
        detect_faces(b"text", MAX_PIXELS)
    with pytest.raises(ImageError, match="more than 399 pixels"):
        detect_faces(encoded(Image.new("RGB", (20, 20))), 399)


def test_a_face_in_profile_is_refused(portraits, monkeypatch):
    data = encoded(portraits[0])
    face = detect_faces(data, MAX_PIXELS)[0]
    ratio = math.dist(face.left_eye, face.right_eye) / (face.box[3] - face.box[1])
    assert 0.25 < ratio < 0.42
    # as if the limit were above what this face has; real profiles are too few to test on
    monkeypatch.setattr("facepipe.preprocess.align.MIN_FRONTAL", ratio + 0.01)
    with pytest.raises(ImageError, match="in profile"):
        detect_faces(data, MAX_PIXELS)


def test_every_process_finds_the_same(portraits, tmp_path):
    for number, portrait in enumerate(portraits[:4]):
        (tmp_path / f"{number}.png").write_bytes(encoded(portrait))
    code = """if True:
        import pathlib, sys
        from facepipe.preprocess.align import detect_faces
        for path in sys.argv[1:]:
            print(path, detect_faces(pathlib.Path(path).read_bytes(), 10**6))
        import tensorflow as tf
        assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    """
    files = sorted(tmp_path.iterdir())

    def run(files):
        command = [sys.executable, "-c", code, *map(str, files)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)

    together, apart = run(files), run(files[:1:-1])
    assert together.stderr == apart.stderr == ""
    assert together.stdout.count("Face(") >= 4
    assert together.stdout.splitlines()[2:] == apart.stdout.splitlines()[::-1]
