"""Own photographs: the same pixels as the training images had, eyes in their places, bad ones named."""

import math
import zipfile

import numpy as np
import pytest
from PIL import Image

from facepipe.api.photos import list_photos, read_photos, unique_ids
from facepipe.core.names import SHEETS
from facepipe.errors import InputError
from facepipe.latents.table import check_ids, picture_names
from facepipe.preprocess.align import detect_faces
from facepipe.preprocess.preprocess import preprocess
from facepipe.shards.shards import Shards
from tests.encoded import color, encoded
from tests.test_preprocess import celeba as write_celeba
from tests.test_preprocess import params

CELEBA = {"image_shape": [64, 64, 3], "crop": [0.1, 0.2, 0.9, 0.8], "max_pixels": 10**7}
CELEBA["eyes"] = [[0.365, 0.513], [0.628, 0.513]]
CENTER = CELEBA | {"crop": "center", "eyes": None}


@pytest.fixture
def celeba(real_data, tmp_path):
    """Two photographs of CelebA as files in the folder photos."""
    (tmp_path / "photos").mkdir()
    with zipfile.ZipFile(real_data / "celeba/img_align_celeba.zip") as archive:
        for name in ("000001.jpg", "000002.jpg"):
            (tmp_path / "photos" / name).write_bytes(archive.read(f"img_align_celeba/{name}"))
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"crop": "none", "channels": 1}, {"crop": (0.1, 0.2, 0.9, 0.7)}])
def test_photos_are_framed_as_the_training_images(tmp_path, options):
    raw = write_celeba(tmp_path / "raw")
    preprocess(params(**{"image_size": (20, 24)} | options), raw, tmp_path / "shards")
    shards = Shards(tmp_path / "shards")
    with zipfile.ZipFile(next(raw.glob("*.zip"))) as archive:
        archive.extractall(tmp_path / "out", [name for name in archive.namelist() if name.endswith(".jpg")])
    ids, images = read_photos([tmp_path / "out/img_align_celeba"], shards.framing, crop="training")
    assert ids == [f"{i:06d}" for i in range(1, 31)]
    np.testing.assert_array_equal(images[20:25], shards.images("valid"))
    if options:  # it is not known where the eyes are, and there is no face to find
        np.testing.assert_array_equal(read_photos([tmp_path / "out/img_align_celeba"], shards.framing)[1], images)


@pytest.mark.parametrize("crop", [None, "align"])
def test_eyes_come_to_where_those_of_the_training_faces_are(celeba, crop):
    canvas = Image.new("RGB", (400, 300), (90, 120, 90))
    with Image.open(celeba / "photos" / "000001.jpg") as face:
        canvas.paste(face.resize((178, 218)).rotate(20, expand=True), (150, 20))
    (celeba / "snap.png").write_bytes(encoded(canvas))
    framing = CELEBA | {"image_shape": [160, 160, 3]}
    for path in (celeba / "photos" / "000001.jpg", celeba / "snap.png"):
        _, (image,) = read_photos([path], framing, crop)
        (found,) = detect_faces(encoded(Image.fromarray(image)), 10**6)
        for eye, (x, y) in zip((found.left_eye, found.right_eye), CELEBA["eyes"], strict=True):
            assert math.dist(eye, (160 * x, 160 * y)) < 5


def test_a_photo_without_a_face_and_other_bad_ones_are_all_named(tmp_path):
    (tmp_path / "sky.png").write_bytes(encoded(Image.new("RGB", (200, 100), (90, 120, 200))))
    (tmp_path / "notes.jpg").write_text("not a picture")
    (tmp_path / "cut.jpg").write_bytes(encoded(color(), "jpeg")[:200])
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        read_photos([tmp_path], CELEBA)
    message = str(caught.value)
    assert f"{tmp_path / 'sky.png'}: no face found" in message and "\n" not in message
    assert f"{tmp_path / 'notes.jpg'}: not a picture" in message
    assert all(f"{tmp_path / name}: " in message for name in ("cut.jpg", "empty.png"))
    (tmp_path / "pictures").mkdir()
    for i in range(7):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"4\.png: .*; and 2 more$"):
        read_photos([tmp_path / "pictures"], CENTER)


def test_a_bad_photo_of_a_folder_is_left_out_a_named_one_is_not(tmp_path, capsys):
    for name, data in (("a.jpg", encoded(color(), "png")), ("broken.jpg", b"x"), ("a.png", encoded(color(), "png"))):
        (tmp_path / name).write_bytes(data)
    ids, images = read_photos([tmp_path], CENTER)
    assert ids == ["a", "a~2"] and len(images) == 2
    assert f"1 of 3 photos left out: {tmp_path / 'broken.jpg'}: not a picture" in capsys.readouterr().out
    for paths in ([tmp_path / "broken.jpg"], [tmp_path / "a.jpg", tmp_path / "broken.jpg"]):
        with pytest.raises(InputError, match=r"^[^;]*broken\.jpg: not a picture[^;]*$"):
            read_photos(paths, CENTER)


