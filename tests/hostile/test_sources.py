"""What the source may not do with files and texts of others, read from the source itself: package, workflow, notebooks.

A file from the hub is of a fixed commit or already lies here; no code of others is run; nothing is unpickled; no text
is evaluated.
"""

import ast
import json
from collections.abc import Iterator
from fnmatch import fnmatch
from textwrap import indent

import pytest

from rsft_utils import paths
from rsft_utils.real import hub
from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.datasets import DATASETS

LOADS = {"from_pretrained", "load_dataset", "load_dataset_builder", "hf_hub_download", "snapshot_download", "LLM"}
LOADS |= {"cached_file", "cached_download", "pipeline", "load_from_hub", "hf_hub_url", "SentenceTransformer"}
PLACES = ("pretrained_model_name_or_path", "model_name", "model", "path", "repo_id")
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal", "jsonpickle"}
UNPICKLE = {"torch.load", "torch.hub.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
UNPICKLE_BY_NAME = {"read_pickle", "read_hdf"}
EVALUATE = {"eval", "exec", "compile", "__import__"}
SYMPY = {"parse_expr", "sympify", "parse_latex"}

# LiveCodeBench publishes its private tests as a pickled string. An unpickler reads it that refuses every class and
# function (see the test below), so nothing of others can be called.
EXCEPTIONS = {("rsft_utils/real/scoring/code.py", "imports pickle")}


def sources() -> Iterator[tuple[str, str]]:
    """(file, source) of the modules of package and workflow, and of the notebooks' code cells."""
    for file in sorted(file for folder in ("rsft_utils", "workflow") for file in (paths.ROOT / folder).rglob("*.py")):
        yield file.relative_to(paths.ROOT).as_posix(), file.read_text()
    for file in sorted(paths.NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(file.read_text())["cells"]:
            if cell["cell_type"] == "code":
                yield file.relative_to(paths.ROOT).as_posix(), "".join(cell["source"])


def of_the_package() -> list[ast.AST]:
    return [node for _, source in sources() for node in ast.walk(ast.parse(source))]


def is_path(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation) in ("Path", "Path | None", "pathlib.Path")


@pytest.fixture(scope="session")
def known():
    """What the package's annotations say is a path: functions that return one, and fields of values."""
    nodes = of_the_package()
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and is_path(node.returns)}
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    fields = {
        (made.name, line.target.id)
        for made in classes
        for line in made.body
        if isinstance(line, ast.AnnAssign) and is_path(line.annotation)
    }
    assert {"model_folder", "checkpoint_folder"} <= functions and ("Weights", "folder") in fields
    return functions, fields


class Checker(ast.NodeVisitor):
    """Collects what is forbidden, and how many loads there are."""

    def __init__(self, functions=frozenset(), fields=frozenset()):
        self.functions, self.fields = functions, fields
        self.found: list[str] = []
        self.loads = 0
        self.here: list[ast.FunctionDef] = []

    def visit_FunctionDef(self, node):
        self.here.append(node)
        self.generic_visit(node)
        self.here.pop()

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name.partition(".")[0] in UNPICKLERS:
                self.found.append(f"imports {alias.name}")

    def visit_ImportFrom(self, node):
        if (node.module or "").partition(".")[0] in UNPICKLERS:
            self.found.append(f"imports {node.module}")
        for alias in node.names:
            if f"{node.module}.{alias.name}" in UNPICKLE or alias.name in SYMPY:
                self.found.append(f"imports {alias.name}")

    def visit_Call(self, node):
        called = ast.unparse(node.func)
        last = called.rpartition(".")[2]
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if last in LOADS:
            self.loads += 1
            if not self.is_pinned(node, called, keywords):
                self.found.append(f"{called} of what may be any commit of the hub")
        if called in UNPICKLE or last in UNPICKLE_BY_NAME or "allow_pickle" in keywords:
            self.found.append(f"{called} unpickles")
        if called in EVALUATE or last in SYMPY:
            self.found.append(f"{called} evaluates")
        self.generic_visit(node)

    def visit_keyword(self, node):
        if node.arg == "trust_remote_code" and ast.unparse(node.value) != "False":
            self.found.append("trusts remote code")
        self.generic_visit(node)

    def visit_Constant(self, node):
        if node.value == "trust_remote_code":  # a key of settings that are passed on
            self.found.append("trusts remote code")

    def visit_Attribute(self, node):
        if node.attr == "trust_remote_code" and isinstance(node.ctx, ast.Store):
            self.found.append("trusts remote code")
        self.generic_visit(node)

    def is_pinned(self, call, called, keywords) -> bool:
        """Of a commit, or from this machine only."""
        if revision := keywords.get("revision"):
            given = [node.value for node in ast.walk(revision) if isinstance(node, ast.Constant)]
            return all(isinstance(value, str) and len(value) == 40 for value in given)  # a branch or a tag moves
        if ast.unparse(keywords.get("local_files_only", ast.Constant(0))) == "True":
            return True
        place = call.args[1:2] if "PeftModel." in called else call.args[:1]
        place += [keywords[name] for name in PLACES if name in keywords]
        return bool(place) and self.is_local(place[0])

    def is_local(self, value) -> bool:
        """Whether it is a path by what is called, by an annotation, or by what a name was given in this function."""
        if isinstance(value, ast.IfExp):
            return self.is_local(value.body) and self.is_local(value.orelse)
        if isinstance(value, ast.Call):
            called = ast.unparse(value.func).rpartition(".")[2]
            if called in ("str", "expanduser"):
                return self.is_local(value.args[0] if value.args else value.func.value)
            return called == "Path" or called in self.functions
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
            return any((kind, value.attr) in self.fields for kind in self.annotations(value.value.id))
        if isinstance(value, ast.Name):
            given = [
                node.value
                for function in self.here
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id
            ]
            if given:
                return all(self.is_local(each) for each in given)
            return bool(set(self.annotations(value.id)) & {"Path", "Path | None"})
        return False

    def annotations(self, name: str) -> list[str]:
        arguments = [a for function in self.here for a in function.args.args + function.args.kwonlyargs]
        return [ast.unparse(a.annotation) for a in arguments if a.arg == name and a.annotation]


def faults(source: str, *known) -> list[str]:
    checker = Checker(*known)
    checker.visit(ast.parse(source))
    return checker.found


# The checker itself


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("AutoModel.from_pretrained('Qwen/Qwen3-1.7B-Base')", "any commit"),
        ("AutoModel.from_pretrained(name)", "any commit"),
        ("def f(name: str):\n    AutoModel.from_pretrained(name)", "any commit"),
        ("def f(folder: Path):\n    folder = 'a/b'\n    AutoModel.from_pretrained(folder)", "any commit"),
        ("def f(folder: Path):\n    AutoModel.from_pretrained(folder if a else 'a/b')", "any commit"),
        ("AutoModel.from_pretrained('a/b', revision='main')", "any commit"),
        ("AutoModel.from_pretrained('a/b', revision=None)", "any commit"),
        ("AutoModel.from_pretrained('a/b', revision=commit or 'main')", "any commit"),
        ("AutoModel.from_pretrained('a/b', local_files_only=False)", "any commit"),
        ("PeftModel.from_pretrained(Path('here'), 'who/adapter')", "any commit"),
        ("fast.from_pretrained(model_name='unsloth/x')", "any commit"),
        ("LLM(model='a/b')", "any commit"),
        ("datasets.load_dataset('a/b', split='train')", "any commit"),
        ("load_dataset('a/b')", "any commit"),
        ("hf_hub_download('a/b', 'x.parquet')", "any commit"),
        ("huggingface_hub.snapshot_download('a/b')", "any commit"),
        ("f(trust_remote_code=True)", "trusts"),
        ("f(trust_remote_code=trusted)", "trusts"),
        ("f(**{'trust_remote_code': True})", "trusts"),
        ("settings['trust_remote_code'] = True", "trusts"),
        ("config.trust_remote_code = True", "trusts"),
        ("import pickle", "pickle"),
        ("def f():\n    from pickle import loads", "pickle"),
        ("import joblib", "joblib"),
        ("import dill as d", "dill"),
        ("torch.load('x.bin')", "unpickles"),
        ("torch.load('x.bin', weights_only=True)", "unpickles"),
        ("from torch import load", "imports load"),
        ("pd.read_pickle(file)", "unpickles"),
        ("np.load(file, allow_pickle=True)", "unpickles"),
        ("yaml.load(file)", "unpickles"),
        ("eval(completion)", "evaluates"),
        ("exec(program)", "evaluates"),
        ("sympy.parse_expr(answer)", "evaluates"),
        ("from sympy import sympify", "imports sympify"),
    ],
)
def test_what_is_forbidden_is_found(bad, fault):
    assert any(fault in found for found in faults(bad)), faults(bad)
    inside = f"class A:\n    def f(self):\n        if a:\n{indent(bad, 12 * ' ')}"
    assert any(fault in found for found in faults(inside))


