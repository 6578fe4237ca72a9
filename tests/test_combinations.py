"""The grid of a conditioned model: which combinations of labels are its rows, and that each row has them."""

import numpy as np

from facepipe.core.pictures import to_uint8
from facepipe.draw.grids import labelled
from facepipe.models.load import load_model
from facepipe.report.combinations import combinations, conditions_grid
from facepipe.report.config import RenderReports
from facepipe.shards.shards import Shards


def test_every_combination_of_few_attributes():
    labels, texts = combinations(("A", "B"))
    np.testing.assert_array_equal(labels, np.float32([[0, 0], [0, 1], [1, 0], [1, 1], [np.nan, np.nan]]))
    assert texts == ["without", "B", "A", "A, B", "unknown"]
    assert len(combinations(("A", "B", "C"))[0]) == 9


def test_one_at_a_time_of_many():
    labels, texts = combinations(tuple("ABCD"))
    np.testing.assert_array_equal(labels[:-1], np.concatenate([np.zeros((1, 4)), np.eye(4)]))
    assert texts == ["without", "A", "B", "C", "D", "unknown"] and np.isnan(labels[-1]).all()


def test_the_grid_of_a_trained_model(conditioned_models, tiny_shards):
    model, params = load_model(conditioned_models / "gan"), RenderReports(columns=3)
    z = model.sample_latents(3, params.seed)
    labels = [[0, 0], [0, 1], [1, 0], [1, 1], [np.nan, np.nan]]
    rows = [to_uint8(model.decode(z, np.float32([row] * 3))) for row in labels]
    expected = labelled(rows, ["without", "Bright", "Left", "Left, Bright", "unknown"], scale=4, font_size=15)
    np.testing.assert_array_equal(conditions_grid(model, Shards(tiny_shards), params), expected)
    assert rows[1].mean() > rows[0].mean() + 30
