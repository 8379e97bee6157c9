import time

import pytest

from rsft_utils.real.scoring import limited
from rsft_utils.real.scoring.limited import CannotWork, LimitedProcess, Overrun

ANSWERS = """
import time
from rsft_utils.real.scoring import limited
from rsft_utils.real.scoring.limited import CannotWork

def answer(what, text):
    print(text)
    if what == "length":
        return len(text)
    if what == "loop":
        while True: pass
    if what == "memory":
        return len(bytearray(10**11))
    if what == "deep":
        return answer(what, text)
    if what == "die":
        import os; os._exit(1)
    if what == "setup":
        raise CannotWork("the data is missing")
    if what == "tower":
        return 9**(9**(9**9)) % 7
"""


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "made_up_answers.py").write_text(ANSWERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        process = LimitedProcess("made_up_answers", seconds=1)
        yield process
        process.close()


def test_the_child_stays_up_between_questions(child):
    child.ask("length", "warm")
    before = child.starts
    assert [child.ask("length", "x" * n) for n in range(100)] == list(range(100))
    assert child.starts == before


def test_any_text_arrives_as_it_is_and_printing_disturbs_nothing(child):
    for text in ("\ud800", "\x1b[31m\x00", '{"result": 3}\n', "٣𝟛", "x" * 300_000):
        assert child.ask("length", text) == len(text)


@pytest.mark.parametrize("what", ["loop", "tower"])
def test_what_takes_too_long_costs_no_more_than_the_limit_and_the_next_question_is_answered(child, what):
    child.ask("length", "warm")
    begin = time.monotonic()
    with pytest.raises(Overrun):
        child.ask(what, "")
    assert time.monotonic() - begin < 5
    assert child.ask("length", "four") == 4


@pytest.mark.parametrize("what", ["memory", "deep", "die"])
def test_what_breaks_the_child_is_an_overrun_too(child, what):
    with pytest.raises(Overrun):
        child.ask(what, "")
    assert child.ask("length", "four") == 4


def test_a_child_that_died_between_two_questions_is_replaced(child):
    child.ask("length", "warm")
    child._process.kill()  # as the system does when memory is short
    child._process.wait()
    assert child.ask("length", "four") == 4


def test_a_fault_that_is_not_the_texts_is_not_blamed_on_it(child):
    with pytest.raises(CannotWork, match="the data is missing"):
        child.ask("setup", "")


def test_a_package_that_is_not_installed_is_named_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CannotWork, match=r"no_such_package.*pip install"):
        LimitedProcess("needs_more", seconds=1).ask("text")


def test_a_module_that_does_not_even_start_is_not_blamed_on_the_text(tmp_path, monkeypatch):
    (tmp_path / "dies_at_once.py").write_text("import os; os._exit(1)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CannotWork, match="dies_at_once does not start"):
        LimitedProcess("dies_at_once", seconds=1).ask("text")


def test_after_an_interrupt_no_answer_is_taken_for_another(child, monkeypatch):
    child.ask("length", "warm")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(limited, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            child.ask("length", "four")
    assert child.ask("length", "seven..") == 7
