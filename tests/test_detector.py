"""dlib's detector: faces are found, noise and other things are not."""

import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from facepipe.errors import InputError
from facepipe.features.detector import finds_face


def test_photographs_and_what_is_none(real_data):
    pytest.importorskip("dlib")
    images = []
    with zipfile.ZipFile(real_data / "celeba/img_align_celeba.zip") as archive:
        for name in [name for name in sorted(archive.namelist()) if name.endswith(".jpg")][:30]:
            images.append(np.asarray(Image.open(archive.open(name)).crop((8, 18, 82, 92)).resize((64, 64))))
    images = np.stack(images)
    assert finds_face(images).mean() > 0.8
    shuffled = np.random.default_rng(0).permuted(images.reshape(30, -1, 3), axis=1).reshape(images.shape)
    assert not finds_face(shuffled).any()
    assert finds_face(images.mean(axis=3, keepdims=True).astype(np.uint8)).mean() > 0.7, "gray ones, too"


def test_without_the_package(monkeypatch):
    from facepipe.features import detector

    detector._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(InputError, match=r"dlib needs the package dlib; pip install 'facepipe\[identity\]'"):
        finds_face(np.zeros((1, 64, 64, 3), np.uint8))
