"""Links to the explorer with a face in it."""

import base64

import numpy as np


def face_links(page, model, z, codes):
    """The links to the explorer's page with each of these faces, as table.js reads them.

    Args:
        page: str, its address or file name.
        model: str, such as ae.
        z: float32 (n, d).
        codes: float (n, k), of labels, see `facepipe.shards.labels.label_codes`; -1, 0 or 1.

    Returns:
        list of n str.
    """
    links = []
    for row, signs in zip(np.asarray(z, "<f4"), np.sign(codes).astype(int), strict=True):
        text = base64.urlsafe_b64encode(row.tobytes()).decode("ascii").rstrip("=")
        labels = f"&l={''.join('-0+'[sign + 1] for sign in signs)}" if len(signs) else ""
        links.append(f"{page}#m={model}&z={text}{labels}")
    return links
