"""A grid: many runs in one YAML file, read into the same values, with the same checks, as a single run.

profile: micro                     # micro, gpu or released
defaults: {size: XS, n_rows: 640}  # of all runs below; what is named nowhere has its usual default
runs:
  data: {dataset: [math-cot, math-nocot], seed: [0, 1]}  # every combination, or a list of such; a figure of them
notebooks:
  01_dip_and_recovery: {size: XS}  # is run at the end; the runs that it asks for belong to the grid
card: A100 80GB                    # gpu and released: the cards of the cluster, by which jobs are planned
vllm: true                         # gpu and released: whether vLLM writes the answers there
"""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path

from rsft_utils import notebook, paths, specs
from rsft_utils.profiles import WITH_CARD
from rsft_utils.real.plan import checkpoints, hours, presets
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec, measuring_key, short_hash
from rsft_utils.recipe import one_of, whole_number
from rsft_utils.specs import RunSpec

Spec = RunSpec | RealSpec | ReleasedSpec
KINDS = {"micro": RunSpec, "gpu": RealSpec, "released": ReleasedSpec}  # by profile
KEYS = ("profile", "defaults", "runs", "notebooks", "card", "vllm", "longest_job")
DAY = 24 * 60  # minutes
TUPLES = (tuple[str, ...], tuple[int, ...])  # fields that hold several values themselves
SEEDS = ("seed", "base_seed")  # in which runs of one kind differ


@dataclass(frozen=True)
class Grid:
    """`groups`: name of a figure -> what its legend says -> runs. `notebooks`: name -> parameters."""

    file: Path
    profile: str
    groups: dict[str, dict[str, list[Spec]]]
    notebooks: dict[str, dict]
    card: str
    vllm: bool
    longest_job: int

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def specs(self) -> list[Spec]:
        """All runs, each once: those that the file names, and those that its notebooks ask for."""
        named = [spec for group in self.groups.values() for runs in group.values() for spec in runs]
        asked = [spec for name, parameters in self.notebooks.items() for spec in asked_by(name, parameters)]
        return list(dict.fromkeys(named + asked))


