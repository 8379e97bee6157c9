"""The paper's benchmarks for real models, as a table: where the items come from, how they are asked and judged.

One Benchmark per row of BENCHMARKS, under the names of the published tables. The protocol is the paper's statement:
zero-shot, one user turn, temperature 0.6, no stop strings, everything up to the last `</think>` removed before
scoring. Where the paper's released code does something else, `differs` says what is done here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING

from rsft_utils.published import ROLES
from rsft_utils.real.scoring import choice, code, game, hallucination, instructions, maths, reward, safety, truthful
from rsft_utils.real.scoring.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

END_TO_END, SCHEMA_ONLY = "end to end on local items", "schema only"
BOXED = r"Please reason step by step, and put your final answer within \boxed{}."
BOXED_LETTER = r"Please reason step by step, and put the letter of your final answer"
MMLU_PRO_PROMPT = "$question\n\nOptions:\n$options\n\n" + BOXED_LETTER + r" (A to $last_letter) within \boxed{}."
HALUEVAL_PROMPT = (
    "$lines\n\nDoes the $claim contain information that is made up or wrong? Please reason step by step, and end "
    "with one word: Yes or No."
)
OWN_PROMPT = "the wording of the prompt is ours"


@dataclass(frozen=True)
class Benchmark:
    """How one benchmark is run. Published files are named with their sha256 where it is publicly known.

    `n_items` is how many there are, `chance` the score of guessing (not a number where there is none), `comparable`
    whether a full run may be plotted beside the paper's numbers. `needs_judge` names the callable that score() must
    be given, if it needs one.
    """

    name: str
    n_items: int
    hub_id: str
    files: Mapping[str, str | None]
    split: str
    revision: str
    prompt: str
    metric: str
    read: Callable[[dict, int], tuple[dict, dict]]
    judge: Callable[..., Verdict] | None
    differs: str
    chance: float = nan
    gated: bool = False
    higher_is_better: bool = True
    status: str = SCHEMA_ONLY
    comparable: bool = False
    needs_judge: str = ""
    generated: Callable[[], Iterator[dict]] | None = None  # where the items come from no file
    temperature: float = 0.6
    top_p: float = 0.95

    @property
    def role(self) -> str:
        """ID, OOD, GEN or SAFE, as seen from fine-tuning on mathematics. The paper does not have Countdown."""
        return ROLES.get(self.name, "OOD")


TRUTHFULQA = {
    "hub_id": "truthfulqa/truthful_qa",
    "files": {"generation/validation-00000-of-00001.parquet": None},
    "split": "validation",
    "revision": "741b8276f2d1982aa3d5b832d3ee81ed3b896490",
    "prompt": "$question",
    "read": truthful.read,
    "differs": "bare question; the judges see the visible part in the form of their model cards; 'Q:' stops nothing",
}
BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            name="MATH500",
            n_items=500,
            hub_id="HuggingFaceH4/MATH-500",
            files={"test.jsonl": "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132"},
            split="test",
            revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
            prompt=f"$question\n{BOXED}",
            metric="accuracy; the paper's is the mean of 3 samples",
            read=maths.read,
            judge=maths.judge,
            chance=0.0,
            status=END_TO_END,
            comparable=True,
            differs="the prompt is that of the training rows (the released code has one blank more); a cut-off answer "
            "counts only with a box",
        ),
        Benchmark(
            name="AIME24",
            n_items=30,
            hub_id="HuggingFaceH4/aime_2024",
            files={
                "data/train-00000-of-00001.parquet": "26139847601a5037c237d5928b195e7260ca8074cf4f264b794af42847f79ccf"
            },
            split="train",
            revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
            prompt=f"$question\n{BOXED}",
            metric="accuracy; the paper's is the mean of 10 samples",
            read=maths.read,
            judge=maths.judge,
            chance=0.0,
            status=END_TO_END,
            comparable=True,
            differs="as MATH500; only 30 items, so one sample each is mostly noise",
        ),
        Benchmark(
            name="LCBv2",
            n_items=511,
            hub_id="livecodebench/code_generation_lite",
            files={
                "test.jsonl": "2bd02b38beb48e8c46b5b9987095d999ff38cd8efc255ea5d58974317c48f63f",
                "test2.jsonl": "095df7c5daf15f882c51a9deb84085cff1e073495a5dbcf95015a564d485f3a3",
            },
            split="release_v2",
            revision="0fe84c3912ea0c4d4a78037083943e8f0c4dd505",
            prompt="$question\n\n$how\nWrite a Python program. Please reason step by step, and put the whole program "
            "within one ```python block at the end.",
            metric="share of programs that pass all tests; the paper's is the mean of 3 samples",
            read=code.read,
            judge=code.judge,
            needs_judge="scoring.code.run_tests, which runs code that the model wrote (read its warning)",
            differs=f"{OWN_PROMPT}; a small runner of ours instead of LiveCodeBench's; a download of 2 GB",
        ),
        Benchmark(
            name="GPQA-D",
            n_items=198,
            hub_id="Idavidrein/gpqa",
            files={"gpqa_diamond.csv": None},
            split="gpqa_diamond",
            revision="633f5ee89ab8ad4522a9f850766b73f62147ffdd",
            gated=True,
            prompt=f"$question\n\nOptions:\n$options\n\n{BOXED_LETTER} (A, B, C or D) within \\boxed{{}}.",
            metric="accuracy; the paper's is the mean of 3 samples",
            read=choice.read_gpqa,
            judge=choice.judge,
            chance=0.25,
            status=END_TO_END,
            comparable=True,
            differs=f"{OWN_PROMPT}; options are shuffled by a fixed hash (the released code's differs from process to "
            "process); letters are read from the visible part only",
        ),
        Benchmark(
            name="MMLU-Pro",
            n_items=12_032,
            hub_id="TIGER-Lab/MMLU-Pro",
            files={
                "data/test-00000-of-00001.parquet": "0e24a191921c2f453518a537a8b2117bd137e7714d4ef1565e9ba06c1ecb9ad8"
            },
            split="test",
            revision="b189ec765aa7ed75c8acfea42df31fdae71f97be",
            prompt=MMLU_PRO_PROMPT,
            metric="accuracy",
            read=choice.read_mmlu_pro,
            judge=choice.judge,
            chance=0.1,  # ten options; a few questions have fewer
            differs=f"{OWN_PROMPT}; the last letter of the visible part instead of the first in the whole output; "
            "the paper's subset of about 1,000 is unpublished",
        ),
        Benchmark(
            name="IFEval",
            n_items=541,
            hub_id="google/IFEval",
            files={"ifeval_input_data.jsonl": "6a85310ca8ce15eff755aa08a3a4ff931c7e273e7515ebb3c492ea85fd8288f2"},
            split="train",
            revision="966cd89545d6b6acfd7638bc708b98261ca58e84",
            prompt="$prompt",
            metric="share of prompts with all instructions followed, strict",
            read=instructions.read,
            judge=instructions.judge,
            status=END_TO_END,
            differs="bare prompt (the paper's is wrapped in 'Question: Answer:'); which of four levels the "
            "paper reports is not known; language detection is seeded",
        ),
        Benchmark(
            name="AlpacaEval",
            n_items=805,
            hub_id="tatsu-lab/alpaca_eval",
            files={"alpaca_eval.json": None},
            split="eval",
            revision="2edc6fad8be6b14ea7230aabfd08188da6b8b814",
            prompt="$instruction",
            metric="mean reward by a reward model: scoring.reward.rewards, not score()",
            read=reward.read,
            judge=None,
            differs="temperature 0.6 and no penalties, as stated (the released code: 0.7, with penalties)",
        ),
        Benchmark(
            name="HaluEval",
            n_items=30_000,
            hub_id="pminervini/HaluEval",
            files={f"{part}_samples/data-00000-of-00001.parquet": None for part in ("qa", "dialogue", "summarization")},
            split="data",
            revision="12a856119f03975a94509091e8cada3e6be6ead7",
            prompt=HALUEVAL_PROMPT,
            metric="accuracy over the three parts together",
            read=hallucination.read,
            judge=hallucination.judge,
            chance=0.5,
            differs=f"{OWN_PROMPT}; no stop at a blank line, which cuts a thought; without Yes or No "
            "there is no answer",
        ),
        Benchmark(
            name="TruthfulQA-truth",
            n_items=817,
            metric="share of answers that the truth judge calls true",
            judge=truthful.judge_truth,
            needs_judge=f"a callable from prompt to the reply of {truthful.JUDGES['True']}",
            **TRUTHFULQA,
        ),
        Benchmark(
            name="TruthfulQA-help",
            n_items=817,
            metric="share of answers that the info judge calls helpful",
            judge=truthful.judge_help,
            needs_judge=f"a callable from prompt to the reply of {truthful.JUDGES['Helpful']}",
            **TRUTHFULQA,
        ),
        Benchmark(
            name="HEx-PHI",
            n_items=300,
            hub_id="LLM-Tuning-Safety/HEx-PHI",
            files={f"category_{number}.csv": None for number in (1, *range(3, 12))},
            split="all categories",
            revision="83128b46334b80cc567bd7a2caf7af11c5b0bab7",
            gated=True,
            prompt="$request",
            metric="attack success: share of requests complied with (score 5)",
            read=safety.read,
            judge=safety.judge,
            higher_is_better=False,
            status=END_TO_END,
            differs="rubric in our words, judge of the reader's choice; without one, refusal phrases; top_p 0.95 "
            "instead of 1; a thought that never ends shows nothing (there it is judged)",
        ),
        Benchmark(
            name="Countdown",
            n_items=game.N_ITEMS,
            hub_id="",
            files={},
            split="test",
            revision="",
            prompt="$question",
            metric="accuracy",
            read=game.read,
            judge=game.judge,
            generated=game.generated,
            chance=0.0,
            status=END_TO_END,
            differs="not in the paper: generated here, needs no hub, cannot have been seen",
        ),
    )
}


def table() -> "pd.DataFrame":
    """The benchmarks as documented above, one row each."""
    import pandas as pd

    plain = [
        field.name
        for field in fields(Benchmark)
        if field.name not in ("read", "judge", "files", "needs_judge", "generated")
    ]
    rows = []
    for benchmark in BENCHMARKS.values():
        scorer = benchmark.judge or reward.rewards
        rows.append(
            {"role": benchmark.role, "scorer": f"{scorer.__module__.rpartition('.')[2]}.{scorer.__name__}"}
            | {name: getattr(benchmark, name) for name in plain}
            | {"files": ", ".join(benchmark.files), "needs_judge": benchmark.needs_judge}
        )
    return pd.DataFrame(rows).set_index("name")
