"""The exploratory look at the shards: what is in them, as pictures and tables for `dvc plots` and for the page."""

from pathlib import Path

import numpy as np
import pandas as pd

from facepipe.core.determinism import rng
from facepipe.core.files import atomic_file, atomic_folder
from facepipe.core.pictures import enlarge, save_png, tile
from facepipe.draw.grids import labelled, shown_scale
from facepipe.errors import InputError
from facepipe.preprocess.counts import attribute_table, count_ids, pair_counts, pair_table, rejected_table
from facepipe.preprocess.pixels import channel_statistics, pixel_histogram, pixel_sums
from facepipe.shards.shards import SPLITS, Shards

ROWS, COLUMNS = 6, 10  # of the grid of samples
SHOWN_ATTRIBUTES = 8  # with a mean face of their own
MOST_ATTRIBUTES = 60  # whose mean faces are compared at all
SUM_BYTES = 64_000_000  # of sums of pixels; larger images leave room for fewer attributes
CHANNELS = {1: ["gray"], 3: ["red", "green", "blue"]}


def explore(shards, report="reports/preprocess"):
    """Describe a shards folder.

    Pixels are read once, a piece at a time; equal shards give equal bytes. Labels, sizes and people are counted over
    all splits, mean faces over the training images.

    Args:
        shards: the folder.
        report: folder to write into; other files in it stay as they are. Written are
            grids/samples.png: training images at random, 6 rows of 10;
            grids/mean_face.png: the mean training image and the standard deviation of each pixel (white: 0.5), then
            for up to 8 attributes the mean face with and without it and the difference (doubled; gray: none);
            splits.csv, sizes.csv: see `counts.count_ids`;
            rejected.csv: see `counts.rejected_table`;
            attributes.csv: see `counts.attribute_table`, and pixel_variance, the share of the training images'
            variance that is between those with and those without the attribute (missing where it was not computed);
            cooccurrence.csv: see `counts.pair_table`;
            channels.csv: per split and channel the columns of `pixels.channel_statistics`, pixels in [0, 1];
            histogram.csv: value (0 to 255) and the share of the training images' pixels that have it: column share
            over all channels and, of RGB images, one column a channel.

    Raises:
        InputError: no shards, broken ones, or no training image.
    """
    shards, report = Shards(shards), Path(report)
    if not shards.count("train"):
        raise InputError(f"{shards.folder}: no training image; run the preprocess stage again with more pictures")
    # half precision holds 1, 0 and NaN, and these tables grow with the data set
    labels = {split: shards.attributes(split).astype(np.float16) for split in SPLITS}
    attributes = attribute_table(labels)
    compared = _compared(labels["train"], shards.image_shape)
    found = labels["train"][compared].to_numpy()
    sums, known_sums = _sums(shards, found)
    explained = _explained(found, sums, known_sums)
    attributes["pixel_variance"] = attributes["attribute"].map(dict(zip(compared, explained, strict=True)))
    shown = _shown(found, explained)
    histograms = {split: sums.histogram if split == "train" else pixel_histogram(shards, split) for split in SPLITS}
    splits, sizes = count_ids(shards)

    with atomic_folder(report / "grids") as folder:
        save_png(folder / "samples.png", samples_grid(shards))
        faces = [(compared[i], *_means(found[:, i], sums.groups[i], known_sums[i])) for i in shown]
        save_png(folder / "mean_face.png", mean_face_grid(sums, shards.count("train"), faces))
    _write(report / "splits.csv", splits)
    _write(report / "sizes.csv", sizes)
    _write(report / "rejected.csv", rejected_table(shards))
    _write(report / "attributes.csv", attributes)
    _write(report / "cooccurrence.csv", pair_table(labels, attributes["attribute"]))
    _write(report / "channels.csv", channel_table(histograms))
    _write(report / "histogram.csv", histogram_table(sums.histogram))


def samples_grid(shards):
    """Training images at random, enlarged: uint8 (H', W', 3)."""
    count = shards.count("train")
    rows = rng(0, "explore", "samples").choice(count, min(count, ROWS * COLUMNS), replace=False)
    return tile(enlarge(shards.gather("train", rows), shown_scale(shards.image_shape)), COLUMNS)


