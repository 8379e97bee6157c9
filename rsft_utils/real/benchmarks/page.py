"""The table of benchmarks as a page for people: docs/benchmarks.md."""

from math import isnan

from rsft_utils.real.benchmarks.definitions import BENCHMARKS, Benchmark, table

HEAD = """# Benchmarks for real models

How the [profiles for real models](real_models.md) ask and judge. Zero-shot, one user turn, no stop strings;
what stands before the last `</think>` is not judged; a limit on items takes the same ones every time. Every result
carries the number of items, the share of answers that were cut off, and their mean length.

Made from the code: `python -m rsft_utils.real.benchmarks.page > docs/benchmarks.md`.
"""


def page() -> str:
    """The page, in Markdown: an overview, and a section for each benchmark."""
    rows = [_overview(name, row) for name, row in table().iterrows()]
    sections = [_section(benchmark) for benchmark in BENCHMARKS.values()]
    heads = "| benchmark | role | items | metric | needs | tested |\n|---|---|---|---|---|---|"
    return "\n".join([HEAD, heads, *rows, "", *sections])


def _overview(name: str, row) -> str:
    needs = ["a login to the hub"] * row.gated + ["a judge"] * bool(row.needs_judge)
    return f"| {name} | {row.role} | {row.n_items:,} | {row.metric} | {', '.join(needs)} | {row.status} |"


def _section(benchmark: Benchmark) -> str:
    source = "generated on the spot, no file"
    if benchmark.generated is None:
        source = f"`{benchmark.hub_id}` at `{benchmark.revision}`, {', '.join(f'`{file}`' for file in benchmark.files)}"
    chance = "" if isnan(benchmark.chance) else f"\n- Guessing scores {benchmark.chance:.0%}."
    axis = "may" if benchmark.comparable else "must not"
    judge = f"\n- Needs a judge: {benchmark.needs_judge}." if benchmark.needs_judge else ""
    return f"""## {benchmark.name}

- Source: {source}.
- Decoding: temperature {benchmark.temperature:g}, top-p {benchmark.top_p:g}.{chance}{judge}
- Where we differ from the paper: {benchmark.differs}.
- A full run {axis} be plotted beside the paper's numbers.

~~~text
{benchmark.prompt}
~~~
"""


if __name__ == "__main__":
    print(page(), end="")
