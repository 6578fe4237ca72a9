"""The table of layers against counts by hand."""

import csv

import keras

from facepipe.models.ae.model import Autoencoder
from facepipe.networks.layers import parameter_count
from facepipe.networks.summary import COLUMNS, flops, summarize, write_summary


def called(layer, shape):
    """The layer after one call, as a model's."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs)).layers[-1]


def test_operations_by_hand():
    # 3 x 3 places (5 halved, rounded up) x 4 x 4 window x 2 channels in x 7 out, multiply and add
    convolution = called(keras.layers.Conv2D(7, 4, 2, "same"), (5, 6, 2))
    assert flops(convolution) == 3 * 3 * (4 * 4 * 2) * 7 * 2
    # each of the 5 x 6 x 2 numbers is spread with 4 x 4 x 7 weights
    transposed = called(keras.layers.Conv2DTranspose(7, 4, 2, "same"), (5, 6, 2))
    assert flops(transposed) == 5 * 6 * 2 * (4 * 4 * 7) * 2
    assert flops(called(keras.layers.Dense(11), (13,))) == 13 * 11 * 2
    assert flops(called(keras.layers.ReLU(), (13,))) == 0


def test_every_layer_stands_in_the_table(tmp_path):
    spec = {"image_shape": [16, 16, 3], "latent_dim": 4, "widths": [8, 10], "latent_activation": "linear"}
    networks = Autoencoder(spec, dtype="mixed_bfloat16").networks
    rows = summarize(networks)
    assert sum(row["parameters"] for row in rows) == parameter_count(networks)
    by_name = {row["layer"]: row for row in rows}
    assert by_name["encoder_conv1"] == {
        "network": "convolutions", "layer": "encoder_conv1", "type": "Conv2D", "output": "4x4x10",
        "parameters": 16 * 8 * 10 + 10, "flops": 2 * 4 * 4 * 16 * 8 * 10,
    }  # fmt: skip
    assert by_name["decoder_deconv1"]["flops"] == 2 * 8 * 8 * 16 * 8 * 3
    assert by_name["decoder_deconv1"]["output"] == "16x16x3"
    write_summary(tmp_path / "summary.csv", networks)
    with open(tmp_path / "summary.csv", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{key: str(row[key]) for key in COLUMNS} for row in rows]