def mean_face_grid(sums, count, faces):
    """The mean face, the deviation, and the mean faces with and without attributes.

    Args:
        sums: `PixelSums` of `count` images.
        count: int.
        faces: list of (attribute, mean with it, mean without it), float (H, W, C) in 0..255.

    Returns:
        uint8 (H', W', 3).
    """
    mean = sums.total / count
    deviation = np.sqrt(np.maximum(sums.squares / count - mean**2, 0))
    scale = shown_scale(mean.shape)
    columns = ["mean", "deviation"]
    if not faces:
        return labelled([_uint8([mean, 2 * deviation])], None, columns, scale=scale)
    rows = [_uint8([present, absent, 127.5 + 2 * (present - absent)]) for _, present, absent in faces]
    lower = labelled(rows, [name for name, *_ in faces], ["with", "without", "difference"], scale=scale)
    upper = labelled([_uint8([mean, 2 * deviation, np.full_like(mean, 255)])], ["all"], [*columns, ""], scale=scale)
    width = max(upper.shape[1], lower.shape[1])
    return np.concatenate([np.pad(p, ((0, 0), (width - p.shape[1], 0), (0, 0)), constant_values=255)
                           for p in (upper, lower)])  # fmt: skip


def channel_table(histograms):
    """DataFrame of {split: int (C, 256)}: split, channel and `channel_statistics`; no row for an empty split."""
    rows = []
    for split, histogram in histograms.items():
        for channel, counts in zip(CHANNELS[len(histogram)], histogram, strict=True):
            if counts.any():
                rows.append({"split": split, "channel": channel} | channel_statistics(counts))
    return pd.DataFrame(rows)


def histogram_table(histogram):
    """DataFrame of int (C, 256): value, share and, where C is 3, one column a channel."""
    table = pd.DataFrame({"value": np.arange(256), "share": histogram.sum(axis=0) / histogram.sum()})
    if len(histogram) > 1:
        for channel, counts in zip(CHANNELS[len(histogram)], histogram, strict=True):
            table[channel] = counts / counts.sum()
    return table


def _compared(labels, image_shape):
    """Names of the attributes that vary over the training images: the most balanced, as many as there is room for."""
    fewer = np.minimum((labels == 1).sum(), (labels == 0).sum())
    room = max(1, int(SUM_BYTES // (8 * np.prod(image_shape))) // 2)
    return sorted(fewer.index[fewer > 0], key=lambda name: (-fewer[name], name))[: min(MOST_ATTRIBUTES, room)]


def _sums(shards, labels):
    """(`PixelSums` whose groups are the images with each attribute, {attribute's number: sum over the known ones})."""
    known = ~np.isnan(labels)
    partly = np.flatnonzero(~known.all(axis=0))
    count = labels.shape[1]
    sums = pixel_sums(shards, "train", np.concatenate([labels == 1, known[:, partly]], axis=1))
    known_sums = dict.fromkeys(range(count), sums.total)
    known_sums |= {int(i): sums.groups[count + n] for n, i in enumerate(partly)}
    return sums, known_sums


def _means(labels, positive_sum, known_sum):
    """Mean images (with, without), float (H, W, C) in 0..255, of the images with one attribute's labels (n,)."""
    return positive_sum / (labels == 1).sum(), (known_sum - positive_sum) / (labels == 0).sum()


def _explained(labels, sums, known_sums):
    """Per attribute (columns of `labels`) the share of the pixels' variance that is between with and without."""
    count = len(labels)
    variance = (sums.squares / count - (sums.total / count) ** 2).sum()
    explained = []
    for i in range(labels.shape[1]):
        present, absent = _means(labels[:, i], sums.groups[i], known_sums[i])
        share = (labels[:, i] == 1).sum() / (~np.isnan(labels[:, i])).sum()
        between = share * (1 - share) * ((present - absent) ** 2).sum()
        explained.append(float(between / variance) if variance > 0 else 0.0)
    return explained


def _shown(labels, explained):
    """Numbers of the attributes to show: again and again the one that explains most and is least like those before.

    Without the second condition all would be of one kind (lipstick, makeup, beard: who looks like a woman).
    """
    if not explained:
        return []
    _, _, correlation = pair_counts([labels])
    chosen, left = [], np.array(explained)
    for _ in range(min(SHOWN_ATTRIBUTES, len(explained))):
        best = int(np.argmax(left))
        chosen.append(best)
        left *= 1 - np.abs(np.nan_to_num(correlation[best]))
        left[best] = -1
    return chosen


def _uint8(images):
    return np.floor(np.clip(np.stack(images), 0, 255) + 0.5).astype(np.uint8)


def _write(path, table):
    with atomic_file(path) as file:
        table.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
