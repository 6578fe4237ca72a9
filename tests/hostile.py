"""Picture files as strange as they come, each with what should become of it."""

import io
import os
import struct
import unicodedata
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, features

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
QUARTERS = (RED, GREEN, BLUE, WHITE)
GRAYS = tuple((gray,) * 3 for gray in (76, 150, 29, 255))  # their luma


class Expected(NamedTuple):
    """What should become of a file.

    Attributes:
        outcome: "ok"; "rejected"; "either", where damage cannot be told from a strange picture; "left out", where it
            is nothing that a data set would offer as a picture.
        reason: words of the reason for "rejected", a regular expression.
        look: colours of the quarters (left top, right top, left bottom, right bottom) of an upright "ok" picture.
        clash: whether another file has the same name: exactly (the last of them is a picture), or
            where upper and lower case and Unicode forms do not count (all are pictures).
    """

    outcome: str
    reason: str = ""
    look: tuple = QUARTERS
    clash: bool = False


OK, OK_GRAY, OK_WHITE = Expected("ok"), Expected("ok", look=GRAYS), Expected("ok", look=(WHITE,) * 4)
NO_PICTURE, DAMAGED = Expected("rejected", "not a picture"), Expected("rejected", "damaged")
BROKEN_HEIC = Expected("rejected", "not a picture|damaged|HEIC")  # as the extra is installed or not
TRUNCATED, TOO_LARGE = Expected("rejected", "damaged.*truncated"), Expected("rejected", "more than .* pixels")
LEFT_OUT, CLASH = Expected("left out"), Expected("ok", clash=True)


def encoded(image, kind, **options):
    """The bytes of a PIL image in a format of Pillow's; JPEGs nearly lossless."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 95, "subsampling": 0} if kind == "jpeg" else {}) | options)
    return file.getvalue()


class Quarters:
    """Pictures of four coloured quarters, each call's larger than the last, so that no two files are equal."""

    def __init__(self):
        self._width = 58

    def __call__(self, mode="RGB"):
        self._width += 2
        pixels = np.zeros((40, self._width, 3), np.uint8)
        for quarter, ink in enumerate(QUARTERS):
            row, column = divmod(quarter, 2)
            pixels[20 * row :, self._width // 2 * column :] = ink
        return Image.fromarray(pixels).convert(mode)


def with_exif(image, kind, orientation):
    """The picture stored as a camera held in that way does, to be turned upright by its EXIF orientation."""
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image if back is None else image.transpose(Image.Transpose(back)), kind, exif=exif)


def png(width, height, depth, color, rows, *extra):
    """A PNG from its parts; `extra` are chunks (kind, bytes) before the pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def announce_jpeg(data, width, height):
    """A JPEG whose header tells another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def transparent(image, mode):
    """White of the last quarter replaced by black that is fully transparent."""
    alpha = np.full((image.height, image.width), 255, np.uint8)
    alpha[20:, image.width // 2 :] = 0
    pixels = np.asarray(image.convert(mode[:-1])).copy()
    pixels[alpha == 0] = 0
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(alpha))
    return image


