"""Sizes and channels of maps: halvings, widths and patches that suit the image."""

import pytest

from facepipe.errors import InputError
from facepipe.networks.maps import halvings, patch_for, widths_for


def test_halvings_round_up():
    assert halvings((218, 178, 3), 4, "k") == [(218, 178), (109, 89), (55, 45), (28, 23), (14, 12)]


def test_too_many_widths_are_named():
    with pytest.raises(InputError, match=r"encoder widths: 4 widths halve 16x16 images to 1x1; use at most 3 widths"):
        halvings((16, 16, 3), 4, "encoder widths")


def test_too_many_widths_for_the_patches():
    with pytest.raises(InputError, match=r"k: 2 widths halve 16x20 images in patches of 4x4 to 1x2; use at most 1 wi"):
        halvings((16, 20, 3), 2, "k", 4)
    with pytest.raises(InputError, match=r"in patches of 16x16 to 1x1; use a smaller patch_size or larger images$"):
        halvings((16, 16, 3), 1, "k", 16)


@pytest.mark.parametrize(
    ("side", "widths"),
    [
        (8, (256,)),
        (16, (128, 256)),
        (64, (32, 64, 128, 256)),
        (65, (16, 32, 64, 128, 256)),
        (128, (16, 32, 64, 128, 256)),
        (178, (16, 16, 32, 64, 128, 256)),
        (512, (16, 16, 16, 32, 64, 128, 256)),
    ],
)
def test_widths_that_suit_the_image(side, widths):
    assert widths_for((side + 40, side, 3), "auto") == widths_for((side, side + 40, 3), "auto") == widths
    assert widths_for((side, side, 1), "auto", upwards=True) == widths[::-1]
    assert min(min(size) for size in halvings((side, side, 3), len(widths), "widths")) >= 2


def test_widths_as_given():
    assert widths_for((64, 64, 3), [4, 8]) == widths_for((64, 64, 3), (4, 8), upwards=True) == (4, 8)


def test_patches_that_suit_the_image():
    assert [patch_for((side, 200, 3), "auto") for side in (8, 63, 64, 95, 96)] == [1, 1, 2, 2, 4]
    assert patch_for((200, 64, 3), "auto") == 2 and patch_for((16, 16, 3), 2) == 2
    assert widths_for((218, 178, 3), "auto", patch=4) == (32, 64, 128, 256)
    assert widths_for((128, 128, 3), "auto", patch=4) == (64, 128, 256)
    assert widths_for((64, 64, 3), "auto", patch=2) == (32, 64, 128)
