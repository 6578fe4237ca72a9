"""The renderer of synthetic faces: skin with relief, eyes, brows, mouth and beard, shaded under one light."""

import math

import numpy as np

from facepipe.download.synthetic.accessories import (
    back_hair,
    background,
    clothes,
    earrings,
    ears,
    glasses,
    hair,
    hat,
    neck,
)
from facepipe.download.synthetic.head import Head, bump, ease, inside, paint, palette, srgb, superellipse

SUPERSAMPLE = 2
WRAP = (0.45, 0.28, 0.22)  # light goes on under the skin past the terminator, red the farthest
LIPSTICK = palette(red=(190, 30, 44), pink=(222, 84, 118), berry=(136, 28, 68))
IRIS = palette(brown=(84, 50, 28), blue=(78, 122, 166), green=(86, 118, 74), hazel=(124, 92, 46))


def render(factors, size):
    """Draw one face.

    Args:
        factors: dict as from `facepipe.download.synthetic.factors.sample_factors`.
        size: int, height and width in pixels, 16 to 512.

    Returns:
        uint8 array (size, size, 3), RGB; the same bytes for the same arguments.
    """
    head = Head(factors, size * SUPERSAMPLE)
    image = background(head)
    back_hair(head, image)
    neck(head, image)
    clothes(head, image)
    face(head, image)
    hair(head, image)
    ears(head, image)
    earrings(head, image)
    glasses(head, image)
    hat(head, image)
    # the mean of each block in linear light, then the display's gamma
    small = image.reshape(3, size, SUPERSAMPLE, size, SUPERSAMPLE).mean((2, 4))
    values = np.sqrt(np.clip(small, 0, 1)) * 255 + 0.5
    return np.ascontiguousarray(values.astype(np.uint8).transpose(1, 2, 0))


def face(head, image):
    """The head's front with all that is on its skin."""
    head, window = head.part(head.outline < 4 * head.px)
    image = image[window]
    f, u, v = head.factors, head.u, head.v
    side = np.abs(u)
    height, un, vn = relief(head)
    nx, ny = head.slope_x.copy(), head.slope_y.copy()
    nx[:, 1:-1] -= (height[:, 2:] - height[:, :-2]) / (2 * head.px)
    ny[1:-1] -= (height[2:] - height[:-2]) / (2 * head.px)
    length = np.sqrt(1 + nx * nx + ny * ny)

    albedo = head.skin * (1 + 0.035 * head.noise(9, "blotches") + 0.02 * head.noise(24, "pores"))
    red = srgb(225, 105, 98) * (0.35 + 0.65 * head.skin)
    paint(albedo, (0.05 + 0.55 * f["blush"]) * bump(side - 0.4, v - 0.34, 0.14, 0.11), red)
    paint(albedo, 0.14 * bump(un, vn - 0.42, 0.1, 0.08), red)
    if f["freckles"]:
        spots = ease(head.noise(44, "freckles") * 2.2 - 0.9) * bump(side - 0.25, v - 0.28, 0.24, 0.13)
        paint(albedo, 0.4 * f["freckles"] * spots, head.skin * srgb(200, 150, 120))
    if f["beard"] != "none":
        on_part(beard, head, v > 0.05, albedo)
    on_part(lips, head, (v > 0.45) & (v < 1), albedo)
    if f["lipstick"] != "none":  # and shadow on the lids
        paint(albedo, 0.4 * bump(side - 0.3, v + 0.085, 0.12, 0.035), LIPSTICK[f["lipstick"]] * 0.3 + head.skin * 0.2)
    on_part(brows, head, (v > -0.5) & (v < 0), albedo)

    lx, ly, lz = head.light
    wide = 1 + 0.3 * f["nose_size"]
    # less light reaches the hollows, the nostrils and, below and beside the nose, its shadow
    sky = 1 - 0.3 * bump(side - 0.25, v + 0.06, 0.13, 0.06) - 0.45 * bump(un, vn - 0.535, 0.12, 0.03)
    sky -= 0.5 * bump(np.abs(un) - 0.06 * wide, vn - 0.478, 0.03, 0.015)
    sky -= 0.32 * bump(np.abs(un) - 0.16 * wide, vn - 0.43, 0.018, 0.04) + 0.18 * bump(u, v - 0.83, 0.14, 0.03)
    sky -= 0.32 * abs(lx) * bump(un + math.copysign(0.15 * wide, lx), vn - 0.42, 0.055, 0.09)
    sky *= 0.75 + 0.25 * inside(head.outline + 0.1, 0.2)
    cosine = (nx * lx + ny * ly + lz) / length
    skin = np.empty_like(image)
    for channel, wrap in enumerate(WRAP):
        diffuse = np.maximum((cosine + wrap) / (1 + wrap), 0)
        skin[channel] = albedo[channel] * sky * (0.26 + 0.9 * f["light_strength"] * diffuse)
    # Blinn's highlight, to the 16th power; the viewer is at (0, 0, 1)
    half = math.sqrt(lx * lx + ly * ly + (lz + 1) ** 2)
    shine = np.maximum((nx * lx + ny * ly + lz + 1) / (half * length), 0)
    skin += (0.10 * f["light_strength"]) * sky * np.square(np.square(np.square(np.square(shine))))
    on_part(eyes, head, (v > -0.3) & (v < 0.3), skin)
    on_part(open_mouth, head, (v > 0.25) & (v < 1), skin)
    paint(image, inside(head.outline, 2 * head.px), skin)