def read(file: Path) -> Grid:
    """The grid of a file. Raises ValueError, naming the file, what is wrong in it, and what is allowed."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"there is no grid {file}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return _grid(file, found)
    except ValueError as error:
        raise ValueError(f"in the grid {file}: {error}") from None


def _grid(file: Path, found) -> Grid:
    found = _mapping("a grid", found, KEYS)
    profile = found.get("profile")
    one_of("profile", profile, KINDS)
    defaults = _mapping("defaults", found.get("defaults", {}), _names(profile))
    groups = {
        str(name): _group(
            profile,
            [
                defaults | _mapping(f"runs of {name}", one, _names(profile))
                for one in (asked if isinstance(asked, list) else [asked])
            ],
        )
        for name, asked in _mapping("runs", found.get("runs", {})).items()
    }
    notebooks = {}
    for name, given in _mapping("notebooks", found.get("notebooks", {})).items():
        one_of("a notebook", name, sorted(file.stem for file in paths.NOTEBOOKS.glob("*.ipynb")))
        notebooks[name] = {"profile": profile, **_mapping(f"parameters of {name}", given or {})}
        notebook.check_parameters(name, notebooks[name])
    if profile in WITH_CARD:
        one_of("card", found.get("card"), hours.CARDS)
    one_of("vllm", int(found.get("vllm", False)), (0, 1))
    longest_job = found.get("longest_job", DAY)
    whole_number("longest_job", longest_job, least=30)
    grid = Grid(file, profile, groups, notebooks, found.get("card", ""), bool(found.get("vllm")), longest_job)
    if not grid.specs:
        raise ValueError("there are no runs in it; allowed: runs, or notebooks that ask for some")
    return grid


def _mapping(what: str, found, allowed: Iterable[str] = ()) -> dict:
    """`found` if it is a mapping with none but allowed names (empty: any)."""
    if not isinstance(found, dict):
        raise ValueError(f"{what} is {found!r}; allowed: names and values, such as seed: [0, 1]")
    for key in found:
        if allowed and key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"unknown name {key!r} in {what}{hint}; allowed: {', '.join(allowed)}")
    return found


def _names(profile: str) -> list[str]:
    return [field.name for field in fields(KINDS[profile])]


def _group(profile: str, asked: list[dict]) -> dict[str, list[Spec]]:
    """The runs under a name by what a legend says: that in which they differ, seeds apart."""
    runs = list(dict.fromkeys(spec for one in asked for spec in _combinations(profile, one)))
    named = dict.fromkeys(name for one in asked for name in one if name not in SEEDS)
    differ = [name for name in named if len({getattr(spec, name) for spec in runs}) > 1]
    found: dict[str, list[Spec]] = {}
    for spec in runs:
        values = {name: getattr(spec, name) for name in differ}
        said = ", ".join(value if isinstance(value, str) else f"{name} {value}" for name, value in values.items())
        found.setdefault(said or spec.dataset, []).append(spec)
    return found


def _combinations(profile: str, asked: dict) -> Iterator[Spec]:
    kinds = {field.name: field.type for field in fields(KINDS[profile])}
    several = {
        name: value if isinstance(value, list) and kinds[name] not in TUPLES else [value]
        for name, value in asked.items()
    }
    for values in product(*several.values()):
        given = {name: _typed(kinds[name], value) for name, value in zip(several, values, strict=True)}
        yield _spec(profile, given)


def _typed(kind: type, value):
    """YAML takes 5e-5 for text, and has lists where a spec has tuples."""
    if kind is float and isinstance(value, (str, int)) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            return value  # refused by the spec
    return tuple(value) if isinstance(value, list) else value


def _spec(profile: str, given: dict) -> Spec:
    if profile == "micro":
        bases = specs.BASE_SEEDS.get((given.get("size", "S"), given.get("world", "main")), (0,))
        seed = given.get("seed", 0)
        paired = {"base_seed": bases[seed % len(bases)]} if isinstance(seed, int) else {}  # as in specs.seed_specs
        return specs.default_spec(**paired | given)
    if profile == "gpu":
        spec = RealSpec(**given)
        presets.check_dataset(spec.dataset)
        return spec
    return ReleasedSpec(**given)


def asked_by(name: str, parameters: dict) -> list[Spec]:
    """The runs that a notebook asks for with these parameters, which include the profile."""
    asked = {**notebook.default_parameters(name), **parameters}
    if asked["profile"] in WITH_CARD:
        groups = (presets if asked["profile"] == "gpu" else checkpoints).groups
        found = groups(name, *(asked[key] for key in ("preset", "base_model", "dataset", "seeds"))).values()
    elif "rows" in asked:
        measured = {"n_rows": asked["rows"], "epochs": asked["epochs"], "n_items": asked["n_items"]}
        if "size" in asked:
            found = [specs.seed_specs(asked["size"], asked["seeds"], method=asked["method"], **measured)]
        else:
            found = specs.groups(asked["sizes"], asked["datasets"], asked["seeds"], **measured).values()
    else:
        found = []
    return [spec for runs in found for spec in runs]


def run_id(spec: Spec) -> str:
    """Name of a run and a hash of all that it is and how it is measured; needs no data, so no hub."""
    return f"{spec.name}-{short_hash(type(spec).__name__, asdict(spec))}"


def base_id(spec: Spec) -> str:
    """The same of measuring its base model, which runs share."""
    if isinstance(spec, RunSpec):
        return f"{spec.base}-n{spec.n_items_ends}"
    return f"{spec.base}-{short_hash(spec.base_model, measuring_key(spec))}".lower()


def to_json(spec: Spec) -> str:
    (profile,) = (profile for profile, kind in KINDS.items() if isinstance(spec, kind))
    return json.dumps({"profile": profile, "spec": asdict(spec)}, indent=2) + "\n"


def from_json(text: str) -> Spec:
    """Raises ValueError, naming what is allowed, for what `to_json` would not write."""
    found = json.loads(text)
    kind = KINDS[found["profile"]]
    given = _mapping("the run", found["spec"], [field.name for field in fields(kind)])
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