def test_a_crop_of_ones_own_takes_any_picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(pixels)))
    _, images = read_photos([tmp_path / "a.png"], CELEBA, "center")
    _, boxed = read_photos([tmp_path / "a.png"], CELEBA, (32 / 192, 0, 160 / 192, 1))
    np.testing.assert_array_equal(images, boxed)
    np.testing.assert_array_equal(read_photos([tmp_path / "a.png"], CENTER)[1], images)
    gray = CENTER | {"image_shape": [32, 48, 1]}
    assert read_photos([tmp_path / "a.png"], gray)[1].shape == (1, 32, 48, 1)
    with pytest.raises(InputError, match=r"'centre': should be align, .*; did you mean center"):
        read_photos([tmp_path / "a.png"], CENTER, "centre")


def test_pictures_in_sub_folders_are_counted(tmp_path, capsys):
    album = tmp_path / "album"
    for name in ("a.png", "inner/b.png", "inner/more/c.jpg", "inner/notes.txt", ".hidden/d.png"):
        (album / name).parent.mkdir(parents=True, exist_ok=True)
        (album / name).write_bytes(encoded(color(), "png"))
    assert read_photos([album], CENTER)[0] == ["a"]
    said = f"{album}: 2 pictures in its sub-folders are left out; name those folders, too\n"
    assert capsys.readouterr().out == said
    # those that are named, too, are not left out
    list_photos([album, album / "inner" / "b.png"])
    assert "1 picture in its sub-folders is left out" in capsys.readouterr().out
    list_photos([album, album / "inner" / "more", album / "inner"])
    assert capsys.readouterr().out == ""
    (album / "a.png").unlink()
    with pytest.raises(InputError, match=r"album: no picture in this folder .*, 2 in its sub-folders: name those$"):
        list_photos([album])


def test_folders_and_files(tmp_path):
    (tmp_path / "album/inner").mkdir(parents=True)
    for name in ("b.png", "A.JPG", ".hidden.png", "notes.txt", "inner/c.png"):
        (tmp_path / "album" / name).write_bytes(b"")
    (tmp_path / "album" / "img0").write_bytes(encoded(color()))  # a picture by its first bytes
    listed = list_photos([tmp_path / "album", tmp_path / "album/inner/c.png"])
    assert [path.name for path in listed] == ["A.JPG", "b.png", "img0", "c.png"]
    for wrong, why in (("none.png", "no such file"), ("album/empty", "no picture in this folder")):
        (tmp_path / "album/empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=f"{wrong}: {why}"):
            list_photos([tmp_path / wrong])
    with pytest.raises(InputError, match="/dev/null: not a file"):
        list_photos(["/dev/null"])


def test_ids_differ(tmp_path):
    files = [tmp_path / name for name in ("a.jpg", "x/A.png", "x/a.png", "a~2.png", "=b.png")]
    ids = unique_ids(files)
    assert ids[:3] == ["a", "A~2", "a~3"] and len({name.casefold() for name in ids}) == 5
    assert not any(name.startswith("=") for name in ids)


def test_ids_are_such_that_decode_takes_them(tmp_path):
    """It writes grid.png and the like itself; IMG.png.jpg and IMG.jpg would both be IMG.png."""
    names = ["grid.png", "Grid.jpg", "SHEET.png", "compare.jpeg", "IMG.jpg", "IMG.png.jpg", "a,b.png", "nan.png", "aux"]
    for name in names:
        (tmp_path / name).write_bytes(encoded(color(), "png"))
    ids = read_photos([tmp_path], CENTER)[0]
    assert len(ids) == 9 and {"Grid~2", "IMG", "IMG.png~2", "SHEET~2", "compare~2", "grid~3"} < set(ids)
    check_ids("table", ids)
    assert not {name.casefold() for name in picture_names(ids)} & set(SHEETS)


def test_framing_that_is_missing_or_broken(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(color()))
    with pytest.raises(InputError, match="does not record how its training images were made"):
        read_photos([tmp_path / "a.png"], None)
    wrong = [{"crop": "middle"}, {"crop": [0, 1]}, {"crop": [0.5, 0, 0.2, 1]}, {"eyes": 3}, {"eyes": [[0.6, 0.5]] * 2}]
    for changes in [*wrong, {"image_shape": [64]}, {"image_shape": [64, 64, 4]}, {"max_pixels": "many"}]:
        with pytest.raises(InputError, match=r"model.json: framing"):
            read_photos([tmp_path / "a.png"], CELEBA | changes)
    with pytest.raises(InputError, match=r"model.json: framing"):
        read_photos([tmp_path / "a.png"], {"crop": "center"})
