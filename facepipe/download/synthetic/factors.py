"""The embedded data set: synthetic faces whose factors are known, so that edits can be scored against the truth."""

import contextlib
import io
import itertools
import zipfile
from functools import partial
from pathlib import Path

from PIL import Image

from facepipe.core.determinism import rng
from facepipe.core.files import atomic_file, write_csv
from facepipe.core.machine import available_cores
from facepipe.core.progress import Progress
from facepipe.datasets.workers import ordered_map
from facepipe.download.synthetic.accessories import HANGING
from facepipe.download.synthetic.renderer import render

__all__ = ["ATTRIBUTES", "FACTORS", "attributes", "continuous", "render", "sample_factors", "write_archive"]

CHUNK = 16  # faces that a worker draws at a time

# continuous factors; angles in degrees, the others relative sizes or strengths, mostly in [0, 1] or [-1, 1]
FACTORS = (
    "yaw", "pitch", "roll", "smile", "mouth_open", "age", "eye_openness", "gaze_x", "gaze_y",
    "skin_tone", "skin_warmth", "blush", "freckles",
    "head_width", "jaw", "chin", "cheeks", "eye_size", "eye_spacing", "eye_tilt",
    "brow_thickness", "brow_height", "brow_arch", "nose_size", "nose_length", "mouth_width", "lip_fullness",
    "hair_volume", "hair_shade", "hairline", "beard_density",
    "light_azimuth", "light_elevation", "light_strength",
)  # fmt: skip

# CelebA's names and meaning; each is visibly true in the picture
ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Bald", "Bangs", "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair",
    "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Eyeglasses", "Goatee", "Gray_Hair", "Male", "Mouth_Slightly_Open",
    "Mustache", "Narrow_Eyes", "No_Beard", "Pale_Skin", "Rosy_Cheeks", "Smiling", "Wavy_Hair", "Wearing_Earrings",
    "Wearing_Hat", "Wearing_Lipstick", "Young",
)  # fmt: skip


