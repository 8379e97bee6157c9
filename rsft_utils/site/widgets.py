"""What a widget showed when its notebook ended: a picture of something that lives in JupyterLab and Colab only."""

from collections.abc import Iterator

from markupsafe import Markup

from rsft_utils.site import clean

STATES = "application/vnd.jupyter.widget-state+json"
MODEL = "IPY_MODEL_"  # how one widget names another


def states(notebook) -> dict:
    """The states of a notebook's widgets, by id."""
    found = notebook.metadata.get("widgets", {}).get(STATES, {}).get("state", {})
    return {model: content["state"] for model, content in found.items()}


def view(states: dict, model: str) -> Markup:
    """A widget and those in it: what was chosen, and the HTML that was shown. Empty if nothing was kept."""
    return Markup().join(_parts(states, model))


def _parts(states: dict, model: str) -> Iterator[Markup]:
    state = states.get(model, {})
    if "_options_labels" in state and state.get("index") is not None:
        chosen = state["_options_labels"][state["index"]]
        yield Markup('<p class="choice"><b>{}</b> {}</p>').format(state.get("description", ""), chosen)
    if state.get("_model_name") == "HTMLModel":
        yield Markup('<div class="shown">{}</div>').format(Markup(clean.widget(state.get("value", ""))))
    for child in state.get("children", ()):
        yield from _parts(states, child.removeprefix(MODEL))
