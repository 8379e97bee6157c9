import pytest
from scipy import stats

from rsft_utils.claims import capability

# Where runs begin and end, one base each
STRONG = ((0.40, 0.80), (0.44, 0.85), (0.42, 0.81))
WEAK = ((0.30, 0.50), (0.31, 0.53), (0.33, 0.50), (0.32, 0.55))
FIRST, SECOND = (0.40, 0.43, 0.41), (0.30, 0.29, 0.31)  # gains, that is
PARTS = ["ID ends higher", "ID gains more", "OOD ends higher", "OOD gains more"]
both_families = pytest.mark.parametrize(
    ("id", "check"),
    [("C14", capability.c14_stronger_bases_generalise_more), ("C16", capability.c16_holds_for_another_family)],
)


@pytest.fixture
def bases(table, roles):
    """Function that makes runs that begin and end as given, one base each, with the lengths at their end."""

    def make(ends, lengths=(), names="abcdef", of=("ID", "OOD")):
        named = {(name, 0): end for name, end in zip(names, ends, strict=False)}
        long = dict(zip(named, lengths, strict=False))
        return table(
            {
                run: {name: [begin, 0.0, 1.0, 0.5, end] for name in roles if roles[name] in of}
                for run, (begin, end) in named.items()
            },
            {
                run: {name: [9, 99, 9, 99, tokens if roles[name] == "OOD" else 7] for name in roles}
                for run, tokens in long.items()
            },
        )

    return make


def welch(first, second):
    """(effect, low, high) as scipy's test of two independent samples of unequal variance has them."""
    test = stats.ttest_ind(first, second, equal_var=False)
    interval = test.confidence_interval(0.95)
    return sum(first) / len(first) - sum(second) / len(second), interval.low, interval.high


def ends(runs):
    return [end for _, end in runs]


def gains(runs):
    return [end - begin for begin, end in runs]


@both_families
def test_c14_and_c16_are_how_much_higher_and_by_how_much_more_the_stronger_bases_end(id, check, bases, roles):
    claim = check(bases(STRONG), bases(WEAK, names="tuvw"), roles)
    assert claim.id == id
    assert list(claim.parts) == PARTS
    for part, effect in claim.parts.items():
        measure = ends if part.endswith("ends higher") else gains
        assert (effect.effect, effect.low, effect.high) == pytest.approx(welch(measure(STRONG), measure(WEAK))), part
        assert (effect.bases, effect.runs, effect.verdict) == (3, 7, "held"), part
    assert claim.verdict == "held"


@both_families
def test_c14_and_c16_do_not_hold_when_the_weaker_bases_do_better(id, check, bases, roles):
    claim = check(bases(WEAK), bases(STRONG), roles)
    assert {effect.verdict for effect in claim.parts.values()} == {claim.verdict} == {"did not hold"}


@pytest.mark.parametrize(
    ("began", "failing"),
    [
        pytest.param((0.50, 0.53, 0.51), "gains more", id="higher from the beginning, and no more gained"),
        pytest.param((0.20, 0.19, 0.21), "ends higher", id="more gained, from further below"),
    ],
)
@pytest.mark.parametrize("role", ["ID", "OOD"])
def test_c14_needs_levels_and_gains_of_both_roles(role, began, failing, bases, roles, table):
    weak = [(0.40, 0.60), (0.43, 0.64), (0.41, 0.60)]
    strong = {
        "gains more": [(begin, begin + gain) for begin, gain in zip(began, gains(weak), strict=True)],
        "ends higher": [(begin, end) for begin, end in zip(began, ends(weak), strict=True)],
    }[failing]
    fine = [(begin, end + 0.3) for begin, end in weak]
    of = {name: part for name, part in roles.items() if part in ("ID", "OOD")}
    curves = {
        (base, 0): {
            name: [runs[place][0], 0.0, 1.0, 0.5, runs[place][1]]
            for name, part in of.items()
            for runs in [strong if part == role else fine]
        }
        for place, base in enumerate("abc")
    }
    claim = capability.c14_stronger_bases_generalise_more(table(curves), bases(weak), roles)
    assert [part for part, effect in claim.parts.items() if effect.verdict != "held"] == [f"{role} {failing}"]
    assert claim.verdict != "held"


def test_c14_does_not_pair_bases_though_they_have_the_same_names(bases, roles):
    same, other = (bases(WEAK, names=names) for names in ("abcd", "tuvw"))
    strong = bases(STRONG)
    pair = [capability.c14_stronger_bases_generalise_more(strong, weak, roles) for weak in (same, other)]
    assert pair[0] == pair[1]


def test_c14_is_about_the_roles_that_have_a_benchmark(bases):
    claim = capability.c14_stronger_bases_generalise_more(bases(STRONG), bases(WEAK), {"stacks": "OOD"})
    assert list(claim.parts) == ["OOD ends higher", "OOD gains more"]


FALLING = ((0.50, 0.40), (0.52, 0.41), (0.48, 0.39))


def c15(bases, roles, lengths=(30, 33, 27), strong_lengths=(14, 15, 16, 15), weak=FALLING):
    return capability.c15_weak_bases_copy_length(bases(weak, lengths), bases(WEAK, strong_lengths, "tuvw"), roles)


def test_c15_is_how_much_longer_the_weak_bases_end_and_how_far_below_themselves(bases, roles):
    claim = c15(bases, roles)
    assert claim.id == "C15"
    assert list(claim.parts) == ["longer", "ends below itself"]
    longer, below = claim.parts.values()
    expected = welch([30 / 15, 33 / 15, 27 / 15], [14 / 15, 15 / 15, 16 / 15, 15 / 15])
    assert (longer.effect, longer.low, longer.high) == pytest.approx(expected)
    assert longer.effect == pytest.approx(1.0)  # twice as long
    assert (longer.bases, longer.runs) == (3, 7)
    losses = [-gain for gain in gains(FALLING)]
    half = stats.t.ppf(0.975, 2) * stats.sem(losses)
    assert (below.effect, below.low, below.high) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    assert (below.bases, below.runs) == (3, 3)
    assert claim.verdict == "held"


def test_c15_has_lengths_relative_to_the_strong_base_and_not_to_the_weak_one(bases, roles):
    unit, tenfold = c15(bases, roles), c15(bases, roles, (300, 330, 270), (140, 150, 160, 150))
    for part in unit.parts:
        assert tenfold.parts[part].effect == pytest.approx(unit.parts[part].effect)
        assert tenfold.parts[part].low == pytest.approx(unit.parts[part].low)
    shorter = c15(bases, roles, (14, 15, 16), (30, 33, 27, 30)).parts["longer"]
    assert shorter.effect == pytest.approx(-0.5)  # half as long, and not "the strong twice as long"


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"lengths": (8, 7, 9)}, ["longer"]),
        ({"lengths": (14, 15, 16)}, ["longer"]),
        ({"weak": ((0.40, 0.50), (0.41, 0.52), (0.39, 0.48))}, ["ends below itself"]),
        ({"weak": ((0.50, 0.50), (0.52, 0.51), (0.48, 0.49))}, ["ends below itself"]),
        ({"lengths": (8, 7, 9), "weak": ((0.40, 0.50),) * 3}, ["longer", "ends below itself"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Precision loss occurred")
def test_c15_needs_both_the_length_and_the_loss(changes, failing, bases, roles):
    claim = c15(bases, roles, **changes)
    assert [part for part, effect in claim.parts.items() if effect.verdict != "held"] == failing
    assert claim.verdict != "held"
