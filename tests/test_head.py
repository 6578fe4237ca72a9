import numpy as np
import pytest

from facepipe.download.synthetic.factors import sample_factors
from facepipe.download.synthetic.head import EYE_LINE, SCALE, Head, inside, paint, srgb, superellipse, union


def head(n=128, **changed):
    return Head(sample_factors(0, 1) | {"yaw": 0.0, "pitch": 0.0, "roll": 0.0} | changed, n)


def at(field, right, down):
    """Value of a field at a place given in head units from the eyes' midpoint."""
    n = len(field)
    return field[int((EYE_LINE + down * SCALE) * n), int((0.5 + right * SCALE) * n)]


@pytest.mark.parametrize("yaw", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("pitch", [-8.0, 0.0, 8.0])
@pytest.mark.parametrize("roll", [-6.0, 6.0])
def test_the_point_between_the_eyes_stays(yaw, pitch, roll):
    h = head(yaw=yaw, pitch=pitch, roll=roll)
    assert abs(at(h.u, 0, 0)) < 0.06 and abs(at(h.v, 0, 0)) < 0.06


def test_the_eyes_stay_when_the_head_turns():
    def columns(yaw):
        row = head(yaw=yaw).u[int(EYE_LINE * 128)]
        return np.array([np.argmin(np.abs(row - side)) for side in (-0.285, 0.285)])

    straight = columns(0.0)
    assert straight[1] - straight[0] > 25
    assert np.abs(columns(20.0) - straight).max() <= 2 and np.abs(columns(-20.0) - straight).max() <= 2


def test_fields_are_finite_float32():
    h = head(yaw=24.0, pitch=-9.0, roll=6.0)
    for name in ("x", "y", "u", "v", "phi", "edge", "outline", "slope_x", "slope_y"):
        field = getattr(h, name)
        assert field.dtype == np.float32 and field.shape == (128, 128) and np.isfinite(field).all(), name


def test_outline():
    h = head()
    assert at(h.outline, 0, 0) < -0.3 and at(h.outline, 0, 0.9) < 0 < at(h.outline, 0, 1.15)
    assert at(h.outline, 0, -0.9) < 0 < at(h.outline, 0, -1.1) and at(h.outline, 1, 0) > 0.2


def test_a_turned_head_shows_its_other_side():
    straight, right = head(), head(yaw=20.0)
    first, last = (lambda h: h.phi[h.outline < 0].min()), (lambda h: h.phi[h.outline < 0].max())
    assert first(right) < first(straight) - 0.2 and last(right) < last(straight) - 0.2


def test_the_normal_points_away_from_the_middle():
    h = head()
    assert at(h.slope_x, -0.4, 0.1) < -0.1 and at(h.slope_x, 0.4, 0.1) > 0.1
    assert at(h.slope_y, 0, -0.8) < -0.1 and at(h.slope_y, 0, 0.9) > 0.1


def test_noise_is_named_and_repeats():
    h = head()
    assert (h.noise(5, "a") == head().noise(5, "a")).all() and (h.noise(5, "a") != h.noise(5, "b")).any()
    down = h.strands(np.broadcast_to(h.u[64], h.u.shape), 40, "a")  # along columns
    assert np.abs(down).max() <= 1 and down.std() > 0.2 and (down == down[0]).all()


def test_lit_side_faces_the_light():
    h = head(light_azimuth=60.0, light_elevation=10.0)
    one = np.ones((1, 1), np.float32)
    right, left = (h.lit(srgb(255, 255, 255), side * one, 0, 0.5).item(0) for side in (1, -1))
    assert right > 2 * left > 0


def test_shapes():
    x = np.array([0.0, 1.0, 3.0], np.float32)
    assert superellipse(x, 0 * x, 1, 2) == pytest.approx([-1, 0, 2], abs=1e-5)
    assert inside(np.array([-1.0, 0.0, 1.0]), 0.5) == pytest.approx([1, 0.5, 0])
    assert union(np.array([-1.0, 2.0]), np.array([1.0, 2.0]), 0.1) == pytest.approx([-1, 1.975])


def test_paint():
    image = np.zeros((3, 2, 2), np.float32)
    paint(image, np.array([[0, 0.5], [1, 0]], np.float32), srgb(255, 0, 255))
    assert image[0].tolist() == [[0, 0.5], [1, 0]] and not image[1].any()
