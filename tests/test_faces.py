import numpy as np
import pytest

from facepipe.download.synthetic.factors import sample_factors
from facepipe.download.synthetic.head import Head
from facepipe.download.synthetic.renderer import relief, render

# rows and columns of a 64x64 picture, for a face that looks straight ahead
MOUTH = np.s_[42:54, 22:42]
EYES = np.s_[24:37, 16:48]
FOREHEAD = np.s_[:20]
CHEEKS = np.s_[34:42, 19:45]
CHIN = np.s_[44:58]

PLAIN = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "hat": "none", "glasses": "none", "beard": "none", "smile": 0.1,
         "mouth_open": 0.0, "age": 0.1, "bangs": 0, "hair_style": "short", "earrings": "none", "blush": 0.1,
         "eye_openness": 0.9, "light_azimuth": 0.0}  # fmt: skip


def plain(index):
    return sample_factors(0, index) | PLAIN


def change(factors, **changed):
    """Mean absolute difference (64, 64) in 8-bit steps when only `changed` changes."""
    first, second = render(factors, 64), render(factors | changed, 64)
    return np.abs(first.astype(float) - second).mean(axis=2)


@pytest.mark.parametrize("size", [16, 17, 48, 64, 128])
def test_shape(size):
    image = render(sample_factors(0, 5), size)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert image.std() > 20


def test_pure():
    factors = sample_factors(0, 1)
    copy = dict(factors)
    first = render(factors, 32)
    render(sample_factors(0, 2), 32)
    assert (render(factors, 32) == first).all() and factors == copy


def test_every_face_is_drawn_without_complaint():
    with np.errstate(all="raise", under="ignore"):
        images = [render(sample_factors(0, index), 16) for index in range(300)]
    assert len({image.tobytes() for image in images}) == 300


@pytest.mark.parametrize(
    ("changed", "where", "at_least"),
    [({"smile": 0.7}, MOUTH, 2), ({"mouth_open": 0.8}, MOUTH, 4), ({"glasses": "round"}, EYES, 12),
     ({"glasses": "square"}, EYES, 12), ({"glasses": "half"}, EYES, 8), ({"eye_openness": 0.35}, EYES, 3),
     ({"hat": "cap"}, FOREHEAD, 12), ({"hat": "beanie"}, FOREHEAD, 12), ({"hat": "brim"}, FOREHEAD, 12),
     ({"blush": 1.0}, CHEEKS, 3), ({"beard": "full"}, CHIN, 4), ({"beard": "goatee"}, CHIN, 2)],
)  # fmt: skip
def test_a_change_shows_where_it_should(changed, where, at_least):
    for index in (4, 17, 60):
        difference = change(plain(index), **changed)
        assert difference[where].mean() > at_least
        inside = difference[where].mean()
        difference[where] = 0
        assert inside > 4 * difference.mean()


def test_a_smile_leaves_hair_and_background():
    for index in (4, 17, 60):
        difference = change(plain(index), smile=1.0)
        assert difference[:15].max() == 0 and difference[:, :8].max() == 0 and difference[62:].max() == 0


def test_glasses_leave_the_mouth_and_the_hair():
    difference = change(plain(4), glasses="square")
    assert difference[MOUTH].max() == 0 and difference[:20].max() == 0


def test_light_comes_from_its_side():
    face = np.s_[30:50, 22:42]
    for index in (4, 17, 60):
        left, right = (render(plain(index) | {"light_azimuth": side}, 64)[face].mean((0, 2)) for side in (-50.0, 50.0))
        assert left[:8].mean() > right[:8].mean() + 5 and right[-8:].mean() > left[-8:].mean() + 5


def test_the_nose_stands_out_when_the_head_turns():
    for yaw in (-20.0, 20.0):
        head = Head(plain(17) | {"yaw": yaw}, 128)
        _, un, vn = relief(head)
        row = np.argmin(np.abs(vn[:, 64] - 0.42))
        tip, middle = (np.argmin(np.abs(across[row])) for across in (un, head.u))
        assert (tip - middle) * np.sign(yaw) >= 2


def test_a_face_turned_the_other_way_is_about_its_mirror_image():
    factors = plain(60) | {"eye_tilt": 0.0, "gaze_x": 0.0, "hair_style": "bald", "hairline": 0.0}
    right, left = (render(factors | {"yaw": yaw}, 64)[20:56, 16:48].astype(float) for yaw in (15.0, -15.0))
    assert np.abs(right - left[:, ::-1]).mean() < 0.4 * np.abs(right - left).mean()
