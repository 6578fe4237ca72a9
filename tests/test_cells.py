import numpy as np
import pytest

from facepipe.tables.cells import LIMIT, Cells, short, zero_one


def test_numbers_of_every_spelling():
    texts = ["1", "-2.5", " 3 ", "+4e-3", "5E+01", ".5", "6."]
    np.testing.assert_array_equal(Cells(comma=True).numbers(texts), [1, -2.5, 3, 4e-3, 50, 0.5, 6])
    np.testing.assert_array_equal(Cells(comma=True).numbers(["0,5", "-1,5E-05", "7"]), [0.5, -1.5e-5, 7])
    assert Cells(comma=False).numbers(["0,5"]) is None
    # a minus sign, and spaces that do not break a line
    np.testing.assert_array_equal(Cells(comma=True).numbers(["\u22121,5", "\u00a02", "3\u202f"]), [-1.5, 2, 3])


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2009", "\u202f"])
def test_thousands_are_refused_with_the_reason(space):
    for text in (f"1{space}234", f"\u221212{space}345,5"):
        assert Cells(comma=True).first_problem([text])[1].endswith("has a thousands separator; write it without")


def test_labels():
    cells = Cells(comma=True)
    texts = ["", " ", "0", "-1", "\u22121", "1,0", "0,5", "TRUE", "No", "wahr", "FAUX", "sí", "Não"]
    np.testing.assert_array_equal(
        [cells.label(text) for text in texts], [np.nan, np.nan, 0, -1, -1, 1, 0.5, 1, 0, 1, 0, 1, 0]
    )
    assert cells.label("perhaps") is None and cells.label("nan") is None
    np.testing.assert_array_equal(zero_one(np.array([-1, 1, np.nan])), [0, 1, np.nan])
    np.testing.assert_array_equal(zero_one(np.array([0, 1, np.nan])), [0, 1, np.nan])
    assert zero_one(np.array([-1, 0, 1])) is None and zero_one(np.array([0.5])) is None


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
