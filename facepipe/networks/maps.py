"""Sizes and channels of a network's maps: halvings, widths, patches."""

from facepipe.errors import FieldError

# of widths "auto": channels of the smallest map, also by patch, fewest of the largest, the smallest map's shorter side
WIDEST, WIDEST_BY_PATCH, NARROWEST, SMALLEST = 256, {2: 128}, 16, 4
# of patch_size "auto": the shortest side from which on an image is folded, and by how much
PATCHES = {64: 2, 96: 4}


def folded_shape(shape, patch):
    """(h, w, c) -> (ceil(h / patch), ceil(w / patch), patch * patch * c)."""
    height, width, channels = shape
    return -(-height // patch), -(-width // patch), patch * patch * channels


def halvings(image_shape, levels, field, patch=1):
    """Sizes of the feature maps from the image down, each half the one before, rounded up.

    Args:
        image_shape: (height, width, channels).
        levels: int, how many halvings.
        field: str, what the widths are called, for the message.
        patch: int, pixels a side that are folded into channels before, see `patches.folded`.

    Returns:
        list of (height, width), `levels` + 1 long, from the folded image's on.

    Raises:
        FieldError: a map would be smaller than 2 x 2.
    """
    sizes = [folded_shape(image_shape, patch)[:2]]
    for _ in range(levels):
        sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
    if min(sizes[-1]) < 2:
        fit = sum(min(size) >= 2 for size in sizes) - 1
        by = f" in patches of {patch}x{patch}" if patch > 1 else ""
        use = f"at most {fit} widths or larger images" if fit > 0 else "a smaller patch_size or larger images"
        raise FieldError(
            field,
            f"{levels} widths halve {image_shape[0]}x{image_shape[1]} images{by} to "
            f"{sizes[-1][0]}x{sizes[-1][1]}; use {use}",
        )
    return sizes


def check_widths(image_shape, widths, patch_size, field):
    """FieldError where a network of such widths and patches (both as in params.yaml) halves an image too often."""
    patch = patch_for(image_shape, patch_size)
    halvings(image_shape, len(widths_for(image_shape, widths, patch=patch)), field, patch)


def patch_for(image_shape, patch_size):
    """Side of the patches of an image that a network folds into channels, so that no layer works on single pixels.

    Args:
        image_shape: (h, w, c).
        patch_size: int, which is returned, or "auto": 1 where a side is below 64 pixels, 2 below 96, else 4.

    Returns:
        int.
    """
    if patch_size != "auto":
        return patch_size
    return max((patch for side, patch in PATCHES.items() if min(image_shape[:2]) >= side), default=1)


def widths_for(image_shape, widths, upwards=False, patch=1):
    """Channels of a network's maps.

    Args:
        image_shape: (h, w, c).
        widths: tuple of ints, which is returned, or "auto": the image is halved until a side is 4 pixels or less, the
            smallest map has 256 channels (in patches of 2 pixels 128), and each larger one half of those of the next,
            at least 16. So the operations grow slower than the pixels: 64x64 gives (32, 64, 128, 256), in patches of 2
            (32, 64, 128), 218x178 (16, 16, 32, 64, 128, 256).
        upwards: bool, whether "auto" begins with the smallest map, as a generator does.
        patch: int, from `patch_for`; "auto" halves the folded image.

    Returns:
        tuple of ints.
    """
    if widths != "auto":
        return tuple(widths)
    side, found = min(folded_shape(image_shape, patch)[:2]), [WIDEST_BY_PATCH.get(patch, WIDEST)]
    while (side := -(-side // 2)) > SMALLEST:
        found.insert(0, max(NARROWEST, found[0] // 2))
    return tuple(found[::-1] if upwards else found)
