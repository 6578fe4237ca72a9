import numpy as np
import pytest

from facepipe.errors import InputError
from facepipe.latents.vectors import check_latent_dim, format_vector, read_vectors, z_columns
from facepipe.tables.cells import short


def test_column_names():
    assert z_columns(3) == ["z000", "z001", "z002"]
    assert z_columns(1001)[999:] == ["z999", "z1000"]


def test_nine_digits_are_exact_for_every_kind_of_float32():
    bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]  # subnormal, tiny and huge ones among them
    values = np.concatenate([values, np.array([0, -0.0, 1e-45, 3.4028235e38, -3.4028235e38, 1 / 3], np.float32)])
    back = np.array([float(text) for text in format_vector(values)], np.float32)
    np.testing.assert_array_equal(back.view(np.uint32), values.view(np.uint32))


def test_the_largest_float32_can_be_read(tmp_path):
    largest = np.finfo(np.float32).max
    path = tmp_path / "v.csv"
    path.write_text(f"key,z000,z001\na,{','.join(format_vector([largest, -largest]))}\n")
    np.testing.assert_array_equal(read_vectors(path, "key").z, [[largest, -largest]])


def test_asked_for_columns_come_back_and_others_do_not(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("note,key,z000,size,z001\nhm,a,1,7,2\n,b,3,8,4\n")
    vectors = read_vectors(path, "key", required=("size",), optional=("colour",))
    assert vectors.keys == ["a", "b"] and vectors.cells == {"size": ["7", "8"]}
    np.testing.assert_array_equal(vectors.z, np.array([[1, 2], [3, 4]], np.float32))
    with pytest.raises(InputError, match="row 1: no column named colour"):
        read_vectors(path, "key", required=("colour",))


def test_rows_may_be_none_where_that_is_right(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("key,z000,z001\n")
    assert read_vectors(path, "key", empty_ok=True).z.shape == (0, 2)
    with pytest.raises(InputError, match="no rows"):
        read_vectors(path, "key")


def test_messages_stay_short_and_on_one_line():
    assert short("a\nb") == r"'a\nb'"
    assert len(short("x" * 1000)) <= 42
    with pytest.raises(InputError, match=r"x\.csv: has 3 latent columns, the model has 4"):
        check_latent_dim("x.csv", 3, 4, None)
