"""A head under a pose and a light, as fields over the pixels: what the renderer of synthetic faces paints on.

The head's horizontal sections are ellipses, so the point of the surface that a pixel shows has a closed form for any
yaw. Features are painted in the head's own frontal coordinates and so shift and foreshorten with the pose.

Units: the head is 2 high. v runs from -1 (skull) over 0 (eyes) to 1 (chin), u from the nose's line to the viewer's
right, z towards the viewer. Colours are linear light, float32, channels first.
"""

import copy
import math

import numpy as np
from PIL import Image

from facepipe.core.determinism import rng

SCALE = 0.44  # of the frame: half a head
EYE_LINE = 0.46  # of the frame, from the top: the eyes stand here in every picture
EYE_DEPTH = 0.55  # z of the eyes
FAINTEST = 1 / 1024  # coverage below which nothing is painted: a quarter of a gray level

SKIN_TONES = np.array(
    [(246, 220, 205), (236, 198, 174), (220, 172, 140), (194, 142, 108), (156, 108, 80), (128, 88, 68)], np.float32
)


def srgb(*color):
    """Linear-light float32 (3, 1, 1) of an 8-bit RGB colour (gamma 2, near sRGB's)."""
    return np.square(np.asarray(color, np.float32) / 255).reshape(3, 1, 1)


def palette(**colors):
    """Names to linear-light colours."""
    return {name: srgb(*color) for name, color in colors.items()}


HAIR = palette(black=(34, 29, 30), brown=(98, 62, 40), blond=(206, 172, 122), red=(146, 72, 42), gray=(178, 176, 174))


def ease(x):
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def inside(distance, width):
    """Coverage of the region `distance` < 0, its soft edge `width` wide."""
    return ease(0.5 - distance / width)


def bump(x, y, width, height):
    """A Gaussian hill at the origin."""
    return np.exp(-0.5 * (np.square(x / width) + np.square(y / height)))


def superellipse(x, y, a, b, power=2.2):
    """About the signed distance to |x/a|^power + |y/b|^power = 1, negative inside."""
    radius = np.power(np.power(np.abs(x / a), power) + np.power(np.abs(y / b), power), 1 / power)
    return (radius - 1) * min(a, b)


def union(first, second, blend):
    """Signed distance to two regions together, their joint rounded over about `blend`."""
    h = np.clip(0.5 + 0.5 * (second - first) / blend, 0, 1)
    return second + (first - second) * h - blend * h * (1 - h)


def box(mask):
    """The smallest (rows, columns), two slices, that hold all of `mask` (n, n) that is true; empty where nothing is."""
    slices = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis))
        slices.append(slice(places[0], places[-1] + 1) if len(places) else slice(0, 0))
    return tuple(slices)


def paint(image, coverage, color):
    """Lay `color` (broadcast to (3, n, n)) over `image` in place, where `coverage` (n, n) can be seen."""
    rows, columns = box(coverage > FAINTEST)
    part = image[:, rows, columns]
    if color.shape[-1] > 1:
        color = color[:, rows, columns]
    part += coverage[rows, columns] * (color - part)


