"""What surrounds a synthetic face: background, neck, clothes, hair, ears, earrings, glasses and hats."""

import math

import numpy as np

from facepipe.download.synthetic.head import bump, ease, inside, paint, palette, srgb, superellipse, union

HAT_LINE = -0.4  # v of a hat's lower edge
HANGING = ("bob", "long", "wavy")  # styles of hair that cover the ears and show below a hat
FRAMES = palette(black=(22, 22, 24), brown=(70, 40, 24), blue=(28, 38, 88), red=(104, 20, 26))
HATS = palette(navy=(40, 52, 98), red=(166, 40, 42), gray=(122, 124, 130), green=(58, 100, 66), cream=(222, 206, 172),
               black=(40, 40, 44))  # fmt: skip
EARRINGS = palette(gold=(232, 188, 84), silver=(206, 210, 216), pearl=(244, 236, 226))
CLOTHES = [srgb(*color) for color in (
    (44, 60, 100), (150, 44, 52), (228, 226, 220), (52, 54, 60), (84, 124, 92), (196, 160, 90), (112, 84, 132),
    (92, 136, 178), (206, 128, 132), (64, 88, 84), (128, 128, 132), (232, 196, 168))]  # fmt: skip
WALLS = [srgb(*color) for color in (
    (96, 120, 150), (172, 150, 128), (120, 140, 110), (70, 76, 88), (196, 200, 204), (150, 96, 84), (88, 110, 124),
    (206, 186, 150), (110, 90, 120), (60, 92, 90), (180, 190, 170), (128, 116, 104))]  # fmt: skip


def background(head):
    """A new image (3, n, n): a wall out of focus, evenly lit or darker to one side.

    No pattern: a model of few numbers should spend them on the face.
    """
    f = head.factors
    wall = WALLS[f["background_color"]]
    line = np.linspace(-1, 1, head.n, dtype=np.float32)
    right, down = line[None, :], line[:, None]
    angle = f["texture"] % 628 / 100
    along = right * math.cos(angle) + down * math.sin(angle)
    shade = 0.8 + 0.2 * along if f["background"] == "gradient" else 0.95
    glow = 0.85 + 0.25 * bump(right - 0.5 * head.light[0], down + 0.2, 0.8, 0.8)
    return wall * shade * glow


def neck(head, image):
    """A column below the jaw, in the chin's shadow."""
    f = head.factors
    x, y = head.x - 0.35 * math.sin(head.yaw), head.y  # the body turns less than the head
    half = 0.34 + 0.09 * f["male"] + 0.04 * f["head_width"] + 0.25 * np.square(ease((y - 0.95) / 0.5))
    across = np.clip(x / half, -0.97, 0.97)
    lit = head.lit(head.skin * srgb(255, 249, 245), across, 0.15, np.sqrt(1 - across * across))
    lit *= 1 - 0.6 * inside(y - 1.12 - 0.1 * np.abs(across), 0.35)
    paint(image, inside(np.maximum(np.abs(x) - half, 0.3 - y), 2 * head.px), lit)


def clothes(head, image):
    """Shoulders in a crew neck, a V-neck or an open collar."""
    f = head.factors
    x, y = head.x - 0.35 * math.sin(head.yaw), head.y
    shoulders = 1.08 + 0.17 * np.abs(x) - 0.05 * f["male"]
    if f["clothes"] == "crew":
        neckline = 1.12 + 0.14 * np.sqrt(np.clip(1 - np.square(x / 0.55), 0, 1))
    else:
        neckline = 1.06 + np.maximum((0.5 if f["clothes"] == "v_neck" else 0.42) - np.abs(x), 0)
    folds = np.clip(x / 1.3, -0.9, 0.9) + 0.25 * head.noise(7, "folds")
    cloth = head.lit(CLOTHES[f["clothes_color"]], folds, -0.25, 0.8)
    if f["clothes"] == "collar":
        fold = np.abs(y - neckline - 0.1)
        cloth *= 1 + 0.25 * inside(y - neckline - 0.1, 0.04) - 0.4 * inside(fold - 0.008, 0.04)
    paint(image, inside(np.maximum(shoulders - y, neckline - y), 2 * head.px), cloth)