@pytest.mark.parametrize(
    "good",
    [
        f"AutoModel.from_pretrained('a/b', revision='{'0' * 40}')",
        "AutoModel.from_pretrained(name, revision=model.revision)",
        "AutoModel.from_pretrained(folder, local_files_only=True)",
        "AutoModel.from_pretrained(Path(name).expanduser())",
        "def f(folder: Path):\n    AutoModel.from_pretrained(folder, dtype='auto')",
        "def f(a: Path, b: Path | None):\n    at = b if b else a\n    AutoModel.from_pretrained(at)",
        "def f(folder: Path):\n    PeftModel.from_pretrained(model, folder)",
        "def f(folder: Path):\n    fast.from_pretrained(model_name=str(folder))",
        "f(trust_remote_code=False)",
        "model.eval()",
        "re.compile(pattern)",
        "ast.literal_eval(text)",
        "np.load(file)",
        "json.load(file)",
    ],
)
def test_what_is_allowed_is_not(good):
    assert faults(good) == []


# Package and notebooks


def test_nothing_forbidden_stands_in_the_package_or_the_notebooks(known):
    found = {(where, fault) for where, source in sources() for fault in faults(source, *known)}
    assert found == EXCEPTIONS


def test_the_loads_are_seen(known):
    """The test above says something: there are loads, and none would pass without what makes it local or pinned."""
    loads = 0
    for _, source in sources():
        checker = Checker(*known)
        checker.visit(ast.parse(source))
        loads += checker.loads
    assert loads >= 10


