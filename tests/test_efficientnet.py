"""The frozen network of projected discriminators: it knows what pictures show, its file holds nothing but numbers."""

import pickle

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from facepipe.errors import FieldError, InputError
from facepipe.features import efficientnet


@pytest.mark.parametrize(("name", "label"), [("flower.jpg", 985), ("china.jpg", 698)])  # daisy, palace
def test_it_knows_what_a_picture_shows(name, label):
    # by the layers after the last map, which training does not need
    picture = Image.fromarray(load_sample_image(name)).crop((106, 0, 533, 427)).resize((224, 224))
    last = efficientnet.maps(np.asarray(picture)[None].astype(np.float32) / 127.5 - 1.0)[-1].numpy()
    stored = efficientnet.read_tensors(efficientnet.weights_path().read_bytes())
    x = last @ stored["_conv_head.weight"][:, :, 0, 0].T
    x = (x - stored["_bn1.running_mean"]) / np.sqrt(stored["_bn1.running_var"] + 1e-3)
    x = np.clip(x * stored["_bn1.weight"] + stored["_bn1.bias"], 0.0, 6.0).mean((1, 2))
    logits = (x @ stored["_fc.weight"].T + stored["_fc.bias"])[0]
    assert len(logits) == 1000 and logits.argmax() == label


@pytest.mark.parametrize("shape", [(64, 64, 3), (16, 17, 1)])
def test_maps_and_their_operations(shape):
    images = tf.random.stateless_uniform((2, *shape), (0, 1), -1.0, 1.0)
    with tf.GradientTape() as tape:
        tape.watch(images)
        found = efficientnet.maps(images)
        size = tf.add_n([tf.reduce_sum(each) for each in found])
    sides = [[-(-side // 2**level) for side in shape[:2]] for level in range(1, 6)]
    channels = (16, 24, 40, 112, 320)
    assert [each.shape[1:] for each in found] == [(*side, c) for side, c in zip(sides, channels, strict=True)]
    assert np.abs(tape.gradient(size, images).numpy()).mean() > 0


def test_operations_are_those_of_the_paper():
    # 407 million multiply-adds (EfficientNet-Lite0's card), of which 21 are the head that is not used
    assert 2 * 340e6 < efficientnet.flops((224, 224, 3)) < 2 * 400e6


def test_a_gray_image_is_seen_as_rgb():
    gray = tf.random.stateless_uniform((1, 32, 32, 1), (0, 1), -1.0, 1.0)
    for one, three in zip(efficientnet.maps(gray), efficientnet.maps(tf.repeat(gray, 3, axis=3)), strict=True):
        np.testing.assert_array_equal(one, three)


def test_a_file_of_anything_but_tensors_is_refused():
    head = b"".join(pickle.dumps(each, 2) for each in (0, 1001, {}))
    with pytest.raises(InputError, match=r"should hold tensors alone, found builtins\.eval"):
        efficientnet.read_tensors(head + pickle.dumps(Evil(), 2).replace(b"__builtin__", b"builtins"))


class Evil:
    def __reduce__(self):
        return eval, ("1 / 0",)


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(FieldError, match=r"projected_weight: needs the package .*facepipe\[projected\]"):
        efficientnet.weights_path()
