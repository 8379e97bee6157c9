"""How many tokens a run is trained on: counted where the data are here, else assumed, and said so."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import NormalDist

from rsft_utils.real import datasets, hub
from rsft_utils.real.models import known
from rsft_utils.real.spec import RealSpec

PROMPT = 150  # tokens of a question with the chat template, where only the length of the response is known
# Long chains of thought, in tokens. Of 32 rows of Math-CoT-20k that somebody looked at, 9 had at most 4,096 tokens and
# the longest 14,242: the lognormal distribution through these two facts.
MEDIAN, SPREAD = 5512, 0.51
TEACHER_CAP = 16_384  # the teacher's responses were never longer
# The other long sets are assumed to be like Math-CoT-20k; of these the mean is a guess, for those that are generated
# from their 2,100 and 460 characters a row.
GUESSED_MEAN = {"Math-NoCoT-20k": 700, "NuminaMath-20k": 500, "Countdown-words": 800, "Countdown-words-NoCoT": 200}
LIKELY_LONG = (0.72, 1.27)  # what a mean of 4,500 or 8,000 in place of 6,300 would make of every hour


@dataclass(frozen=True)
class Lengths:
    """Tokens of each row, prompt and completion. `counted` is False where they come from the length column."""

    tokens: Sequence[int]
    counted: bool = True


@dataclass(frozen=True)
class Tokens:
    """What a run reads. `weighted` is the mean length that a token finds itself in; low and high are factors."""

    total: int
    weighted: float
    kind: str  # exact, counted, computed or assumed
    source: str
    low: float = 1.0
    high: float = 1.0

    @property
    def assumed(self) -> bool:
        """Whether nothing of the data set was there to count."""
        return self.kind == "assumed"


def local(spec: RealSpec) -> Lengths | None:
    """Lengths of the rows of a run as far as its data lie on this machine; nothing is fetched.

    Counted if the tokenizer is here, too; else from the length column of a long set (in a set whose thoughts were cut
    out the column may tell of the uncut ones). Raises ValueError as datasets.rows does.
    """
    on_the_hub = spec.dataset in datasets.DATASETS
    data = _cached_data(spec.dataset) if on_the_hub else None
    if on_the_hub and data is None:
        return None
    folder = _cached_model(spec.base_model)
    if folder and (folder / "tokenizer.json").exists():
        from rsft_utils.real.backends import load_tokenizer

        tokenizer = load_tokenizer(folder)
        found = datasets.rows(spec.dataset, spec.n_rows, spec.seed, max_length=spec.max_length, tokenizer=tokenizer)
        return Lengths(found.lengths)
    if on_the_hub and datasets.DATASETS[spec.dataset].long_cot:
        from pyarrow import parquet

        if "response_length" in parquet.read_schema(data).names:
            return from_column(parquet.read_table(data, columns=["response_length"])["response_length"].to_pylist())
    return None


def _cached_data(name: str) -> Path | None:
    data = datasets.DATASETS[name]
    folder = hub.cached("dataset", data.hub_id, data.revision)
    return next(iter(sorted(folder.glob(data.filename or "**/*.parquet"))), None) if folder else None


def _cached_model(base_model: str) -> Path | None:
    if Path(base_model).expanduser().is_dir():
        return Path(base_model).expanduser()
    model = known(base_model)
    return hub.cached("model", model.hub_id, model.revision)


def from_column(response_length: Sequence[int]) -> Lengths:
    """Lengths from the column `response_length` of the authors' sets, which leaves out the prompt."""
    return Lengths([length + PROMPT for length in response_length], counted=False)


def tokens(spec: RealSpec, lengths: Lengths | None) -> Tokens:
    """Tokens that `spec` is trained on, all epochs together.

    `lengths` is of the run's own rows (then the count is exact), of the whole data set (then the mean of the rows that
    are short enough is taken), or None. Raises ValueError if too few rows are short enough.
    """
    return _assumed(spec) if lengths is None else _known(spec, lengths)


def _known(spec: RealSpec, lengths: Lengths) -> Tokens:
    kept = [length for length in lengths.tokens if length <= spec.max_length]
    if len(kept) < spec.n_rows:
        raise ValueError(
            f"{spec.dataset} has {len(kept)} rows of at most {spec.max_length} tokens and the run needs {spec.n_rows}; "
            "ask for fewer rows, allow longer ones, or give more data"
        )
    total = round(sum(kept) / len(kept) * spec.n_rows) * spec.epochs
    weighted = sum(length**2 for length in kept) / sum(kept)
    if not lengths.counted:
        how = f"the length column of the file, and {PROMPT} tokens for a prompt"
        return Tokens(total, weighted, "computed", f"{how}; mean of the {len(kept):,} rows that are short enough")
    if len(kept) == len(lengths.tokens) == spec.n_rows:
        return Tokens(total, weighted, "exact", f"counted in the {len(kept):,} rows of the run")
    return Tokens(total, weighted, "counted", f"mean of the {len(kept):,} rows that are short enough")


def _assumed(spec: RealSpec) -> Tokens:
    rows = spec.n_rows * spec.epochs
    if spec.dataset in GUESSED_MEAN:
        mean = min(GUESSED_MEAN[spec.dataset], spec.max_length)
        return Tokens(rows * mean, mean, "assumed", f"a guess: {mean} tokens a row", 0.5, 2.0)
    if spec.dataset in datasets.DATASETS:
        kept, mean, weighted = cut_lognormal(min(spec.max_length, TEACHER_CAP))
        how = f"{mean:,.0f} tokens a row, {kept:.0%} of the rows short enough"
        why = "a curve through 32 rows of Math-CoT-20k that somebody counted"
        return Tokens(round(rows * mean), weighted, "assumed", f"{how}: {why}", *LIKELY_LONG)
    length = spec.max_length
    return Tokens(rows * length, length, "assumed", f"at most: every row as long as allowed, {length:,} tokens", 0.25)


def cut_lognormal(longest: int) -> tuple[float, float, float]:
    """Of the assumed lengths up to `longest`: their share of all, their mean, and their mean weighted by length."""
    below = NormalDist().cdf
    z, mean = (log(longest / MEDIAN)) / SPREAD, MEDIAN * exp(SPREAD**2 / 2)
    kept, first, second = below(z), below(z - SPREAD), below(z - 2 * SPREAD)
    return kept, mean * first / kept, mean * exp(SPREAD**2) * second / first
