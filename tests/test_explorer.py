from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd
import pytest

from rsft_utils import explorer, reference
from rsft_utils.explorer import explore, page

PROMPT = "calc 3 l1 + 2 l2 * 4"
VALID = "<think> 3 + 2 = 6 check no wait 3 + 2 = 5 ; 5 * 4 = 20 </think> answer 20 <end>"
EMPTY = "<think> 3 + 2 = 5 ; wait 5 * 4 = 20 </think> answer 20 <end>"
HOSTILE = "<script>alert(1)</script> <img/src=x/onerror=alert(1)> &lt; </div> \" ' --> <think>"


class Shown(HTMLParser):
    """What a browser would make of a page: pieces of text with the styles they stand in, and the tags."""

    def __init__(self, html):
        super().__init__()
        self.pieces, self.tags, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        if tag != "br":
            self.open.append((tag, dict(attrs).get("style", "")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.pieces.append((data.strip(), "".join(style for tag, style in self.open if tag == "span")))

    @property
    def text(self):
        return " ".join(" ".join(text for text, _ in self.pieces).split())

    def styles_of(self, symbol):
        return [style for text, style in self.pieces if text == symbol]


def rows(answers, prompt=PROMPT, outcome="correct"):
    """Kept answers to a prompt, given by step."""
    return pd.DataFrame(
        [{"prompt": prompt, "step": at, "outcome": outcome, "completion": text} for at, text in answers.items()]
    )


def shown(answer, base="answer 7 <end>", **about):
    return Shown(page(rows({0: base, 20: answer}, **about), about.get("prompt", PROMPT), 20))


def test_a_page_has_the_prompt_and_the_answer_at_the_step_beside_that_of_the_base():
    table = rows({0: "answer 7 <end>", 20: "answer 8 <end>", 640: "answer 9 <end>"})
    other = rows({0: "answer 1 <end>", 20: "answer 2 <end>"}, prompt="calc 1 l1 + 1")
    found = Shown(page(pd.concat([other, table]), PROMPT, 20)).text
    _, after = found.split(f"prompt {PROMPT} ")
    assert after == "base (step 0) : correct, 3 symbols answer 7 <end> step 20 : correct, 3 symbols answer 8 <end>"


def test_at_step_0_the_base_stands_beside_itself():
    found = Shown(page(rows({0: "answer 7 <end>", 20: "answer 8 <end>"}), PROMPT, 0)).text
    assert found.count("answer 7 <end>") == 2
    assert "answer 8" not in found


def test_outcome_and_length_are_those_of_each_answer():
    table = rows({0: "sorry <end>", 20: VALID})
    table["outcome"] = ["refused", "wrong"]
    found = Shown(page(table, PROMPT, 20)).text
    assert "base (step 0) : refused, 2 symbols sorry <end>" in found
    assert f"step 20 : wrong, {len(VALID.split())} symbols {VALID}" in found


def test_an_answer_of_nothing_is_shown_as_such():
    assert shown("", outcome="no_answer").text.endswith("step 20 : no_answer, 0 symbols")


@pytest.mark.parametrize("place", ["answer", "base", "prompt", "outcome"])
def test_nothing_that_a_table_holds_becomes_markup(place):
    harmless = shown("x", outcome="x")
    found = shown(**{"answer": "x", "outcome": "x", place: HOSTILE})
    assert HOSTILE in found.text
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in harmless.tags} == {"div", "p", "b", "br", "span"}
    assert {name for _, names in found.tags for name in names} == {"style"}
    assert not found.open


@pytest.mark.parametrize("place", ["answer", "base", "prompt", "outcome"])
def test_what_would_act_on_a_terminal_or_turn_the_writing_is_shown_as_python_writes_it(place):
    hostile = "\x1b[31mred \u202eright-to-left \u200bunseen \x00 \x9b2J"
    found = shown(**{"answer": "x", "outcome": "x", place: hostile}).text
    assert r"\x1b[31mred \u202eright-to-left \u200bunseen \x00 \x9b2J" in found
    assert found.isprintable()


def test_a_formula_stays_as_it_is_written():
    assert "$x^2$ \\(y\\)" in shown("$x^2$ \\(y\\)").text  # JupyterLab typesets no formula in the HTML of a widget


def test_an_endless_answer_or_symbol_is_cut_and_counted():
    found = shown("wait " * 100_000).text
    assert found.endswith("98,000 symbols more") and "100000 symbols" in found
    assert found.count("wait") == 2000
    found = shown("x" * 10**6 + " <end>").text
    assert f" {'x' * 200}… (999,800 characters more) <end>" in found


@pytest.mark.parametrize(("answer", "place"), [(VALID, 2), (EMPTY, 3)], ids=["valid", "empty"])
def test_a_backtrack_is_bold_and_underlined_in_the_colour_it_has_in_the_figures(answer, place):
    import seaborn as sns

    color = sns.color_palette("colorblind").as_hex()[place]
    (style,) = shown(answer).styles_of("wait")
    assert "underline" in style and style.endswith(color)
    assert "bold" in style


def test_an_empty_backtrack_is_told_from_a_valid_one_without_its_colour():
    (valid,), (empty,) = shown(VALID).styles_of("wait"), shown(EMPTY).styles_of("wait")
    assert "wavy" in empty and "wavy" not in valid


def test_the_frame_is_paler_and_all_else_is_plain():
    found = shown(EMPTY)
    for symbol in ("<think>", "</think>", "answer", "<end>"):
        styles = set(found.styles_of(symbol))
        assert len(styles) == 1
        assert "opacity" in styles.pop()
    assert shown("sorry <end>").styles_of("<end>")[0] in found.styles_of("</think>")
    assert shown("sorry <end>").styles_of("sorry") == [""]  # a refusal is what is said, not a frame
    assert found.styles_of("3 + 2 = 5 ;") == found.styles_of("5 * 4 = 20") == [""]


def test_the_legend_looks_like_what_it_explains():
    found = shown(f"{VALID} {EMPTY}")
    valid, empty = shown(VALID).styles_of("wait"), shown(EMPTY).styles_of("wait")
    assert found.styles_of("valid backtrack") == valid
    assert found.styles_of("empty backtrack") == empty
    assert found.styles_of("frame of thought and answer") == shown(EMPTY).styles_of("<think>")


def test_light_and_dark_are_left_to_the_theme():
    html = page(rows({0: EMPTY, 20: VALID}), PROMPT, 20)
    assert "background" not in html and "color:" not in html  # every letter has the theme's; lines are coloured


def named(box):
    """The widgets of the explorer by what is written before them; the page is `view`."""
    found, waiting = {}, [box]
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        if not hasattr(widget, "children"):
            found[widget.description or "view"] = widget
    return SimpleNamespace(**found)


def chosen(widgets):
    return tuple(getattr(widgets, name).value for name in ("seed", "benchmark", "prompt", "step"))


def keep(arm, seeds=(101, 102), benchmarks=("chain", "lock"), prompts=("a", "b"), steps=(0, 20, 640)):
    """Keep made-up completions of an arm that say what they answer to; beside them sampled ones."""
    names = {spec.seed: spec.name for spec in reference.arms()[arm]}
    table = [
        {
            "run": names[seed],
            "step": step,
            "benchmark": benchmark,
            "decoding": decoding,
            "outcome": "correct",
            "prompt": f"{benchmark} {prompt}",
            "completion": f"{decoding} {arm} {seed} {step}",
        }
        for seed in seeds
        for step in steps
        for benchmark in benchmarks
        for decoding in ("T0.6", "greedy")
        for prompt in prompts
    ]
    reference._save(f"completions/{arm}", pd.DataFrame(table))


@pytest.fixture
def opened(new_reference):
    """Function that keeps completions of arms, described by name, and opens the explorer on these arms."""

    def make(**arms):
        for arm, about in arms.items():
            keep(arm, **about)
        return named(explore(list(arms)))

    return make


def test_the_explorer_begins_with_the_first_of_everything_at_the_last_step(opened):
    widgets = opened(S={}, XS={})
    assert (widgets.arm.value, *chosen(widgets)) == ("S", 101, "chain", "chain a", 640)
    found = Shown(widgets.view.value).text
    assert "greedy S 101 0 step 640 : correct, 4 symbols greedy S 101 640" in found
    assert "T0.6" not in found


def test_what_can_be_chosen_is_what_was_kept(opened):
    widgets = opened(S={"seeds": (103, 105), "prompts": ("x", "y", "z"), "steps": (5, 0)}, XS={})
    assert widgets.arm.options == ("S", "XS")
    assert widgets.seed.options == (103, 105)
    assert widgets.benchmark.options == ("chain", "lock")
    assert widgets.prompt.options == ("chain x", "chain y", "chain z")
    assert widgets.step.options == (0, 5)


def test_the_page_follows_the_slider(opened):
    widgets = opened(S={})
    for step in (20, 0, 640):
        widgets.step.value = step
        assert Shown(widgets.view.value).text.endswith(f"step {step} : correct, 4 symbols greedy S 101 {step}")


def test_the_page_follows_every_choice(opened):
    widgets = opened(S={}, XS={})
    widgets.seed.value = 102
    assert "greedy S 102 640" in Shown(widgets.view.value).text
    widgets.prompt.value = "chain b"
    assert "prompt chain b " in Shown(widgets.view.value).text
    widgets.benchmark.value = "lock"
    assert "prompt lock a " in Shown(widgets.view.value).text
    widgets.arm.value = "XS"
    assert "greedy XS 102 640" in Shown(widgets.view.value).text


def test_another_arm_leaves_the_other_choices_as_they_are(opened):
    widgets = opened(
        S={},
        XS={
            "seeds": (103, 102),
            "benchmarks": ("word", "lock", "chain"),
            "prompts": ("c", "b", "a"),
            "steps": (0, 5, 20, 80),
        },
    )
    for name, value in {"seed": 102, "benchmark": "lock", "prompt": "lock b", "step": 20}.items():
        getattr(widgets, name).value = value
    for arm in ("XS", "S"):
        widgets.arm.value = arm
        assert chosen(widgets) == (102, "lock", "lock b", 20)
        assert f"greedy {arm} 102 20" in Shown(widgets.view.value).text


def test_a_choice_that_another_arm_lacks_becomes_its_first_and_a_step_its_last(opened):
    widgets = opened(S={}, XS={"seeds": (103,), "benchmarks": ("word",), "prompts": ("c", "d"), "steps": (0, 5, 10)})
    widgets.prompt.value = "chain b"
    widgets.arm.value = "XS"
    assert chosen(widgets) == (103, "word", "word c", 10)
    assert "greedy XS 103 10" in Shown(widgets.view.value).text


def test_another_benchmark_or_run_keeps_the_step(opened):
    widgets = opened(S={})
    widgets.step.value = 20
    widgets.benchmark.value = "lock"
    widgets.seed.value = 102
    assert chosen(widgets) == (102, "lock", "lock a", 20)


def test_each_choice_draws_one_page(opened, monkeypatch):
    drawn = []
    monkeypatch.setattr(explorer, "page", lambda table, prompt, step: drawn.append((prompt, step)) or "")
    widgets = opened(S={}, XS={"seeds": (102, 101), "prompts": ("b", "a"), "steps": (0, 20)})
    widgets.seed.value = 102
    widgets.arm.value = "XS"
    assert drawn == [("chain a", 640), ("chain a", 640), ("chain a", 20)]


def test_a_choice_that_could_not_be_shown_does_not_stop_the_explorer(opened):
    widgets = opened(S={}, XS={"steps": (5, 20)})  # the base is missing
    with pytest.raises(KeyError):
        widgets.arm.value = "XS"
    widgets.arm.value = "S"
    assert "greedy S 101" in Shown(widgets.view.value).text


def test_every_finished_arm_can_be_read_to_its_last_step():
    widgets = named(explore())
    assert list(widgets.arm.options) == reference.finished()
    widgets.benchmark.value, widgets.step.value = "lock", 80
    for arm in reference.finished():
        widgets.arm.value = arm
        assert widgets.benchmark.value == "lock"
        assert set(widgets.seed.options) <= {spec.seed for spec in reference.arms()[arm]}
        assert widgets.step.options[0] == 0
        assert f"step {widgets.step.value} :" in Shown(widgets.view.value).text
