"""Plain lines on a clock that the test moves, a bar in a terminal, and what is said beside."""

import io
import re

import pytest

from facepipe.core import progress
from facepipe.core.progress import Pace, Progress, about, duration, say, took, track


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Time stands still unless the test moves it; no line was printed before."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(progress, "_pace", Pace(clock.now))
    return clock


def work(clock, seconds, steps, name="work", **options):
    """Equal steps of so many seconds in all, one image each."""
    with Progress(name, **options) as bar:
        for _ in range(steps):
            clock.now += seconds / steps
            bar.update()


def lines(capsys):
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("seconds", [0.1, 2, 4.9])
def test_quick_work_says_nothing(seconds, clock, capsys):
    work(clock, seconds, 1000, total=1000)
    assert lines(capsys) == []


def test_a_line_every_twentieth_of_two_minutes(clock, capsys):
    work(clock, 120, 1000, total=1000)
    found = lines(capsys)
    assert found[0] == "work: 50 of 1,000 images (5 %), 8.3 images/s, about 2 min left"
    assert found[-1] == "work: 1,000 images in 2 min (8.3 images/s)"
    assert 20 <= len(found) <= 21


@pytest.mark.parametrize("total", [100_000, None])
@pytest.mark.parametrize("hours, fewest", [(0.1, 10), (1, 30), (10, 50), (100, 70), (1000, 85)])
def test_at_most_100_lines_however_long(hours, fewest, total, clock, capsys):
    work(clock, 3600 * hours, 100_000, total=total)
    assert fewest <= len(lines(capsys)) < 100


def test_a_line_every_thirty_seconds_of_the_first_minutes(clock, capsys):
    work(clock, 300, 3000)
    seconds = [float(line.split()[1].replace(",", "")) / 10 for line in lines(capsys)]
    assert seconds == pytest.approx([30, 60, 90, 120, 150, 180, 210, 240, 270, 300], abs=1.5)


def test_all_work_of_a_process_shares_its_lines(clock, capsys):
    for _ in range(40):
        work(clock, 600, 600, total=600)
    assert len(lines(capsys)) <= progress.MOST_LINES


def test_a_budget_in_minutes_knows_its_share(clock, capsys):
    begun = clock.now
    work(clock, 100, 100, share=lambda: (clock.now - begun) / 100)
    found = lines(capsys)
    assert found[0] == "work: 5 images (5 %), 1 images/s, about 2 min left"
    assert (
        found[-3].endswith(" s left") and found[-2] == "work: 100 images (100 %), 1 images/s" and 16 <= len(found) <= 21
    )


def test_work_that_goes_on_counts_its_own_for_the_rate(clock, capsys):
    work(clock, 60, 500, total=1000, done=500)
    assert lines(capsys)[0] == "work: 550 of 1,000 images (55 %), 8.3 images/s, about 54 s left"


def test_the_rate_is_that_since_the_measure_began(clock):
    with Progress("work", 1000, shown=False) as bar:
        clock.now += 50
        bar.update(10)
        bar.measure()
        clock.now += 10
        bar.update(90)
        assert bar.rate() == 9 and bar.seconds_left() == pytest.approx(100)


def test_nothing_of_what_is_not_to_be_shown(clock, capsys):
    work(clock, 1000, 100, total=100, shown=False)
    assert lines(capsys) == []


def test_what_fails_does_not_say_what_it_took(clock, capsys):
    def items():
        yield 1
        clock.now += 10
        raise ValueError

    with pytest.raises(ValueError):
        list(track(items(), "work", 1000))
    assert lines(capsys) == []


def test_bytes_in_megabytes(clock, capsys):
    with Progress("a.zip", 200_000_000, "B", 20_000_000) as bar:
        clock.now += 31
        bar.update(31_000_000)
    assert lines(capsys) == [
        "a.zip: 51.0 MB of 200.0 MB (26 %), 1.0 MB/s, about 2 min left",
        "a.zip: 31.0 MB in 31 s (1.0 MB/s)",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.mark.parametrize(
    "term, columns, bar", [("xterm", 80, True), ("dumb", 80, False), ("xterm", 0, False)], ids=["xterm", "dumb", "0"]
)
@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_bar_in_a_terminal_without_colours(term, columns, bar, no_color, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(progress.os, "get_terminal_size", lambda descriptor: progress.os.terminal_size((columns, 24)))
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    with Progress("work", 10) as shown:
        shown.note = "loss 0.5"
        shown.update(10)
        say("a word")
    text = progress.sys.stderr.getvalue()
    assert ("work: 100%|" in text and "images/s, loss 0.5]" in text and "\r" in text) == bar and "\x1b" not in text
    # a long note is cut, not the numbers
    assert all(len(line) <= columns for line in re.split("[\r\n]", text))


def test_a_long_note_leaves_the_numbers(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress.os, "get_terminal_size", lambda descriptor: progress.os.terminal_size((80, 24)))
    monkeypatch.setattr(progress, "BAR_SECONDS", 0)
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    with Progress("train_gan", 62_608) as shown:
        shown.note = "epoch 4/10 d_loss 1.199 g_loss 1.152 d_accuracy 0.5625 real_sign -0.6"
        shown.update(31_304)
    assert re.search(r"\rtrain_gan:  50%\|#{5} {5}\| 31.3k/62.6k \[", progress.sys.stderr.getvalue())


def test_durations():
    found = [duration(s) for s in (0.04, 9.94, 9.96, 59.6, 160, 3600, 3900, 3599.9, 86_400 * 3 + 7200)]
    assert found == ["0.0 s", "9.9 s", "10 s", "1 min", "2 min 40 s", "1 h", "1 h 5 min", "1 h", "3 d 2 h"]
    assert [about(s) for s in (40.2, 170, 3700)] == ["about 40 s", "about 3 min", "about 1 h 2 min"]
    assert took(192_000, "images", 160) == "192,000 images in 2 min 40 s (1,200 images/s)"
