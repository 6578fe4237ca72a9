import numpy as np
import pytest

from facepipe.tables.cells import LIMIT, Cells, short


def test_numbers_of_every_spelling():
    texts = ["1", "-2.5", " 3 ", "+4e-3", "5E+01", ".5", "6."]
    np.testing.assert_array_equal(Cells(comma=True).numbers(texts), [1, -2.5, 3, 4e-3, 50, 0.5, 6])
    np.testing.assert_array_equal(Cells(comma=True).numbers(["0,5", "-1,5E-05", "7"]), [0.5, -1.5e-5, 7])
    assert Cells(comma=False).numbers(["0,5"]) is None


@pytest.mark.parametrize("text", ["", "x", "nan", "-inf", "1_0", "٣", "1e39", "0x1", "1\u2028", "1.5.5", "1,5.5"])
def test_what_is_no_number_has_a_reason(text):
    cells = Cells(comma=True)
    assert cells.numbers(["1", text]) is None
    i, problem = cells.first_problem(["1", text])
    assert i == 1 and problem.isprintable()


def test_messages_say_what_is_expected():
    cells = Cells(comma=False, expected="a number or empty")
    assert cells.first_problem(["x"]) == (0, "'x' is not a number or empty")
    assert cells.first_problem(["0,5"])[1] == "'0,5' is not a number or empty; write decimals with a point"


def test_one_mark_for_all_numbers():
    cells = Cells(comma=True)
    assert cells.numbers(["1,5", "2"]) is not None
    assert cells.numbers(["2.5"]) is None and cells.numbers(["3"]) is not None
    assert cells.first_problem(["3", "2.5"]) == (
        1, "'2.5' has a decimal point, the numbers before it a comma; write all of them one way",
    )  # fmt: skip
    # the first of a block decides, wherever the block begins
    assert Cells(comma=True).first_problem(["1.5", "2,5"])[1].startswith("'2,5' has a decimal comma")


def test_the_limit_is_where_float32_becomes_infinite():
    with np.errstate(over="ignore"):
        assert np.isinf(np.float32(LIMIT)) and np.isfinite(np.float32(np.nextafter(LIMIT, 0)))


def test_messages_stay_short_and_on_one_line():
    assert short("a\nb") == r"'a\nb'"
    assert len(short("x" * 1000)) <= 42
