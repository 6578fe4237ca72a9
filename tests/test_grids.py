"""Labelled grids."""

import numpy as np
import pytest

from facepipe.core.pictures import enlarge, tile
from facepipe.draw.grids import cells_of, contact_sheet, labelled, shortened, shown_scale


def numbered(count, height=3, width=5, channels=3):
    values = np.arange(1, count + 1, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return np.broadcast_to(values, (count, height, width, channels)).copy()


def test_labelled_without_labels_is_the_plain_grid():
    images = numbered(6)
    assert (labelled([images[:3], images[3:]]) == tile(images, 3)).all()


def test_labels_add_ink_beside_and_above_and_leave_the_pictures_alone():
    images = numbered(3, 16, 16) + 100
    rows, labels = [images[:2], images[2:]], (["smile", "glasses"], ["original", "a very long name"])
    plain, both = labelled(rows, scale=2), labelled(rows, *labels, scale=2)
    assert (both[-plain.shape[0] :, -plain.shape[1] :] == plain).all()
    top, left = both.shape[0] - plain.shape[0], both.shape[1] - plain.shape[1]
    assert (both[:top, left:] < 128).any() and (both[top:, :left] < 128).any()
    assert (both == labelled(rows, *labels, scale=2)).all()


def test_labels_must_match_the_grid():
    with pytest.raises(ValueError, match="1 row labels for 2 rows"):
        labelled([numbered(1), numbered(1)], ["one"])
    with pytest.raises(ValueError, match="column labels"):
        labelled([numbered(2)], column_labels=["one"])
    with pytest.raises(ValueError, match="at least one"):
        labelled([])


def test_long_labels_are_cut():
    assert shortened("Mouth_Slightly_Open") == "Mouth_Slightly_Open"
    assert shortened("x" * 31) == "x" * 27 + "..." and shortened("two\nlines ") == "two lines"
    image = [numbered(1, 16, 16)]
    wide, wider = labelled(image, ["a" * 40 + "b"]), labelled(image, ["a" * 400], ["one\ntwo"])
    assert wide.shape[1] == wider.shape[1] < 500


def test_small_images_are_shown_larger():
    assert [shown_scale((size, 8, 1)) for size in (8, 16, 32, 40, 64, 256)] == [8, 4, 2, 2, 1, 1]
    assert shown_scale((20, 64, 3)) == 1


def test_a_contact_sheet_has_each_caption_under_its_image():
    images = numbered(3, 20, 30)
    sheet = contact_sheet(images, ["a", "b", "c"], columns=2, scale=2)
    blank = contact_sheet(images, ["", "", ""], columns=2, scale=2)
    assert sheet.shape == blank.shape == (2 * (40 + 16 + 6) + 6, 2 * 66 + 6, 3)
    for i, (y, x) in enumerate([(6, 6), (6, 72), (68, 6)]):
        assert (sheet[y : y + 40, x : x + 60] == images[i, 0, 0]).all()
        below = (slice(y + 40, y + 56), slice(x, x + 60))
        assert (sheet[below] != blank[below]).any(), "ink under the image"
    assert (sheet != blank).any(axis=(1, 2))[:46].sum() == 0


def test_captions_stay_under_their_images():
    images = numbered(2, 20, 60)
    texts = ["a_very_long_name_of_a_photograph_of_somebody_0001.jpg", "漢字 😀"]
    sheet, blank = (contact_sheet(images, captions, columns=2) for captions in (texts, ["", texts[1]]))
    inked = np.flatnonzero((sheet != blank).any(axis=(0, 2)))
    assert inked.min() >= 4 and inked.max() < 70
    with pytest.raises(ValueError, match="as many captions"):
        contact_sheet(images, ["one"], columns=2)


@pytest.mark.parametrize("shape", [(16, 16, 3), (64, 48, 1), (100, 120, 3)])
def test_where_the_faces_of_a_sheet_lie(shape):
    images = np.random.default_rng(0).integers(1, 255, (7, *shape), dtype=np.uint8)
    large = enlarge(images, shown_scale(shape))
    sheet = tile(large, 3)
    cells = cells_of(sheet.shape[1], sheet.shape[0], shape)
    assert len(cells) == 9
    for (left, top, width, height), image in zip(cells, large, strict=False):
        assert (sheet[top : top + height, left : left + width] == image).all()
