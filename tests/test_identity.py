"""dlib's recognition network: chips, and who is who on real photographs, against dlib's own alignment."""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepipe.datasets.sets import SOURCES
from facepipe.download.synthetic.factors import sample_factors
from facepipe.download.synthetic.renderer import render
from facepipe.errors import InputError
from facepipe.features import identity
from facepipe.features.identity import CHIP_EYES, CHIP_SIZE, chips, descriptors
from tests.conftest import ROOT
from tests.standins import evaluate_world, make_world

LFW = ROOT.parent / "shared/data/lfw/lfw-deepfunneled.tgz"
PEOPLE = 12
# of whole pictures, see the comment beside `datasets.sets.SOURCES`
WHOLE, CROP = ((0.418, 0.446), (0.584, 0.446)), (45, 28, 207, 190)


def spots(height, width, eyes):
    """A gray picture, with a bright spot at each eye."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width), 60.0)
    for x, y in eyes:
        image += 180 * np.exp(-((columns + 0.5 - x * width) ** 2 + (rows + 0.5 - y * height) ** 2) / 8)
    return image.clip(0, 255).astype(np.uint8)[None, :, :, None]


@pytest.mark.parametrize("height, width", [(64, 64), (64, 80), (218, 178)])
@pytest.mark.parametrize("eyes", [source.eyes for source in SOURCES.values() if source.eyes])
def test_the_eyes_come_to_their_places(height, width, eyes):
    chip = chips(spots(height, width, eyes), eyes)
    assert chip.shape == (1, CHIP_SIZE, CHIP_SIZE, 3) and chip.dtype == np.uint8
    assert (chip[..., :1] == chip).all()
    gap = (eyes[1][0] - eyes[0][0]) * width / (CHIP_EYES[1][0] - CHIP_EYES[0][0]) / CHIP_SIZE
    for half, (x, y) in zip((slice(None, CHIP_SIZE // 2), slice(CHIP_SIZE // 2, None)), CHIP_EYES, strict=True):
        bright = np.where(chip[0, :, half, 0] > 120)
        found = np.mean(bright[1]) + 0.5 + (half.start or 0), np.mean(bright[0]) + 0.5
        assert found == pytest.approx((x * CHIP_SIZE, y * CHIP_SIZE), abs=0.5 + 0.5 / gap)


def test_outside_of_the_picture_its_edge_goes_on():
    eyes = SOURCES["utkface"].eyes
    image = np.zeros((1, 40, 40, 3), np.uint8)
    image[:, :, :1], image[:, :, -1:] = 100, 200
    chip = chips(image, eyes)
    assert (chip[0, :, 0] == 100).all() and (chip[0, :, -1] == 200).all()


def test_without_eyes_the_whole_picture():
    image = np.random.default_rng(0).integers(0, 256, (1, CHIP_SIZE, CHIP_SIZE, 3)).astype(np.uint8)
    assert (chips(image) == image).all()
    assert chips(image[:, :, :75]).shape == image.shape and chips(image[:0]).shape == (0, CHIP_SIZE, CHIP_SIZE, 3)


@pytest.mark.parametrize("images", [np.zeros((1, 8, 8, 3), np.float32), np.zeros((1, 8, 8, 2), np.uint8)])
def test_images_of_another_kind(images):
    with pytest.raises(ValueError, match="must be uint8"):
        chips(images)


def test_a_row_depends_on_its_image_alone(monkeypatch):
    monkeypatch.setattr(identity, "BATCH", 4)
    faces, eyes = np.stack([render(sample_factors(0, i), 64) for i in range(6)]), SOURCES["synthetic"].eyes
    found = descriptors(faces, eyes)
    assert found.dtype == np.float32 and found.shape == (6, 128)
    assert (descriptors(faces, eyes) == found).all()
    assert descriptors(faces[5:], eyes) == pytest.approx(found[5:], abs=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01
    assert descriptors(faces[:0]).shape == (0, 128)


@pytest.fixture(scope="module")
def pairs():
    """Two photographs of each of twelve people, uint8 (24, 250, 250, 3): neighbours are the same person."""
    if not LFW.exists():
        pytest.skip(f"needs {LFW}")
    people = {}
    with tarfile.open(LFW) as archive:
        for member in archive:
            if member.name.endswith(".jpg"):
                pictures = people.setdefault(Path(member.name).parent.name, [])
                if len(pictures) < 2:
                    pictures.append(np.asarray(Image.open(io.BytesIO(archive.extractfile(member).read()))))
            found = [pictures for pictures in people.values() if len(pictures) == 2]
            if len(found) == PEOPLE:
                return np.stack([picture for pictures in found for picture in pictures])


def test_people_are_told_apart_at_64_pixels(pairs):
    small = [Image.fromarray(image).crop(CROP).resize((64, 64), Image.Resampling.BILINEAR) for image in pairs]
    found = descriptors(np.stack(small), SOURCES["lfw"].eyes)
    distances = np.linalg.norm(found[:, None] - found, axis=-1)
    who = np.arange(2 * PEOPLE) // 2
    same = distances[0::2, 1::2].diagonal()
    other = distances[who[:, None] != who]
    assert np.mean(same < 0.6) > 0.9 and np.mean(other < 0.6) < 0.1
    assert np.mean(same[:, None] < other) > 0.98


def test_near_what_dlib_finds_by_its_own_landmarks(pairs):
    import dlib
    import face_recognition_models

    models = Path(face_recognition_models.__file__).parent / "models"
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    detect = dlib.get_frontal_face_detector()
    theirs, ours = [], descriptors(pairs[:8], WHOLE)
    for image in pairs[:8]:
        face = max(detect(image, 1), key=lambda box: box.area())
        theirs.append(network.compute_face_descriptor(image, landmarks(image, face)))
    distances = np.linalg.norm(ours - np.array(theirs), axis=1)
    # two pictures of one person are about .4 apart
    assert np.median(distances) < 0.25


def test_evaluate_by_it(tmp_path):
    _, load = make_world(tmp_path, train=12, valid=6, test=20)
    metrics = evaluate_world(tmp_path, load, ("gan",), extractor="dlib", interpolations=2)
    names = {"kid_x1000_dlib_n20", "precision_dlib_n20", "interpolation_straightness_dlib_n2"}
    assert names <= metrics["gan"].keys()
    assert not any("face_score" in name for scores in metrics.values() for name in scores)


@pytest.mark.parametrize("package", ["dlib", "face_recognition_models"])
def test_without_the_extra(monkeypatch, package):
    identity._network.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        InputError, match=rf"^extractor: dlib needs the package {package}; pip install 'facepipe\[identi"
    ):
        descriptors(np.zeros((1, 8, 8, 3), np.uint8))
    identity._network.cache_clear()