def sample_factors(seed, index):
    """Draw the factors of one face.

    Args:
        seed: int, of the data set.
        index: int >= 0, of the face; no face depends on another.

    Returns:
        dict of str, int and float (rounded to 6 decimals, so that factors.csv is exact). Factors are
        independent, but for what goes together in people: beards with men, lipstick and long hair mostly
        with women, gray hair and baldness with age.
    """
    r = rng(seed, "synthetic", index)

    def chance(p):
        return bool(r.random() < p)

    def uniform(low, high):
        return float(r.uniform(low, high))

    def normal(scale, limit):
        return float(min(max(r.normal(0.0, scale), -limit), limit))

    def one_of(weights):
        point = r.random() * sum(weights.values())
        for name, weight in weights.items():
            point -= weight
            if point < 0:
                return name
        return name

    def two_classes(p, low, high):
        """A factor with a gap: from `high` with probability p, else from `low`."""
        return uniform(*high) if chance(p) else uniform(*low)

    male = chance(0.5)
    age = two_classes(0.4, (0.0, 0.3), (0.6, 1.0))
    old = age > 0.5
    if male:
        styles = {"bald": 0.24 if old else 0.12, "short": 0.42, "parted": 0.24, "curly": 0.12, "long": 0.04}
    else:
        styles = {"bob": 0.27, "long": 0.27, "wavy": 0.27, "tied": 0.12, "curly": 0.1, "parted": 0.04}
    colors = {"black": 0.3, "brown": 0.28, "blond": 0.24, "red": 0.09, "gray": 0.03}
    if old:
        colors = {"black": 0.2, "brown": 0.2, "blond": 0.16, "red": 0.04, "gray": 0.6}
    beards = {"none": 0.34, "stubble": 0.18, "mustache": 0.14, "goatee": 0.17, "full": 0.17}
    factors = {
        "male": int(male),
        "age": age,
        "yaw": normal(10.0, 24.0),
        "pitch": normal(4.0, 9.0),
        "roll": normal(2.5, 6.0),
        "smile": two_classes(0.48, (0.0, 0.2), (0.7, 1.0)),
        "mouth_open": two_classes(0.4, (0.0, 0.0), (0.45, 1.0)),
        "eye_openness": two_classes(0.2, (0.7, 1.0), (0.3, 0.42)),
        "gaze_x": normal(0.3, 0.8),
        "gaze_y": normal(0.15, 0.4),
        "skin_tone": two_classes(0.15, (0.22, 1.0), (0.0, 0.06)),
        "skin_warmth": normal(0.4, 1.0),
        "blush": two_classes(0.08 if male else 0.35, (0.0, 0.25), (0.75, 1.0)),
        "freckles": two_classes(0.12, (0.0, 0.0), (0.4, 1.0)),
        "head_width": two_classes(0.2, (-1.0, 0.3), (0.75, 1.0)),
        "jaw": uniform(0.3, 1.0) if male else uniform(0.0, 0.6),
        "chin": normal(0.45, 1.0),
        "cheeks": uniform(0.0, 1.0),
        "eye_size": normal(0.4, 1.0),
        "eye_spacing": normal(0.35, 0.8),
        "eye_tilt": normal(0.4, 1.0),
        "brow_thickness": two_classes(0.35 if male else 0.12, (0.1, 0.5), (0.8, 1.0)),
        "brow_height": normal(0.4, 1.0),
        "brow_arch": two_classes(0.12 if male else 0.45, (0.0, 0.3), (0.7, 1.0)),
        "nose_size": two_classes(0.3 if male else 0.16, (-1.0, 0.2), (0.7, 1.0)),
        "nose_length": normal(0.4, 1.0),
        "mouth_width": normal(0.4, 1.0),
        "lip_fullness": two_classes(0.12 if male else 0.3, (-1.0, 0.1), (0.65, 1.0)),
        "hair_style": one_of(styles),
        "hair_color": one_of(colors),
        "hair_volume": uniform(0.0, 1.0),
        "hair_shade": normal(0.4, 1.0),
        "hairline": uniform(0.0, 1.0) if male and old else uniform(0.0, 0.4),
        "hair_side": 1 if chance(0.5) else -1,
        "bangs": int(chance(0.12 if male else 0.34)),
        "beard": one_of(beards) if male else "none",
        "beard_density": uniform(0.5, 1.0),
        "lipstick": one_of({"red": 0.35, "pink": 0.35, "berry": 0.3}) if not male and chance(0.55) else "none",
        "glasses": one_of({"round": 0.3, "square": 0.4, "half": 0.3}) if chance(0.24) else "none",
        "glasses_color": one_of({"black": 0.6, "brown": 0.2, "blue": 0.1, "red": 0.1}),
        "hat": one_of({"beanie": 0.35, "cap": 0.4, "brim": 0.25}) if chance(0.16) else "none",
        "hat_color": one_of({"navy": 0.2, "red": 0.2, "gray": 0.2, "green": 0.15, "cream": 0.15, "black": 0.1}),
        "earrings": one_of({"gold": 0.4, "silver": 0.3, "pearl": 0.3}) if chance(0.02 if male else 0.36) else "none",
        "iris": one_of({"brown": 0.45, "blue": 0.25, "green": 0.15, "hazel": 0.15}),
        "clothes": one_of({"crew": 0.4, "v_neck": 0.3, "collar": 0.3}),
        "clothes_color": int(r.integers(12)),
        "background": one_of({"gradient": 0.6, "plain": 0.4}),
        "background_color": int(r.integers(12)),
        "light_azimuth": uniform(-60.0, 60.0),
        "light_elevation": uniform(5.0, 48.0),
        "light_strength": uniform(0.75, 1.0),
        "texture": int(r.integers(2**31)),  # seed of the strands and blotches
    }
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in factors.items()}