def on_part(draw, head, mask, image):
    """Call draw(head, image) with only the box around `mask` (rows, columns), outside of which it changes nothing."""
    part, window = head.part(mask)
    draw(part, image[window])


def relief(head):
    """Height (n, n) of the features over the bare head, and the coordinates (un, vn) on the nose, which stands out."""
    f, u, v = head.factors, head.u, head.v
    side = np.abs(u)
    rise = ease((v + 0.12) / 0.55)
    lean = 0.2 * rise * inside(v - 0.56, 0.1)  # what stands out shifts with yaw and pitch
    un = u - lean * math.tan(head.yaw)
    vn = (v + lean * math.tan(head.pitch)) / (1 + 0.06 * f["nose_length"])
    wide, big = 1 + 0.3 * f["nose_size"], 1 + 0.18 * f["nose_size"]
    ridge = np.exp(-0.5 * np.square(un / ((0.055 + 0.03 * rise) * wide)))
    height = 0.17 * big * rise * inside(vn - 0.47, 0.09) * ridge
    height += 0.07 * big * bump(un, vn - 0.405, 0.075 * wide, 0.06)  # tip
    height += 0.05 * big * bump(np.abs(un) - 0.115 * wide, vn - 0.43, 0.045 * wide, 0.045)  # wings
    height -= 0.075 * bump(side - 0.28, v, 0.15, 0.1)  # sockets
    height += 0.045 * bump(side - 0.285, v - 0.01, 0.1, 0.07)  # eyeballs under their lids
    height += (0.03 + 0.02 * f["male"]) * bump(side - 0.26, v + 0.19, 0.2, 0.07)  # brow ridge
    cheek = 0.045 + 0.045 * f["smile"] + 0.02 * f["cheeks"]
    height += cheek * bump(side - 0.38, v - 0.32 + 0.06 * f["smile"], 0.13, 0.12)
    height -= 0.05 * f["age"] * bump(side - 0.38, v - 0.58, 0.1, 0.12)  # cheeks fall in with age
    fold = side - (0.17 + 0.26 * (v - 0.42) + 0.06 * f["smile"])
    height -= (0.01 + 0.05 * f["age"] + 0.03 * f["smile"]) * bump(fold, v - 0.55, 0.035, 0.11)
    height += 0.05 * bump(u, v - 0.68, 0.2, 0.13)  # the teeth's arch
    height -= 0.03 * bump(u, v - 0.82, 0.13, 0.035)  # under the lip
    height += (0.05 + 0.02 * f["male"]) * bump(u, v - 0.92, 0.14, 0.07)  # chin
    height -= 0.012 * bump(u, v - 0.55, 0.03, 0.04)  # philtrum
    if f["age"] > 0.4:
        waves = np.cos((v + 0.03 * np.cos(u * 5)) * 62)
        height += 0.012 * f["age"] * waves * bump(u, v + 0.42, 0.28, 0.1)  # forehead lines
        bags = v - 0.15 - 0.1 * np.square(side - 0.27)
        height -= 0.045 * f["age"] * bump(side - 0.27, bags, 0.09, 0.025)
    return height, un, vn


