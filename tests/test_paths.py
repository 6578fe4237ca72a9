import numpy as np
import pytest

from facepipe.latents.paths import interpolate, lerp, route, slerp, traversal

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 64)).astype(np.float32)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
def test_ends_are_exact(method):
    path = interpolate(A, B, 7, method)
    assert path.shape == (7, 64) and path.dtype == np.float32
    np.testing.assert_array_equal(path[0], A)
    np.testing.assert_array_equal(path[-1], B)


def test_lerp_is_a_straight_line():
    np.testing.assert_allclose(interpolate(A, B, 5)[1], 0.75 * A + 0.25 * B, rtol=1e-6)


def test_slerp_turns_at_constant_speed_on_the_sphere():
    a, b = A / np.linalg.norm(A), B / np.linalg.norm(B)
    path = interpolate(a, b, 9, "slerp").astype(float)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, atol=1e-6)
    angles = np.arccos(np.sum(path[1:] * path[:-1], axis=1))
    np.testing.assert_allclose(angles, angles[0], rtol=1e-3)
    assert np.linalg.norm(lerp(a, b, 0.5)) < 0.8  # which is why one wants slerp


def test_slerp_of_a_right_angle():
    np.testing.assert_allclose(slerp([2.0, 0.0], [0.0, 2.0], 0.5), [2**0.5, 2**0.5], rtol=1e-6)


@pytest.mark.parametrize("b", [A * 3, A + 1e-7, -A, np.zeros_like(A)], ids=["parallel", "near", "opposite", "zero"])
def test_slerp_falls_back_to_lerp(b):
    with np.errstate(all="raise"):
        np.testing.assert_allclose(slerp(A, b, 0.3), lerp(A, b, 0.3), rtol=1e-4, atol=1e-5)


def test_rows_are_independent():
    a, b = RNG.normal(size=(2, 4, 8))
    b[2] = a[2]
    both = slerp(a, b, 0.4)
    for i in range(4):
        np.testing.assert_array_equal(both[i], slerp(a[i], b[i], 0.4))


@pytest.mark.parametrize("steps, method", [(1, "lerp"), (5, "sleep")])
def test_bad_arguments(steps, method):
    with pytest.raises(ValueError):
        interpolate(A, B, steps, method)


def test_a_route_passes_through_every_latent_once():
    points = np.stack([A, B, -A])
    path = route(points, 4, "lerp")
    assert path.shape == (7, 64)
    np.testing.assert_array_equal(path[::3], points)
    np.testing.assert_allclose(path[4], B + (-A - B) / 3, atol=1e-6)


def test_a_traversal_changes_the_position_along_its_axis_alone():
    axis = A.astype(float) / np.linalg.norm(A)
    path = traversal(B, axis, center=2.0, sd=0.5, reach=3, steps=5).astype(float)
    np.testing.assert_allclose(path @ axis, [0.5, 1.25, 2, 2.75, 3.5], atol=1e-5)
    rest = path - (path @ axis)[:, None] * axis
    np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=1e-5)
    np.testing.assert_allclose(rest[0], B - (B @ axis) * axis, atol=1e-5)
