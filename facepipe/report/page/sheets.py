"""Pictures of the page: a WebP to look at, the way to the file that has every pixel, and links laid over faces."""

import base64
import io
from typing import NamedTuple
from urllib.parse import quote

from facepipe.draw.grids import cells_of
from facepipe.draw.strips import QUALITY
from facepipe.report.page.reading import read_rgb

WIDEST = 1600  # pixels that are embedded, more are seldom shown
LONGEST_SIDE = 16383  # pixels that WebP can have


class Link(NamedTuple):
    """A link over a part of a picture, in its pixels."""

    href: str
    label: str
    left: int
    top: int
    width: int
    height: int


class Sheet(NamedTuple):
    """A picture that is embedded, and what belongs to it."""

    data: str  # base64 of a WebP
    width: int  # of the file at `href`, in pixels
    height: int
    caption: str
    href: str  # relative to the page
    title: str = ""  # stands above the caption, such as the model's
    links: tuple[Link, ...] = ()


def read_sheet(path, report, caption, title="", hrefs=None, image_shape=None, widest=WIDEST):
    """The `Sheet` of a picture file.

    Args:
        path: Path of the file, below `report`.
        report: Path of the folder that the page lies in.
        caption, title: str.
        hrefs: list of str, one a face in reading order, where the picture is a plain sheet of faces: where a click on
            the face leads. None: nowhere.
        image_shape: (H, W, C) of a face; needed with `hrefs`.
        widest: int, pixels of the width above which the embedded picture is made smaller.

    Raises:
        InputError: no such picture, or a damaged one.
        ValueError: more hrefs than there are places for faces.
    """
    picture = read_rgb(path)
    width, height = picture.size
    picture.thumbnail((widest, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, format="WEBP", quality=QUALITY)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    href = quote(path.relative_to(report).as_posix())
    return Sheet(data, width, height, caption, href, title, _links(hrefs, width, height, image_shape))


def _links(hrefs, width, height, image_shape):
    if not hrefs:
        return ()
    cells = cells_of(width, height, image_shape)
    if len(hrefs) > len(cells):
        raise ValueError(f"{len(hrefs)} links for {len(cells)} faces")
    return tuple(Link(href, f"face {i}", *cell) for i, (href, cell) in enumerate(zip(hrefs, cells, strict=False), 1))