def test_the_one_unpickler_refuses_every_class_and_function():
    (where, _), *others = EXCEPTIONS
    assert not others
    nodes = list(ast.walk(ast.parse((paths.ROOT / where).read_text())))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"}
    assert used == {"Unpickler", "UnpicklingError"}
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    (unpickler,) = (made for made in classes if "pickle.Unpickler" in map(ast.unparse, made.bases))
    (method,) = unpickler.body
    assert method.name == "find_class" and isinstance(method.body[0], ast.Raise)


def test_files_of_the_hub_are_weights_tables_and_texts():
    """Nothing among them can hold code: no *.bin, *.pt, *.pkl and no *.py is ever asked for."""
    endings = ("*.safetensors", "*.parquet", "*.json", "*.jsonl", "*.csv", "*.txt", "*.jinja")
    files = [data.filename or "*.parquet" for data in DATASETS.values()]
    files += [name for benchmark in BENCHMARKS.values() for name in benchmark.files]
    assert len(files) > 10
    for file in (*hub.MODEL_FILES, *files):
        assert any(fnmatch(file, ending) for ending in endings), file


def test_every_commit_that_is_known_is_a_whole_one():
    from rsft_utils.real.models import MODELS

    known = [*DATASETS.values(), *MODELS.values(), *(b for b in BENCHMARKS.values() if b.files)]
    revisions = [one.revision for one in known if one.revision]
    assert len(revisions) > 10
    assert all(len(revision) == 40 and set(revision) <= set("0123456789abcdef") for revision in revisions)