def attributes(factors):
    """The binary attributes of a face: dict of name -> 0 or 1, in the order of `ATTRIBUTES`."""
    f = factors
    bald = f["hair_style"] == "bald"
    hat = f["hat"] != "none"
    hair = f["hair_color"] if not bald and (not hat or f["hair_style"] in HANGING) else "hidden"
    truth = {
        "5_o_Clock_Shadow": f["beard"] == "stubble",
        "Arched_Eyebrows": f["brow_arch"] > 0.5,
        "Bald": bald and not hat,
        "Bangs": bool(f["bangs"]) and not bald and not hat,
        "Big_Lips": f["lip_fullness"] > 0.4,
        "Big_Nose": f["nose_size"] > 0.5,
        "Black_Hair": hair == "black",
        "Blond_Hair": hair == "blond",
        "Brown_Hair": hair == "brown",
        "Bushy_Eyebrows": f["brow_thickness"] > 0.65,
        "Chubby": f["head_width"] > 0.5,
        "Eyeglasses": f["glasses"] != "none",
        "Goatee": f["beard"] == "goatee",
        "Gray_Hair": hair == "gray",
        "Male": bool(f["male"]),
        "Mouth_Slightly_Open": f["mouth_open"] > 0.2,
        "Mustache": f["beard"] in ("mustache", "full"),
        "Narrow_Eyes": f["eye_openness"] < 0.55,
        "No_Beard": f["beard"] == "none",
        "Pale_Skin": f["skin_tone"] < 0.15,
        "Rosy_Cheeks": f["blush"] > 0.5,
        "Smiling": f["smile"] > 0.4,
        "Wavy_Hair": f["hair_style"] in ("wavy", "curly") and hair != "hidden",
        "Wearing_Earrings": f["earrings"] != "none",
        "Wearing_Hat": hat,
        "Wearing_Lipstick": f["lipstick"] != "none",
        "Young": f["age"] < 0.45,
    }
    return {name: int(truth[name]) for name in ATTRIBUTES}


def continuous(factors):
    """The continuous factors of a face: dict of name -> float, in the order of `FACTORS`."""
    return {name: float(factors[name]) for name in FACTORS}


def write_archive(folder, count, size, seed, workers=None):
    """Draw the data set: synthetic.zip, list_attr_synthetic.txt and factors.csv.

    Args:
        folder: where the three files go; made if missing.
        count: int, faces. Face i does not depend on it: a larger count only adds faces.
        size: int, height and width in pixels, 16 to 512.
        seed: int.
        workers: int, processes; None: one per core. The bytes do not depend on it.

    The zip has the PNG members synthetic/000001.png and so on; list_attr_synthetic.txt has the format of
    CelebA's list_attr_celeba.txt (count, names, rows of -1 and 1); factors.csv has `id` and `FACTORS`.
    """
    folder = Path(folder)
    workers = min(workers or available_cores(), count)
    names = [f"{index + 1:06d}.png" for index in range(count)]
    faces = [sample_factors(seed, index) for index in range(count)]
    chunks = [faces[start : start + CHUNK] for start in range(0, count, CHUNK)]

    with atomic_file(folder / "list_attr_synthetic.txt") as file:
        file.write(f"{count}\n{' '.join(ATTRIBUTES)}\n")
        for name, face in zip(names, faces, strict=True):
            file.write(f"{name} {' '.join(f'{2 * value - 1:2d}' for value in attributes(face).values())}\n")
    rows = (
        (name, *(f"{value:.6f}" for value in continuous(face).values()))
        for name, face in zip(names, faces, strict=True)
    )
    write_csv(folder / "factors.csv", ("id", *FACTORS), rows)
    with (
        atomic_file(folder / "synthetic.zip", "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        Progress("download: synthetic faces", count, "faces") as progress,
        contextlib.closing(ordered_map(partial(_pngs, size=size), chunks, workers=workers)) as drawn,
    ):
        for name, png in zip(names, itertools.chain.from_iterable(drawn), strict=True):
            # ZipInfo's own date is 1980-01-01: no clock in the bytes
            archive.writestr(zipfile.ZipInfo(f"synthetic/{name}"), png)
            progress.update()


def _pngs(faces, size):
    """The bytes of the faces' PNG files."""
    return [_png(face, size) for face in faces]


def _png(factors, size):
    buffer = io.BytesIO()
    Image.fromarray(render(factors, size)).save(buffer, "PNG")
    return buffer.getvalue()
