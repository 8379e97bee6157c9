import pytest

from rsft_utils import profiles, published, run
from rsft_utils.comparisons import PUBLISHED
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.specs import default_spec

NOTEBOOK = "02_data_quality_and_structure"


@pytest.fixture
def asked(made_up_summary, monkeypatch):
    """What runs were asked for, call by call. Nothing is trained: their tables are made up."""
    import pandas as pd

    numbers, calls = made_up_summary(steps=(0, 640)), []

    def results(specs):
        calls.append(list(specs))
        parts = [
            numbers.assign(run=spec.name, model=spec.base, seed=spec.seed, mean=numbers["mean"] / (place + 2))
            for place, spec in enumerate(specs)
        ]
        return run.Results(items=None, summary=pd.concat(parts, ignore_index=True))

    monkeypatch.setattr(run, "results", results)
    return calls


def groups():
    return {
        "long CoT": [default_spec("S", seed=seed) for seed in (0, 1)],
        "without CoT": [default_spec("S", dataset="math-nocot")],
    }


# The paper's numbers


@pytest.mark.parametrize("notebook", PUBLISHED)
def test_the_published_profile_has_a_table_for_each_of_the_paper_s_runs(asked, notebook):
    found = profiles.tables("published", notebook, groups())
    assert list(found) == list(PUBLISHED[notebook])
    for text, (model, data) in PUBLISHED[notebook].items():
        assert set(found[text].model) == {model}
        assert set(found[text].dataset) == {"none", data}
        assert {0, 640} <= set(found[text].step)
        assert found[text].run.nunique() == 1
    assert asked == []  # nothing is run


@pytest.mark.parametrize(
    ("notebook", "text", "step", "benchmark", "share"),
    [
        ("01_dip_and_recovery", "Qwen3-4B", 20, "MATH500", 0.629),
        (NOTEBOOK, "Qwen3-8B, human solutions", 640, "LCBv2", 0.079),
        (NOTEBOOK, "Qwen3-8B, Countdown", 0, "GPQA-D", 0.397),
        ("03_model_capability", "Gemma3-27B", 640, "MATH500", 0.891),
        ("04_safety_asymmetry", "Qwen3-4B, long CoT", 640, "MATH500", 0.862),
    ],
)
def test_the_tables_hold_the_paper_s_numbers(notebook, text, step, benchmark, share):
    rows = profiles.tables("published", notebook, {})[text]
    cells = rows.query("step == @step and benchmark == @benchmark and metric == 'score_common'")
    assert cells["mean"].tolist() == pytest.approx([share])


def test_where_one_run_is_asked_for_the_paper_s_is_the_one_with_the_most_checkpoints_and_has_no_answers(asked):
    found = profiles.results("published", [default_spec("S")])
    assert set(found.summary.model) == {"Qwen3-4B"}
    assert set(found.summary.dataset) == {"none", "Math-CoT-20k"}
    everything = published.summary()
    steps = everything.groupby("model").step.nunique()
    assert found.summary.step.nunique() == steps.max() == 9
    assert len(found.items) == 0 and "completion" in found.items
    assert asked == []


def test_the_paper_s_base_is_that_of_the_same_run(asked):
    base = profiles.base("published", [default_spec("S")])
    assert set(base.step) == {0} and set(base.model) == {"Qwen3-4B"} and len(base)
    assert asked == []


# Runs that are made here


def test_the_results_of_runs_are_those_of_these_runs(asked):
    specs = groups()["long CoT"]
    assert set(profiles.results("micro", tuple(specs)).summary.run) == {spec.name for spec in specs}
    assert asked == [specs]


def test_the_base_is_that_of_the_first_run_measured_on_as_many_items_as_at_its_ends(made_up_summary, monkeypatch):
    calls, summary = [], made_up_summary(steps=(0,))
    monkeypatch.setattr(
        run, "base_results", lambda bases, n_items: calls.append((bases, n_items)) or run.Results(None, summary)
    )
    specs = [default_spec("S", base_seed=2, n_items=3, n_items_ends=7), default_spec("XS")]
    assert profiles.base("micro", specs) is summary
    assert calls == [(["S-seed2"], 7)]


def test_the_runs_of_all_groups_are_made_side_by_side_and_told_apart_afterwards(asked):
    found = profiles.tables("micro", NOTEBOOK, groups())
    assert asked == [[spec for specs in groups().values() for spec in specs]]  # one call
    assert {text: set(table.run) for text, table in found.items()} == {
        text: {spec.name for spec in specs} for text, specs in groups().items()
    }
    assert list(found) == list(groups())


def test_a_group_has_the_numbers_of_its_own_runs(asked):
    found = profiles.tables("micro", NOTEBOOK, groups())
    alone = profiles.tables("micro", NOTEBOOK, {"long CoT": groups()["long CoT"]})["long CoT"]
    assert found["long CoT"]["mean"].tolist() == alone["mean"].tolist()
    first, second = (table["mean"].dropna().tolist() for _, table in alone.groupby("run", sort=False))
    assert first == pytest.approx([1.5 * value for value in second])
    assert len(found["without CoT"]) == len(alone) / 2


# What is what


def test_the_paper_s_benchmarks_have_the_paper_s_roles_and_neither_safety_nor_a_reward_is_an_accuracy():
    roles = profiles.roles("published")
    assert set(roles) == set(published.ROLES) - {"HEx-PHI", "AlpacaEval"}
    assert roles["MATH500"] == "ID" and roles["LCBv2"] == "OOD" and roles["IFEval"] == "GEN"