def ears(head, image):
    """Both ears, where the hair leaves them free."""
    if head.factors["hair_style"] in (*HANGING, "curly"):
        return
    color = head.skin * srgb(255, 236, 231)
    whole, picture = head, image
    for side in (-1, 1):
        x = side * (whole.x + 0.12 * math.sin(whole.yaw)) - 0.975 * whole.width * math.cos(whole.yaw)
        head, window = whole.part((np.abs(x) < 0.25) & (np.abs(whole.y - 0.1) < 0.4))
        image, x = picture[window], x[window[1:]]
        y = head.y - 0.1 - 0.1 * math.sin(head.pitch)
        x = x + 0.12 * y
        lit = head.lit(color, side * (0.5 + 3 * x), y, 0.8) * (1 - 0.45 * bump(x - 0.045, y + 0.03, 0.035, 0.08))
        distance = superellipse(x - 0.03, y, 0.1, 0.2, 2)
        paint(image, inside(np.maximum(distance, -0.03 - head.outline), 2.5 * head.px), lit)


def crown(head, grow, sides=1.0):
    """About the signed distance to the skull grown by `grow`, at its sides by `sides` times that: hair, hats."""
    return superellipse(head.x, head.y, head.width + sides * grow, 1 + 0.8 * grow, 2.25)


def shaded_hair(head, strands, grow):
    """Linear light (3, n, n) of hair: a dome with a sheen across its strands."""
    nx, ny = head.x / (head.width + grow), head.y / (1 + grow)
    nz = np.sqrt(np.maximum(1 - 0.8 * (nx * nx + ny * ny), 0.08))
    lit = head.lit(head.hair * (1 + 0.36 * strands), nx, ny, nz, wrap=0.4)
    _, ly, lz = head.light
    sheen = np.exp(-np.square((ny * lz - nz * ly - 0.15) / 0.28)) * np.maximum(0.6 + 0.8 * strands, 0)
    return lit + sheen * (0.35 * head.hair + 0.012) * head.factors["light_strength"]


def hanging(head):
    """(grow, outer half-width (n, n), lower end) of the hair that hangs."""
    f = head.factors
    grow = 0.10 + 0.07 * f["hair_volume"]
    end = 0.72 + 0.12 * f["hair_volume"] if f["hair_style"] == "bob" else 2.0
    outer = head.width + grow + 0.04 * ease((head.y + 0.1) / 0.8)
    if f["hair_style"] == "wavy":
        outer += 0.12 * ease((head.y + 0.1) / 0.8)
        outer += 0.035 * np.sin(head.y * 8.5 + np.sign(head.x) + f["texture"] % 6)
    return grow, outer, end


def under_hat(head, distance):
    """The region of hair that a hat, where there is one, leaves free."""
    if head.factors["hat"] == "none":
        return distance
    below = head.v - HAT_LINE
    wider = np.abs(head.x) - head.width - 0.1 - 0.6 * np.maximum(below, 0)  # it spreads gradually from the hat's edge
    return np.maximum(distance, np.maximum(-0.05 - below, wider))


def back_hair(head, image):
    """What hangs behind the neck."""
    if head.factors["hair_style"] not in HANGING:
        return
    grow, outer, end = hanging(head)
    tips = head.y - end - 0.1 * (1 - np.square(head.x))
    sides = np.maximum(np.maximum(np.abs(head.x) - outer, -head.y), tips)
    strands = head.strands(head.x, 40, "back")
    distance = under_hat(head, np.minimum(sides, crown(head, grow)))
    paint(image, inside(distance, 3 * head.px), 0.5 * shaded_hair(head, strands, grow + 0.1))