class Head:
    """The head of one face.

    Attributes:
        factors: the face's factors. px: a pixel's width in head units.
        x, y: float32 (n, n), view coordinates with the roll undone, origin on the head's axis at the eyes' height.
        u, v: float32 (n, n), where on the head the pixel lies. phi: angle around the axis in radians, 0 at the nose.
        edge: half-width of the head at each pixel's height. outline: signed distance to the head's edge.
        slope_x, slope_y: the bare head's normal is (slope_x, slope_y, 1), in view coordinates.
        skin, hair: linear-light colours (3, 1, 1). light: unit vector towards the light.
        window: rows and columns of the n x n pixels that these fields are of: all, but for `part`.
    """

    def __init__(self, factors, n):
        f = self.factors = factors
        self.n, self.px = n, 1 / (n * SCALE)
        self.window = slice(0, n), slice(0, n)
        self.yaw, self.pitch, roll = (math.radians(f[name]) for name in ("yaw", "pitch", "roll"))
        line = (np.arange(n, dtype=np.float32) + 0.5) / n
        right, down = (line[None, :] - 0.5) / SCALE, (line[:, None] - EYE_LINE) / SCALE
        cos, sin = math.cos(roll), math.sin(roll)
        # the eyes stay where they are, so the axis moves against the yaw and the pitch
        self.x = right * cos + down * sin + EYE_DEPTH * math.sin(self.yaw)
        self.y = down * cos - right * sin - EYE_DEPTH * math.sin(self.pitch)
        self.width = 0.655 + 0.045 * f["head_width"]
        self._surface()

        azimuth, elevation = math.radians(f["light_azimuth"]), math.radians(f["light_elevation"])
        lx, ly = math.sin(azimuth) * math.cos(elevation), -math.sin(elevation)
        self.light = (lx * cos + ly * sin, ly * cos - lx * sin, math.cos(azimuth) * math.cos(elevation))

        place = f["skin_tone"] * (len(SKIN_TONES) - 1)
        red, green, blue = (float(np.interp(place, range(len(SKIN_TONES)), tones)) for tones in SKIN_TONES.T)
        self.skin = srgb(red * (1 + 0.012 * f["skin_warmth"]), green, blue * (1 - 0.05 * f["skin_warmth"]))
        self.hair = HAIR[f["hair_color"]] * (1 + 0.3 * f["hair_shade"])

    def _surface(self):
        f, x, y = self.factors, self.x, self.y
        rows = np.linspace(-1.6, 1.6, 801)
        long = 1 + 0.05 * f["chin"]
        top, bottom = np.clip(-rows, 0, 1), np.clip(rows / long, 0, 1)
        jaw = 1.85 + 0.85 * f["jaw"] + 0.3 * f["head_width"]
        point = 0.6 - 0.12 * f["jaw"] + 0.05 * f["chin"]
        half = self.width * np.where(rows < 0, (1 - top**2.4) ** 0.46, (1 - bottom**jaw) ** point)
        half += 0.02 * f["cheeks"] * np.exp(-0.5 * ((rows - 0.25) / 0.2) ** 2)
        half[(top >= 1) | (bottom >= 1)] = 0
        deep = 0.62 * np.where(rows < 0, (1 - top**2.6) ** 0.5, (1 - 0.12 * bottom**2) * (1 - bottom**6) ** 0.5)

        def at_rows(values):
            return np.interp(y, rows, values).astype(np.float32)

        w, d = np.maximum(at_rows(half), 1e-3), np.maximum(at_rows(deep), 1e-3)
        dw, dd = (at_rows(np.clip(np.gradient(values, rows), -4, 4)) for values in (half, deep))
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        # a point of the section is (w sin phi, d cos phi); turned by the yaw its x is edge * sin(phi + shift)
        self.edge = np.sqrt(np.square(w * cos) + np.square(d * sin))
        self.outline = (np.abs(x) - self.edge) / np.sqrt(1 + np.square(dw))
        self.outline = np.maximum(self.outline, np.maximum(-1 - y, y - long))
        self.phi = np.arcsin(np.clip(x / self.edge, -1, 1)) - np.arctan2(d * sin, w * cos)
        sine, cosine = np.sin(self.phi), np.cos(self.phi)
        self.u = w * sine
        depth = d * cosine * cos - w * sine * sin
        self.v = (y + depth * math.sin(self.pitch)) / math.cos(self.pitch)

        # the normal: cross product of the surface's tangents, turned by yaw and pitch
        nx, ny, nz = d * sine, -(d * dw * sine * sine + w * dd * cosine * cosine), w * cosine
        nx, nz = nx * cos + nz * sin, nz * cos - nx * sin
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        ny, nz = ny * cos - nz * sin, nz * cos + ny * sin
        nz = np.maximum(nz, 0.12 * np.sqrt(nx * nx + ny * ny) + 1e-4)  # the edge turns away, but not wholly
        self.slope_x, self.slope_y = nx / nz, ny / nz

    def part(self, mask):
        """(head, window): the same head for the pixels of the smallest box around `mask`, and that box of an image.

        Args:
            mask: bool (n, n), such as where a feature lies.

        Returns:
            A `Head` whose fields are (rows, columns) views, and a tuple to index (3, n, n) with.
        """
        rows, columns = box(mask)
        part = copy.copy(self)
        for name in ("x", "y", "u", "v", "phi", "edge", "outline", "slope_x", "slope_y"):
            setattr(part, name, getattr(self, name)[rows, columns])
        part.window = (
            slice(self.window[0].start + rows.start, self.window[0].start + rows.stop),
            slice(self.window[1].start + columns.start, self.window[1].start + columns.stop),
        )
        return part, (slice(None), rows, columns)

    def plane(self, z):
        """(u, v), each (n, n), of the points that the pixels show of an upright plane `z` before the head's axis."""
        u = (self.x - z * math.sin(self.yaw)) / math.cos(self.yaw)
        return u, (self.y + z * math.sin(self.pitch)) / math.cos(self.pitch)

    def noise(self, cells, name):
        """Smooth noise, about -1 to 1, `cells` across the frame; `name` makes it differ from the others."""
        coarse = rng(self.factors["texture"], name).standard_normal((cells, cells)).astype(np.float32)
        whole = np.asarray(Image.fromarray(coarse).resize((self.n, self.n), Image.Resampling.BICUBIC))
        return whole[self.window] * 0.6

    def strands(self, across, density, name):
        """Noise, -1 to 1, that is constant along the lines `across` (n, n) = constant: hair."""
        knots = rng(self.factors["texture"], name).uniform(-1, 1, 64)
        table = np.interp(np.arange(1024) / 16, np.arange(65), np.append(knots, knots[0])).astype(np.float32)
        return table[(across * (density * 16)).astype(np.int32) & 1023]

    def lit(self, color, nx, ny, nz, wrap=0.3, ambient=0.32):
        """Linear light (3, n, n) of a matt surface with normals (nx, ny, nz) of any length."""
        lx, ly, lz = self.light
        cosine = (nx * lx + ny * ly + nz * lz) / np.sqrt(nx * nx + ny * ny + nz * nz)
        return color * (ambient + self.factors["light_strength"] * np.maximum((cosine + wrap) / (1 + wrap), 0))
