from rsft_utils import paths
from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.benchmarks.page import page


def test_the_page_in_the_docs_is_what_the_code_says():
    assert (paths.ROOT / "docs" / "benchmarks.md").read_text() == page(), "python -m rsft_utils.real.benchmarks.page"


def test_every_benchmark_has_its_line_and_its_section_with_source_and_prompt():
    lines = page().splitlines()
    for name, benchmark in BENCHMARKS.items():
        assert sum(line.startswith(f"| {name} | {benchmark.role} |") for line in lines) == 1
        assert lines.count(f"## {name}") == 1
        assert benchmark.generated or f"`{benchmark.hub_id}` at `{benchmark.revision}`" in page()
        assert f"~~~text\n{benchmark.prompt}\n~~~" in page()