def hair(head, image):
    """The hair over the skull down to the hairline, and what hangs beside the face."""
    f = head.factors
    style = f["hair_style"]
    x, y, u, v, phi = np.abs(head.x), head.y, head.u, head.v, np.abs(head.phi)
    part = 0.3 * f["hair_side"] if style in ("parted", "bob", "short") else 0.0
    strand = np.arctan2(u - part, v + 1.25 + 0.3 * np.abs(u))
    texture = 0.65 * head.strands(strand, 24, "locks") + 0.35 * head.strands(strand + 0.05 * v, 60, "strands")
    if style == "bald":
        if f["hairline"] > 0.5:  # a fringe is left above the ears
            upper_edge = -0.3 - v + 0.5 * (1.5 - phi)
            distance = np.maximum(np.maximum(head.outline - 0.015, v - 0.08), np.maximum(0.4 * (1.1 - phi), upper_edge))
            paint(image, 0.85 * inside(distance, 0.08), shaded_hair(head, texture, 0.1))
        return

    if style in HANGING:
        grow, outer, end = hanging(head)
        skull, ear = crown(head, grow), 0.05
    elif style == "curly":
        grow, ear = 0.12 + 0.14 * f["hair_volume"], 0.15
        texture = 0.4 * (head.noise(21, "curls") + head.noise(37, "small curls"))
        skull = superellipse(x, y + 0.34, head.width + grow, 0.68 + grow, 2.2) + 0.08 * texture
    else:
        grow, ear = 0.05 + 0.16 * f["hair_volume"], 0.12
        skull = crown(head, grow, 0.4)
        above_ear = 0.2 * inside(head.outline + 0.05, 0.1) - 0.1  # down to the ears outside the face, sideburns on it
        skull = np.maximum(skull, y - ear - above_ear)

    top, temple, sweep = -0.6 - 0.14 * f["hairline"], 0.75, 0.0
    if f["bangs"]:
        top, temple = -0.3, 1.0
    elif style == "parted":
        sweep = 0.13 * ease(0.5 - u * f["hair_side"] / 0.7)
    elif style in HANGING:
        sweep = 0.22 * ease((np.abs(u - part) - 0.1) / 0.4)
    top = top + sweep
    hairline = top + (ear - top) * ease((phi - temple) / (1.35 - temple)) + (0.05 if f["bangs"] else 0.025) * texture
    distance = np.maximum(skull, v - hairline)
    if style in HANGING:
        inner = np.maximum(0.86 * head.edge, 0.5) + 0.03 * texture
        curtain = np.maximum(np.maximum(x - outer, inner - x), np.maximum(-0.2 - y, y - end - 0.03 * texture))
        distance = union(distance, curtain, 0.12)
        wave = 0.05 * np.sin(y * 8.5) if style == "wavy" else 0
        texture += ease((y + 0.2) / 0.4) * (head.strands(x + wave, 34, "curtain") - texture)
    distance = under_hat(head, distance)
    paint(image, 0.4 * inside(distance - 0.05, 0.14) * inside(head.outline, 0.02), image * 0.35)  # its shadow
    paint(image, inside(distance, 2.5 * head.px), shaded_hair(head, texture, grow))


def earrings(head, image):
    """A drop below each ear."""
    f = head.factors
    if f["earrings"] == "none":
        return
    whole, picture = head, image
    for side in (-1, 1):
        x = whole.x - side * 1.02 * whole.width * math.cos(whole.yaw) + 0.12 * math.sin(whole.yaw)
        head, window = whole.part((np.abs(x) < 0.15) & (np.abs(whole.y - 0.36) < 0.2))
        image, x, y = picture[window], x[window[1:]], head.y - 0.36
        lit = head.lit(EARRINGS[f["earrings"]], x / 0.05, y / 0.06, 0.6)
        lit += 0.5 * bump(x - 0.01 * head.light[0], y + 0.02, 0.014, 0.014)
        paint(image, inside(superellipse(x, y, 0.045, 0.06, 2), 2 * head.px), lit)