def kinds(draw):
    """{file name: (bytes, `Expected`)} of every format and of every damage."""
    deep = (np.asarray(draw("L")).astype(np.uint16) * 257).astype(">u2")
    deep_rgb = np.asarray(draw()).astype(np.uint16) * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep_rgb)
    palette = Image.fromarray(np.repeat(np.repeat(np.array([[0, 1], [2, 3]], np.uint8), 20, 0), 35, 1))
    palette.putpalette([*RED, *GREEN, *BLUE, 7, 7, 7])
    cmyk = draw("CMYK")

    def animated(kind, **options):
        first = draw()
        return encoded(first, kind, save_all=True, append_images=[Image.new("RGB", first.size, "purple")], **options)

    formats = {
        "plain.jpg": (encoded(draw(), "jpeg"), OK),
        "plain.png": (encoded(draw(), "png"), OK),
        "plain.bmp": (encoded(draw(), "bmp"), OK),
        "plain.ppm": (encoded(draw(), "ppm"), OK),
        "plain.pgm": (encoded(draw("L"), "ppm"), OK_GRAY),
        "plain.tga": (encoded(draw(), "tga"), OK),
        "plain.tif": (encoded(draw(), "tiff", compression="tiff_lzw"), OK),
        "plain.jp2": (encoded(draw(), "jpeg2000"), OK),
        "plain.webp": (encoded(draw(), "webp", quality=95), OK),
        "subsampled.jpg": (encoded(draw(), "jpeg", subsampling=2), OK),
        "progressive.jpg": (encoded(draw(), "jpeg", progressive=True), OK),
        "gray.jpg": (encoded(draw("L"), "jpeg"), OK_GRAY),
        "cmyk.jpg": (encoded(cmyk, "jpeg"), OK),
        "cmyk.tif": (encoded(cmyk, "tiff"), OK),
        "several.mpo.jpg": (animated("mpo", quality=95), OK),
        "sixteen.png": (encoded(Image.fromarray(deep.astype(np.uint16)), "png"), OK_GRAY),
        "sixteen-rgb.png": (png(deep_rgb.shape[1], 40, 16, 2, rows), OK),
        "bilevel.png": (encoded(Image.new("1", (50, 50), 1), "png"), OK_WHITE),
        "palette.png": (encoded(palette, "png", transparency=3), OK),
        "gray-alpha.png": (encoded(transparent(draw(), "LA"), "png"), Expected("ok", look=(*GRAYS[:3], WHITE))),
        "alpha.png": (encoded(transparent(draw(), "RGBA"), "png"), OK),
        "alpha.webp": (encoded(transparent(draw(), "RGBA"), "webp", lossless=True), OK),
        "animated.gif": (animated("gif"), OK),
        "animated.webp": (animated("webp", lossless=True), OK),
        "animated.png": (animated("png"), OK),
        "pages.tif": (animated("tiff"), OK),
        "icon.jpg": (encoded(draw(), "ico", sizes=[(48, 32)]), OK),
        "int32.tif": (encoded(Image.fromarray(deep.astype(np.int32)), "tiff"), OK_GRAY),
        "pixel.png": (encoded(Image.new("RGB", (1, 1), RED), "png"), Expected("ok", look=(RED,) * 4)),
        "column.png": (encoded(Image.new("RGB", (1, 500), RED), "png"), Expected("ok", look=(RED,) * 4)),
        "row.jpg": (encoded(Image.new("RGB", (5000, 3), BLUE), "jpeg"), Expected("ok", look=(BLUE,) * 4)),
        "really-png.jpg": (encoded(draw(), "png"), OK),
        "really-jpeg.png": (encoded(draw(), "jpeg"), OK),
        "garbage-after-the-end.jpg": (encoded(draw(), "jpeg") + b"\0garbage" * 99, OK),
    }
    if features.check("avif"):
        formats["plain.avif"] = (encoded(draw(), "avif", quality=95), OK)
    for kind, suffix in (("jpeg", "jpg"), ("png", "png"), ("tiff", "tif"), ("webp", "webp")):
        for orientation in range(1, 9) if kind == "jpeg" else (6,):
            formats[f"exif{orientation}.{suffix}"] = (with_exif(draw(), kind, orientation), OK)
    jpeg, whole, tiff = encoded(draw(), "jpeg"), encoded(draw(), "png"), encoded(draw(), "tiff")
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    noisy, noisy_png = encoded(Image.fromarray(noise), "jpeg"), encoded(Image.fromarray(noise), "png")
    middle = len(noisy) // 2
    exif = Image.Exif()
    exif[0x0112] = 6
    wild = encoded(draw(), "jpeg", exif=exif).replace(b"MM\0*", b"XX\0*")
    damages = {
        "empty.jpg": (b"", NO_PICTURE),
        "text.jpg": (b"This is a picture of my cat.\n", NO_PICTURE),
        "error-page.jpg": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", NO_PICTURE),
        "drawing.svg.png": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', NO_PICTURE),
        "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", NO_PICTURE),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), BROKEN_HEIC),
        "zeros.jpg": (bytes(5000), NO_PICTURE),
        "noise.png": (noise.tobytes(), NO_PICTURE),
        "head-only.jpg": (jpeg[:3], NO_PICTURE),
        "cut-in-the-header.jpg": (jpeg[:300], Expected("rejected", "not a picture|damaged")),
        "cut-in-the-middle.jpg": (noisy[:middle], TRUNCATED),
        "cut-near-the-end.jpg": (noisy[:-50], TRUNCATED),
        "zeros-after-the-header.jpg": (jpeg[:700] + bytes(3000), Expected("either")),
        "scribbled-over.jpg": (noisy[:middle] + b"\x55" * 400 + noisy[middle + 400 :], Expected("either")),
        "cut.png": (noisy_png[: len(noisy_png) // 2], DAMAGED),
        "wrong-checksum.png": (whole[:50] + bytes([whole[50] ^ 255]) + whole[51:], DAMAGED),
        "cut.gif": (encoded(Image.fromarray(noise), "gif")[:4000], DAMAGED),
        "cut.webp": (encoded(Image.fromarray(noise), "webp")[:1000], Expected("rejected", "not a picture|damaged")),
        "cut.tif": (tiff[:2000], Expected("rejected", "not a picture|damaged")),
        "cut.bmp": (encoded(draw(), "bmp")[:2000], DAMAGED),
        "wild-exif.jpg": (wild, OK),
        "wild-exif.png": (png(1, 1, 8, 0, b"\0\xff", (b"eXIf", b"XX\0*wild")), OK_WHITE),
        "float.tif": (
            encoded(Image.fromarray(noise[..., 0] / 9.0).convert("F"), "tiff"),
            Expected("rejected", "float"),
        ),
        "beyond-int16.tif": (
            encoded(Image.fromarray(noise[..., 0].astype(np.int32) * 9999), "tiff"),
            Expected("rejected", "beyond 16 bits"),
        ),
        "lab.tif": (encoded(draw("LAB"), "tiff"), Expected("rejected", "Lab")),
        "program.jpg": (encoded(draw(), "eps"), Expected("rejected", "EPS")),
        "bomb.png": (png(30_000, 30_000, 8, 2, b"0"), TOO_LARGE),
        "bomb.jpg": (announce_jpeg(jpeg, 30_000, 30_000), TOO_LARGE),
        "bomb.gif": (b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + encoded(draw(), "gif")[10:], TOO_LARGE),
        "text-bomb.png": (
            png(1, 1, 8, 0, b"\0\0", (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300_000_000)))),
            Expected("rejected", "damaged.*too large"),
        ),
        "no-pixels.png": (png(0, 0, 8, 0, b""), Expected("rejected", "not a picture|damaged")),
    }
    return formats | damages