def mouth(head):
    """The mouth as curves over u: place s (-1 to 1, corner to corner), lip line, gap, height of upper and lower lip."""
    f = head.factors
    smile = f["smile"]
    half = 0.215 + 0.03 * f["mouth_width"] + 0.085 * smile - 0.02 * f["mouth_open"] * (1 - smile)
    s = head.u / half
    s2 = np.minimum(s * s, 1)
    line = 0.665 + 0.055 * smile - (0.008 + 0.162 * smile) * s2
    gap = f["mouth_open"] * 0.105 * np.sqrt(1 - s2)
    full = (1 + 0.42 * f["lip_fullness"] - 0.06 * f["male"] - 0.1 * f["age"]) * (1 - 0.25 * smile)
    upper = 0.045 * full * np.power(1 - s2, 0.8) * (1 - 0.28 * np.exp(-np.square(s / 0.2)) + 0.1 * s2)
    lower = 0.066 * full * np.power(1 - s2, 0.7)
    return s, line, gap, upper, lower


def lips(head, albedo):
    """Colour of the lips."""
    f, v = head.factors, head.v
    s, line, gap, upper, lower = mouth(head)
    distance = np.where(np.abs(s) < 1, np.maximum(line - upper - v, v - line - gap - lower), 1)
    if f["lipstick"] != "none":
        color, strength = LIPSTICK[f["lipstick"]], 0.9
    else:
        color, strength = head.skin * srgb(206, 138, 138) + srgb(96, 40, 42), 0.85
    shade = 0.85 + 0.25 * ease((v - line - 0.5 * gap) / 0.04)  # the upper lip faces down, the lower one up
    shade = shade + 0.35 * bump(head.u, v - line - gap - 0.45 * lower, 0.11, 0.014)
    paint(albedo, strength * inside(distance, 0.03), color * shade)


def open_mouth(head, image):
    """The line between the lips, or teeth and the dark behind them."""
    f, v = head.factors, head.v
    s, line, gap, _, _ = mouth(head)
    off = np.abs(v - line - 0.5 * gap) - 0.5 * gap  # distance from the opening
    seam = inside(off - 0.008 - 0.007 * f["smile"], 0.024) * inside(np.abs(s) - 1, 0.12)
    corners = bump(np.abs(s) - 1.03, (v - line) / 0.16, 0.1, 0.16)
    paint(image, np.minimum(0.85 * seam + (0.25 + 0.4 * f["smile"]) * corners, 0.85), image * 0.25)
    if f["mouth_open"] > 0.05:
        hole = inside(off + 0.006, 0.016) * inside(np.abs(s) - 0.92, 0.1)
        paint(image, hole, srgb(70, 20, 22))
        teeth = hole * inside(v - line - (0.3 + 0.6 * f["smile"]) * gap, 0.02)
        paint(image, teeth, srgb(244, 238, 226) * ((1 - 0.55 * np.square(s)) * (0.65 + 0.25 * f["light_strength"])))


def brows(head, albedo):
    """Eyebrows, in a darker tone of the hair."""
    f, v = head.factors, head.v
    side = np.abs(head.u)
    s = (side - 0.29) / 0.19  # -1 at the inner end, 1 at the outer
    arch = 0.03 + 0.055 * f["brow_arch"]
    rise = 0.03 * f["brow_height"] + arch * (0.5 - np.square(s - 0.2))
    middle = -0.2 - rise + 0.025 * s + 0.02 * f["male"]
    thick = (0.018 + 0.036 * f["brow_thickness"]) * (1 - 0.45 * ease(s * 0.8 + 0.1))
    distance = np.maximum(np.abs(v - middle) - thick, (np.abs(s) - 1) * 0.19)
    density = 0.6 + 0.3 * f["brow_thickness"] + 0.15 * head.strands(side + v, 60, "brows")
    paint(albedo, inside(distance, 0.035) * np.clip(density, 0, 1), np.minimum(head.hair, head.skin) * 0.5)