def glasses(head, image):
    """Frames on a plane before the eyes, their temples and shadow, a reflection on the lenses."""
    f = head.factors
    if f["glasses"] == "none":
        return
    u, v = head.plane(0.70)
    side = np.abs(u)
    a, b, power = {"round": (0.19, 0.175, 2.0), "square": (0.215, 0.15, 4.5), "half": (0.21, 0.15, 3.0)}[f["glasses"]]
    rim = superellipse(side - 0.285, v - 0.02, a, b, power)
    thick = 0.026 - (0.010 * ease(v / 0.06) if f["glasses"] == "half" else 0)  # half: heavy above, thin below
    frame = np.abs(rim) - thick
    bridge = np.maximum(np.abs(v + 0.03 + 3 * np.square(u)) - 0.022, side - 0.285 + a)
    frame = np.minimum(frame, bridge)
    temple = np.maximum(np.abs(head.v + 0.04) - 0.022, 0.255 + a - np.abs(head.u))
    temple = np.maximum(temple, np.abs(head.x) - head.edge + 0.01)

    shadow = np.roll(inside(frame, 0.05), max(1, round(0.05 / head.px)), axis=0)
    paint(image, 0.28 * shadow * inside(head.outline, 0.02), image * 0.3)
    lens = inside(rim, 2 * head.px)
    paint(image, 0.05 * lens, srgb(150, 160, 170))
    streak = bump((side - 0.285) * np.sign(u) - 0.1 + 0.6 * v, 0, 0.04, 1) * ease(0.5 - 3 * v)
    paint(image, 0.22 * lens * streak, srgb(255, 255, 255))
    lit = FRAMES[f["glasses_color"]] + 0.10 * np.exp(-np.square((v + 0.02 + b) / 0.03))
    paint(image, inside(np.minimum(frame, temple), 1.6 * head.px), lit)


def hat(head, image):
    """A beanie, a cap or a hat with a brim, and its shadow on the forehead."""
    f = head.factors
    if f["hat"] == "none":
        return
    color, kind = HATS[f["hat_color"]], f["hat"]
    x, y, v = head.x, head.y, head.v - HAT_LINE
    grow = 0.10 + 0.05 * f["hair_volume"]
    nx, ny = x / (head.width + grow), (y + 0.35) / 0.85
    nz = np.sqrt(np.maximum(1 - 0.85 * (nx * nx + ny * ny), 0.1))
    on_face = inside(head.outline, 0.03)
    dome = np.maximum(crown(head, grow), v)
    if kind == "beanie":
        cuff = np.maximum(np.abs(x) - head.width - grow - 0.02, np.abs(v + 0.1) - 0.1)
        dome = np.minimum(dome, np.maximum(cuff, crown(head, grow + 0.04)))
        cloth = (1 + 0.1 * np.cos(head.phi * 34)) * (1 - 0.3 * bump(0, v + 0.22, 1, 0.025))
    else:
        cloth = 1 - 0.3 * bump(0, v, 1, 0.05)
    paint(image, 0.5 * inside(dome - 0.06, 0.16) * on_face, image * 0.3)
    paint(image, inside(dome, 2 * head.px), head.lit(color * cloth, nx, ny, nz))
    if kind == "beanie":
        return

    if kind == "cap":
        u, down = head.plane(0.85)
        down = down - HAT_LINE - 0.33 * np.square(u)
        brim = superellipse(u, down, 0.56, 0.12, 2.4)
    else:
        u, down = head.plane(0.1)
        down = down - HAT_LINE - 0.06 * np.square(u)
        brim = superellipse(u, down, 1.02, 0.12, 2.2)
    shadow = np.roll(inside(brim, 0.12), max(1, round(0.1 / head.px)), axis=0)
    paint(image, 0.45 * shadow * on_face, image * 0.3)
    underside = ease((down + 0.02) / 0.08)
    paint(image, inside(brim, 2 * head.px), head.lit(color * (1 - 0.55 * underside), 0.3 * nx, -0.6, 0.7))