def odd_names(draw):
    """{file name: (bytes, `Expected`)} of good pictures under names that are hard to handle."""
    accented = "Zoë é"
    plain = [
        "two words.jpg",
        "new\nline.jpg",
        "tab\tand\x01control.jpg",
        'it\'s "quoted".jpg',
        "a,b;c.jpg",
        "back\\slash.jpg",
        "-rf.jpg",
        "=1+1.jpg",
        "100%25.jpg",
        "con.jpg",
        "Com1.tar.jpg",
        " space.jpg",
        "顔写真-\U0001f600.png",
        "\u202egpj.exe.jpg",
        "x" * 240 + ".jpg",
        "ü" * 120 + ".jpg",
        "no-dot-but.JPEG",
        os.fsdecode(b"latin1-\xe9.jpg"),
    ]
    pairs = [unicodedata.normalize(form, f"{accented}.jpg") for form in ("NFC", "NFD")] + ["Case.jpg", "case.JPG"]
    return {name: (encoded(draw(), "png"), OK) for name in plain} | {
        name: (encoded(draw(), "png"), CLASH) for name in pairs
    }


def write_hostile(folder):
    """Fill a folder.

    Args:
        folder: Path, made if missing; a picture that a link leads to is written beside it.

    Returns:
        {file name: `Expected`}.
    """
    draw, folder = Quarters(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = kinds(draw) | odd_names(draw)
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    (folder / ".hidden.jpg").write_bytes(encoded(draw(), "jpeg"))
    (folder / "._plain.jpg").write_bytes(b"\0\5\x16\7 what macOS adds")
    (folder / "notes.txt").write_text("not offered as a picture")
    (folder / "folder.jpg").mkdir()
    outside = folder.parent / f"{folder.name}-outside.jpg"
    outside.write_bytes(encoded(draw(), "jpeg"))
    (folder / "link-inside.jpg").symlink_to(".hidden.jpg")
    (folder / "link-outside.jpg").symlink_to(outside)
    (folder / "link-to-nothing.jpg").symlink_to("nothing.jpg")
    (folder / "link-to-itself.jpg").symlink_to("link-to-itself.jpg")
    (folder / "link-to-a-folder.jpg").symlink_to("..")
    os.mkfifo(folder / "pipe.jpg")
    special = [
        ".hidden.jpg", "._plain.jpg", "notes.txt", "folder.jpg", "link-to-nothing.jpg", "link-to-itself.jpg",
        "link-to-a-folder.jpg", "pipe.jpg",
    ]  # fmt: skip
    followed = {"link-inside.jpg": OK, "link-outside.jpg": OK}
    return {name: expected for name, (_, expected) in files.items()} | followed | dict.fromkeys(special, LEFT_OUT)
