import math

import pytest

from rsft_utils import paths
from rsft_utils.grid import costs as grid_costs
from rsft_utils.grid import grids
from rsft_utils.real.plan import cluster, costs, hours, memory
from rsft_utils.real.plan.planner import PlanError
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec

H200, T4 = hours.CARDS["H200"], hours.CARDS["T4"]
FULL = {"method": "full", "lora_rank": 0, "four_bit": False, "n_rows": 20480, "batch_size": 256, "epochs": 8}


@pytest.fixture(autouse=True)
def nothing_is_cached(tmp_path, monkeypatch):
    """Lengths of rows are counted where the data lie; the page was written where they do not."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_full_fine_tuning_takes_as_many_cards_as_its_weights_need():
    small, large = (RealSpec(base_model=name, max_length=16384, **FULL) for name in ("Qwen3-1.7B", "Qwen3-14B"))
    assert (cluster.training(small, H200).cards, cluster.training(large, H200).cards) == (1, 2)
    shape = memory.shape("Qwen3-14B")
    alone, shared = (memory.full_peak(shape, tokens=16384, cards=cards) for cards in (1, 2))
    assert alone.weights + alone.trained == pytest.approx((16 + 2) * shape.parameters / 1e9)
    assert shared.trained == alone.trained / 2
    assert alone.activations == shared.activations
    with pytest.raises(PlanError, match=r"needs about [\d.]+ GB on each card and a T4 has 15.8 GB"):
        cluster.training(large, T4)


def test_full_fine_tuning_is_a_third_more_work_than_lora_on_the_same_rows():
    shape = memory.shape("Qwen3-8B")
    lora, full = (hours.gigaflops_per_token(shape, rank, length=0) for rank in (32, 0))
    assert full == pytest.approx(8 / 6 * lora, rel=0.03)


def test_several_cards_take_the_same_card_hours_in_less_time():
    spec = RealSpec(base_model="Qwen3-14B", max_length=16384, **FULL)
    need = cluster.training(spec, H200)
    alone = cluster.training(spec, hours.Card("large", 1000.0, H200.tflops, H200.reads))
    assert (alone.cards, need.cards) == (1, 2)
    assert need.hours.likely == pytest.approx(alone.hours.likely / 2)
    assert need.card_hours.likely == pytest.approx(alone.card_hours.likely)


def test_measurements_of_the_steps_are_those_of_the_notebooks_plan():
    spec = RealSpec()
    each = [cluster.measuring(spec, step, T4, vllm=False).hours for step in spec.steps]
    assert cluster.total(each).likely == pytest.approx(costs.measuring_steps(spec, spec.steps, T4, False).likely)


def test_what_leaves_no_room_for_an_answer_is_refused():
    with pytest.raises(PlanError, match="has no room for one answer of full length"):
        cluster.measuring(RealSpec(base_model="Qwen3-14B", four_bit=False), 0, T4, vllm=False)


def test_published_runs_train_nothing_and_keep_one_step_on_the_disk():
    spec = ReleasedSpec(base_model="Qwen3-4B")
    assert cluster.training(spec, H200).hours.high == 0
    assert cluster.disk(spec) == pytest.approx(8.0, rel=0.02)


def test_a_job_asks_for_more_than_it_is_likely_to_take_but_never_for_more_than_is_allowed(read):
    found, short = (
        read(f"profile: gpu\ncard: T4\nlongest_job: {minutes}\nruns: {{a: {{}}}}") for minutes in (10**6, 90)
    )
    (spec,) = found.specs
    asked, likely = grid_costs.training(found, spec), cluster.training(spec, T4).hours
    assert asked.gpu == 1
    assert asked.minutes == math.ceil(60 * 1.25 * likely.high) + 20 > 60 * likely.high
    assert grid_costs.training(short, spec).minutes == 90
    assert asked.mem_mb > 1000 * memory.shape(spec.base_model).weights(four_bit=False)
    assert grid_costs.measuring(short, spec, 80).minutes == 90


def test_micro_jobs_need_no_card_and_one_core(read):
    found = read("profile: micro\nruns: {a: {size: XS}}")
    assert grid_costs.threads(found) == 1
    assert grid_costs.training(found, found.specs[0]) == grid_costs.Resources(0, 3000, 120)
    with pytest.raises(ValueError, match="a grid of the micro world, whose runs take minutes"):
        grid_costs.describe(found)


def test_a_run_under_two_names_and_a_base_of_two_runs_are_counted_once(read):
    found = read("profile: gpu\ncard: L4\nruns: {a: {epochs: [1, 2]}, b: {epochs: [2, 3]}}")
    said = grid_costs.describe(found)
    assert "3 trainings" in said and "of these 1 of base models" in said
    rows = {line.split()[0]: line.split()[1] for line in said.splitlines() if line[:4].strip() in ("a", "b", "all")}
    assert rows == {"a": "2", "b": "1", "all": "3"}


def test_the_page_quotes_the_cost_of_the_papers_grid():
    said = grid_costs.describe(grids.read(paths.ROOT / "workflow" / "grids" / "paper.yaml"))
    page = (paths.ROOT / "docs" / "scale.md").read_text()
    assert f"```text\n{said}\n```" in page
