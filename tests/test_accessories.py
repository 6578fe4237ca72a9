import numpy as np
import pytest

from facepipe.download.synthetic import accessories
from facepipe.download.synthetic.factors import sample_factors
from facepipe.download.synthetic.head import Head

STRAIGHT = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "light_azimuth": 0.0, "hat": "none", "glasses": "none",
            "earrings": "none", "bangs": 0, "hair_side": 1}  # fmt: skip


def head(**changed):
    return Head(sample_factors(0, 1) | STRAIGHT | changed, 96)


def painted(part, h):
    """Where (n, n) the part changes a gray picture."""
    image = np.full((3, 96, 96), 0.5, np.float32)
    part(h, image)
    assert np.isfinite(image).all() and image.min() >= 0
    return (image != 0.5).any(axis=0)


@pytest.mark.parametrize("kind", ["gradient", "plain"])
def test_background(kind):
    image = accessories.background(head(background=kind))
    assert image.shape == (3, 96, 96) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() < 1 and image.std(axis=(1, 2)).max() > 0.005


@pytest.mark.parametrize(
    ("part", "factor"), [(accessories.glasses, "glasses"), (accessories.hat, "hat"), (accessories.earrings, "earrings")]
)
def test_none_paints_nothing(part, factor):
    assert not painted(part, head(**{factor: "none"})).any()


@pytest.mark.parametrize("kind", ["round", "square", "half"])
def test_glasses_stand_before_the_eyes(kind):
    h = head(glasses=kind)
    where = painted(accessories.glasses, h)
    assert where[(np.abs(h.v) < 0.1) & (np.abs(np.abs(h.u) - 0.285) < 0.1)].all()  # lenses
    assert not where[np.abs(h.v) > 0.4].any()
    turned = head(glasses=kind, yaw=20.0)
    below = painted(accessories.glasses, turned) & (turned.v > 0.1)  # the rims without the temples
    # they stand out, so they move past the eyes, which stay in the middle
    assert np.nonzero(below)[1].mean() > np.nonzero(where & (h.v > 0.1))[1].mean() + 0.5


@pytest.mark.parametrize("kind", ["beanie", "cap", "brim"])
def test_hats_cover_the_skull_and_not_the_eyes(kind):
    h = head(hat=kind)
    where = painted(accessories.hat, h)
    assert where[(h.outline < 0) & (h.v < accessories.HAT_LINE - 0.02)].all()
    assert not where[h.v > 0].any()


@pytest.mark.parametrize("style", ["short", "parted", "tied", "curly", *accessories.HANGING])
def test_hair_grows_above_the_hairline(style):
    h = head(hair_style=style, hairline=0.1)
    where = painted(accessories.hair, h)
    assert where[(h.outline < 0) & (h.v < -0.8)].all()
    assert not where[(h.outline < 0) & (np.abs(h.u) < 0.2) & (h.v > -0.2)].any()
    longer = painted(accessories.hair, head(hair_style=style, hairline=0.1, bangs=1))
    assert longer[(np.abs(h.u) < 0.2) & (h.v < -0.4) & (h.v > -0.55)].mean() > 0.95
    assert where[h.y > 0.6].any() == (style in accessories.HANGING)


def test_bald():
    assert not painted(accessories.hair, head(hair_style="bald", hairline=0.2)).any()
    fringe = painted(accessories.hair, head(hair_style="bald", hairline=0.9))
    assert fringe.any() and not fringe[:, 40:56].any()


def test_hair_stays_under_a_hat():
    h = head(hair_style="curly", hair_volume=1.0, hat="cap")
    assert not painted(accessories.hair, h)[h.v < accessories.HAT_LINE - 0.2].any()


def test_long_hair_covers_the_ears():
    assert painted(accessories.ears, head(hair_style="short")).any()
    assert not painted(accessories.ears, head(hair_style="long")).any()
    assert painted(accessories.back_hair, head(hair_style="long")).any()
    assert not painted(accessories.back_hair, head(hair_style="short")).any()


def test_neck_and_clothes_are_below():
    h = head()
    neck, clothes = painted(accessories.neck, h), painted(accessories.clothes, h)
    assert not neck[h.y < 0.25].any() and not clothes[h.y < 0.95].any()
    assert clothes[-1].mean() > 0.5
