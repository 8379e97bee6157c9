import io
import shutil
import time
from os import terminal_size
from types import SimpleNamespace

import pytest

from rsft_utils import progress, specs, store
from rsft_utils.progress import Line, RunsLine, Screen, labels

STATES = ("a table\n", "\r1 %", "\r2 %\n", "\n", "\r3 %", "a table\n", "more\n")


class Stream(io.StringIO):
    """A terminal, or a log."""

    encoding = "utf-8"

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds as a list of one number, to be changed."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def written(texts, terminal):
    stream = Stream(terminal)
    screen = Screen(stream)
    for text in texts:
        screen.write(text)
    return stream.getvalue()


def test_a_terminal_shows_every_state_over_the_one_before_and_nothing_else():
    assert written(STATES, terminal=True) == "\r1 %\r2 %\n\r3 %\n"


def test_a_state_is_cut_to_the_width_of_the_terminal(monkeypatch):
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: terminal_size((10, 24)))
    assert written(["\r" + "x" * 50], terminal=True) == "\r" + "x" * 9


def test_what_covers_the_rest_of_a_longer_state_stays():
    assert written(["\rlonger", "\r1 %   "], terminal=True) == "\rlonger\r1 %   "


def test_a_log_has_the_first_state_the_last_and_one_a_minute_in_between(clock):
    stream = Stream(terminal=False)
    screen = Screen(stream)
    for second in range(0, 150, 2):
        clock[0] = 1000.0 + second
        screen.write(f"\rsecond {second}  ")
    screen.write("\n")
    assert stream.getvalue() == "second 0\nsecond 62\nsecond 124\nsecond 148\n"


def test_of_states_that_come_together_the_last_is_shown():
    assert written(["\r1 %\r2 %\r3 %\n"], terminal=False) == "3 %\n"


def test_in_a_notebook_states_are_written_over():
    stream = type("OutStream", (Stream,), {"__module__": "ipykernel.iostream"})(terminal=False)
    screen = Screen(stream)
    for state in ("\r1 %", "\r" + "x" * 500):
        screen.write(state)
    assert stream.getvalue() == "\r1 %\r" + "x" * 500


@pytest.fixture
def on_a_terminal(monkeypatch):
    """A terminal wide enough for everything; its stream."""
    stream = Stream(terminal=True)
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stdout=stream))  # pytest puts its own into sys
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: terminal_size((500, 24)))
    return stream


def test_the_time_left_is_reckoned_from_what_was_done_since_the_line_began(on_a_terminal):
    with Line(total=100, done=80) as line:
        line.bar.start_t -= 60
        line.update(90, "half of what was left")
    state = on_a_terminal.getvalue().split("\r")[-1]
    assert state.startswith(" 90 % |█████████ | 01:00 gone, about 01:00 left  half of what was left")


def test_states_come_every_two_seconds_at_most(on_a_terminal, clock):
    with Line(total=100) as line:
        for done in range(40):
            clock[0] += 0.5
            line.update(done, f"({done})")
    shown = on_a_terminal.getvalue()
    assert [f"({done})" in shown for done in (0, 1, 4, 5, 10)] == [True, False, False, True, True]


def test_a_line_that_is_not_wanted_writes_nothing(on_a_terminal):
    with Line(total=10, shown=False) as line:
        line.update(5, "half")
    assert on_a_terminal.getvalue() == ""


def test_a_finished_run_is_wholly_done(tiny_run, on_a_terminal):
    spec, _ = tiny_run
    with RunsLine([spec], shown=True) as line:
        line.look()
    last = on_a_terminal.getvalue().split("\r")[-1]
    assert last.startswith("100 % |") and last.rstrip().endswith("left  3/3 measured")


def test_the_line_tells_which_runs_are_in_training_and_how_far(on_a_terminal, new_runs):
    three = [specs.default_spec("XS", dataset=name) for name in ("math-cot", "math-nocot", "math-answer")]
    for spec, step in zip(three, (320, 20, 0), strict=True):
        folder = store.checkpoints_folder(spec)
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_text(f'{{"step": {step}}}\n' if step else "")
    with RunsLine(three, shown=True) as line:
        line.look()
    said = on_a_terminal.getvalue().split("\r")[-1].strip()
    assert said.endswith("left  0/48 measured, training math-cot 320/640, math-nocot 20/640")
    assert len(said) < 120


def spec(size="S", **changes):
    return specs.default_spec(size, **changes)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([spec()], [""]),
        (specs.seed_specs("S", 3), ["seed 0", "seed 1", "seed 2"]),
        ([spec("S"), spec("XS")], ["S", "XS"]),
        (
            [spec("S"), spec("S", dataset="math-nocot"), spec("XS"), spec("XS", dataset="math-nocot")],
            ["S math-cot", "S math-nocot", "XS math-cot", "XS math-nocot"],
        ),
        ([spec(learning_rate=1e-3), spec(learning_rate=3e-4)], ["learning rate 0.001", "learning rate 0.0003"]),
        ([spec(), spec()], ["", ""]),
    ],
)
def test_a_label_has_only_what_tells_the_runs_apart(runs, said):
    assert labels(runs) == said


def test_how_far_a_training_is_stands_in_the_last_line_of_its_log(tmp_path):
    assert progress.last_logged_step(tmp_path) == 0
    (tmp_path / "log.jsonl").write_text('{"step": 10}\n{"step": 20}\n')
    assert progress.last_logged_step(tmp_path) == 20