def eyes(head, image):
    """Eyeballs between their lids, lashes, creases, crow's feet."""
    f, v = head.factors, head.v
    half = 0.146 * (1 + 0.06 * f["eye_size"])
    out = np.abs(head.u) - 0.285 - 0.012 * f["eye_spacing"]  # from the eye's middle to the temple
    s = out / half
    s2 = np.minimum(s * s, 1)
    wide = f["eye_openness"] * (1 - 0.15 * f["smile"])
    tilt = -0.016 * (f["eye_tilt"] + 0.5) * s
    upper = tilt - (0.012 + 0.084 * wide) * np.power(1 - s2, 0.8) * (1 - 0.12 * s)
    lower = tilt + (0.006 + 0.046 * wide - 0.016 * f["smile"]) * (1 - s2)
    ball = inside(np.maximum(np.maximum(upper - v, v - lower), (np.abs(s) - 1) * half), 1.4 * head.px)
    shade = (0.58 + 0.35 * f["light_strength"] * (1 - 0.3 * s2)) * (0.45 + 0.55 * ease((v - upper) / 0.06))
    paint(image, ball, srgb(236, 230, 226) * shade)

    look_u = out * np.sign(head.u) - 0.045 * f["gaze_x"]
    look_v = v + 0.012 - 0.02 * f["gaze_y"]
    radius = np.sqrt(np.square(look_u) + np.square(look_v))
    size = 0.072 * (1 + 0.04 * f["eye_size"])
    iris = IRIS[f["iris"]] * (0.55 + 0.5 * bump(look_u, look_v - 0.03, 0.05, 0.03))
    rim = 0.4 + 0.6 * inside(radius - 0.8 * size, 0.03)
    paint(image, ball * inside(radius - size, 1.5 * head.px), iris * rim)
    paint(image, ball * inside(radius - 0.45 * size, 1.5 * head.px), srgb(12, 10, 12))
    spot_u, spot_v = look_u - math.copysign(0.028, head.light[0]), look_v + 0.026
    spot = inside(np.sqrt(np.square(spot_u) + np.square(spot_v)) - 0.017, 1.5 * head.px)
    paint(image, 0.9 * ball * spot, srgb(255, 255, 255))

    across = inside((np.abs(s) - 1.05) * half, 0.03)
    lash = inside(np.abs(v - upper + 0.008) - 0.018 + 0.008 * f["male"], 0.026)
    paint(image, (0.85 - 0.15 * f["male"]) * lash * across, srgb(30, 20, 18))
    paint(image, 0.4 * inside(np.abs(v - upper + 0.055) - 0.005, 0.03) * across, image * 0.4)
    paint(image, 0.4 * inside(np.abs(v - lower - 0.008) - 0.004, 0.024) * across, image * 0.35)
    if f["age"] > 0.4:  # crow's feet
        temple = out - half - 0.02
        rays = ease(np.cos((v - 0.01) / (np.maximum(temple, 0) + 0.07) * 9) * 2 - 0.7)
        paint(image, 0.4 * f["age"] * rays * bump(temple - 0.06, v - 0.01, 0.05, 0.06), image * 0.6)


def beard(head, albedo):
    """Stubble, mustache, goatee or a full beard."""
    f, u, v = head.factors, head.u, head.v
    side = np.abs(u)
    s, line, gap, upper, lower = mouth(head)
    rough = 0.03 * head.noise(30, "beard's edge")
    mouth_zone = np.where(np.abs(s) < 1, np.maximum(line - upper - v, v - line - gap - lower), 1)
    droop = 0.24 * np.square(side / 0.25) * (1 - 0.5 * f["smile"])
    mustache = np.maximum(np.maximum(0.52 - v + 0.1 * side, v - line + 0.7 * upper - droop), side - 0.29)
    chin = np.maximum(line + gap + lower + 0.035 - v, side - 0.17 - 0.05 * (v - 0.8))
    ring = np.maximum(np.abs(superellipse(u, v - 0.72, 0.265 + 0.03 * f["smile"], 0.22, 2.5)) - 0.026, line - v)
    cheek_line = 0.6 - 0.42 * ease((np.abs(head.phi) - 0.35) / 0.75)
    distance = {
        "mustache": mustache,
        "goatee": np.minimum(np.minimum(chin, ring), mustache),
        "full": np.minimum(np.maximum(cheek_line - v, -0.02 - mouth_zone), mustache),
        "stubble": np.minimum(cheek_line - v, mustache),
    }[f["beard"]]
    texture = 0.5 + 0.5 * head.noise(48, "beard")
    color = 0.6 * head.hair * min(1, float(head.skin.mean() / head.hair.mean()))  # darker than the skin
    if f["beard"] == "stubble":
        coverage = inside(distance + rough, 0.16) * (0.42 + 0.2 * texture)
        color = np.minimum(color, head.skin * srgb(120, 120, 130))
    else:
        coverage = inside(distance + rough, 0.07) * np.clip(0.65 + 0.2 * f["beard_density"] + 0.15 * texture, 0, 1)
        color = color * (0.8 + 0.5 * texture)
    paint(albedo, np.clip(coverage, 0, 1), color)