def test_the_micro_world_s_benchmarks_have_their_roles_and_safety_is_no_accuracy():
    roles = profiles.roles("micro")
    assert roles == {name: benchmark.role for name, benchmark in BENCHMARKS.items() if benchmark.role != "SAFE"}
    assert roles["chain"] == "ID" and roles["lock"] == "OOD" and roles["fact"] == "GEN"


def test_every_benchmark_of_a_table_has_a_role_unless_it_is_about_safety(asked):
    for profile in profiles.WITHOUT_CARD:
        for table in profiles.tables(profile, NOTEBOOK, groups()).values():
            assert set(table.benchmark[table.role != "SAFE"]) - {"AlpacaEval"} <= set(profiles.roles(profile))


def test_the_label_of_the_paper_s_numbers_says_where_they_are_from_and_that_there_is_no_interval():
    label = profiles.label("published", profiles.tables("published", NOTEBOOK, {}))
    assert label == "transcribed from the paper; one run per setting, so no interval"


@pytest.mark.parametrize(
    ("kinds", "label", "around"),
    [
        ({"one": ("S", 1)}, "your runs on micro base S; 1 run per setting", "band: 95 % over items"),
        ({"one": ("XS", 3)}, "your runs on micro base XS; 3 runs per setting", "thin: single runs"),
        (
            {"one": ("XS", 1), "other": ("S", 3), "third": ("S", 3)},
            "your runs on micro base S and XS; 1 to 3 runs per setting",
            "thin: single runs",
        ),
    ],
)
def test_the_label_of_your_runs_says_on_which_bases_how_many_and_what_the_band_is_over(asked, kinds, label, around):
    of = {text: [default_spec(size, seed=seed) for seed in range(runs)] for text, (size, runs) in kinds.items()}
    tables = profiles.tables("micro", NOTEBOOK, of)
    assert (profiles.label("micro", tables), profiles.around_curves(tables)) == (label, around)


# Real models

PARAMETERS = {"profile": "gpu", "preset": "cpu", "base_model": "", "dataset": "", "seeds": 2, "n_items": 200}


def test_runs_of_the_micro_world_are_those_that_the_notebook_names():
    for profile in profiles.WITHOUT_CARD:
        assert profiles.groups(profile, NOTEBOOK, groups(), PARAMETERS | {"profile": profile}) == groups()


def test_runs_of_real_models_are_those_of_the_preset_and_their_cost_is_told_first(capsys):
    found = profiles.groups("gpu", NOTEBOOK, groups(), PARAMETERS)
    assert list(found) == ["Countdown-words", "Countdown-words-NoCoT"]
    assert [spec.seed for spec in found["Countdown-words"]] == [0, 1]
    assert "Verdict: fits" in capsys.readouterr().out
    assert profiles.limit(found["Countdown-words"]) == 1024


def test_without_a_card_the_other_presets_are_refused_after_saying_what_they_cost(capsys):
    with pytest.raises(ValueError, match="profile gpu needs an NVIDIA GPU"):
        profiles.groups("gpu", NOTEBOOK, groups(), PARAMETERS | {"preset": "24gb"})
    assert "Plan of notebook" in capsys.readouterr().out


def test_real_models_are_run_by_their_own_runner(asked, monkeypatch, made_up_summary):
    from rsft_utils.real import run as real_run

    runs = [spec for specs in profiles.groups("gpu", NOTEBOOK, {}, PARAMETERS).values() for spec in specs]
    numbers, calls = made_up_summary(steps=(0, 640)), []

    def results(specs):
        import pandas as pd

        calls.append(specs)
        return run.Results(items=None, summary=pd.concat([numbers.assign(run=spec.name) for spec in specs]))

    monkeypatch.setattr(real_run, "results", results)
    tables = profiles.tables("gpu", NOTEBOOK, {"one": runs[:2], "other": runs[2:]})
    assert calls == [runs] and asked == []
    assert {text: set(table.run) for text, table in tables.items()} == {
        "one": {spec.name for spec in runs[:2]},
        "other": {spec.name for spec in runs[2:]},
    }
    assert profiles.label("gpu", {"one": tables["one"]}).startswith("your runs on S")


def test_the_authors_checkpoints_are_those_of_the_preset_and_their_cost_is_told_first(monkeypatch, capsys):
    from rsft_utils.real.plan import hours

    monkeypatch.setattr(hours, "find_card", lambda: hours.CARDS["T4"])
    asked = {"profile": "released", "preset": "t4-16gb", "base_model": "", "dataset": "", "seeds": 1}
    found = profiles.groups("released", NOTEBOOK, groups(), asked)
    assert list(found) == ["Math-CoT-20k", "Math-NoCoT-20k", "Countdown-CoT-20k"]
    assert found["Math-CoT-20k"][0].repository == "jasonrqh/Qwen3-1.7B_Math-CoT-20k_lr5e-5_ep8_bs256"
    assert "nothing is trained" in capsys.readouterr().out
    with pytest.raises(ValueError, match="seeds is 2; allowed with profile released: 1"):
        profiles.groups("released", NOTEBOOK, groups(), asked | {"seeds": 2})


def test_the_authors_checkpoints_are_labelled_as_theirs(made_up_summary):
    table = made_up_summary(steps=(0, 640)).assign(model="Qwen3-1.7B")
    assert profiles.label("released", {"one": table}).startswith(
        "the authors' checkpoints of Qwen3-1.7B; 1 run per setting"
    )


def test_the_benchmarks_of_real_models_have_roles_unless_they_are_about_safety():
    roles = profiles.roles("gpu")
    assert profiles.roles("released") == roles
    assert roles["MATH500"] == "ID" and roles["Countdown"] == "OOD" and "HEx-PHI" not in roles
