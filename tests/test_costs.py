from tests.bench.costs import duration, lines
from tests.conftest import ROOT


def test_the_page_has_what_the_script_computes():
    assert "\n".join(lines()) in (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")


def test_durations():
    assert [duration(s) for s in (0.214, 44, 150, 6240, 3.6 * 86_400)] == [
        "0.21 s",
        "44 s",
        "2.5 min",
        "104 min",
        "3.6 days",
    ]
