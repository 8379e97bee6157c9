"""Batched generation on a causal language model that does not pay for finished rows.

`model.generate` decodes a batch until its last row ends and copies the key-value cache at every token. Here rows leave
the batch when they end, and the cache is written in place. Greedy output equals `model.generate` token for token
(tests/test_generate.py); sampling draws one uniform number per item and position, so that an answer does not depend
on which other prompts share its batch.

`generate` decodes one batch after the other, so that the micro world's numbers repeat to the last bit.
`generate_continuously` gives the places of rows that ended to the next prompts (continuous batching), so that a few
long answers do not keep the others waiting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

BATCH_ROWS = 384
COMPACT_BELOW = 0.75  # share of running rows at which those that ended are dropped, and the next prompts take over


@dataclass(frozen=True)
class Sampling:
    """Nucleus sampling (the paper decodes at temperature 0.6, top-p 0.95). `seed` fixes every answer."""

    temperature: float = 0.6
    top_p: float = 0.95
    seed: int = 1234


GREEDY = None


def generate(
    model,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    sampling: Sampling | None = GREEDY,
    banned: Sequence[int] = (),
    batch_rows: int = BATCH_ROWS,
) -> list[list[int]]:
    """Completions of token-id prompts, in the order given; each ends with the eos id unless it was cut off.

    `banned` ids are never produced. The model decides the device; eos comes from its config.
    """
    import torch

    uniforms = None
    if sampling is not None:
        source = torch.Generator().manual_seed(sampling.seed)
        uniforms = torch.rand(len(prompts), max_new_tokens, generator=source)
    choose, ends = partial(_choose, sampling, uniforms, list(banned)), [model.config.eos_token_id]
    order, found = _by_length(prompts), {}
    for start in range(0, len(order), batch_rows):
        found |= _decode(model, prompts, order[start : start + batch_rows], max_new_tokens, ends, choose, batch_rows)
    return [found[i] for i in range(len(prompts))]


def generate_continuously(
    model,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    sampling: Sampling | None,
    seeds: Sequence[int],
    ends: Sequence[int],
    batch_rows: int,
) -> Iterator[tuple[int, list[int]]]:
    """(index of the prompt, completion), as soon as it is there: ended by one of the `ends` ids, or cut off.

    `batch_rows` are decoded at once; the cache never grows beyond as many rows of the longest prompt and the limit.
    With `seeds`, one for each prompt, no sampled answer depends on what else is asked, nor in which order.
    """
    import torch

    uniforms = None
    if sampling is not None:
        sources = [torch.Generator().manual_seed(sampling.seed + seed) for seed in seeds]
        uniforms = torch.stack([torch.rand(max_new_tokens, generator=source) for source in sources])
    choose = partial(_choose, sampling, uniforms, [])
    return _decode(model, prompts, _by_length(prompts), max_new_tokens, ends, choose, batch_rows)


def probability_of(token: int, model, contexts: Sequence[Sequence[int]], banned: Sequence[int] = ()) -> list[float]:
    """How likely each context goes on with `token`, among what is not banned; contexts are token-id lists."""
    import torch

    found: list[float] = []
    with torch.inference_mode():
        for start in range(0, len(contexts), BATCH_ROWS):
            ids, mask, positions = _padded(model, contexts[start : start + BATCH_ROWS])
            logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1).logits[:, -1]
            logits[:, list(banned)] = float("-inf")
            found += torch.softmax(logits.float(), -1)[:, token].tolist()
    return found


def _padded(model, contexts):
    """Ids, attention mask and positions of contexts that end together, filled up on their left."""
    import torch

    pad = model.config.pad_token_id or 0  # some models name none, and what is masked may be anything
    width = max(map(len, contexts))
    ids = torch.tensor([[pad] * (width - len(c)) + list(c) for c in contexts], device=model.device)
    mask = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in contexts], device=model.device)
    return ids, mask, (mask.cumsum(-1) - 1).clamp(min=0)


def _by_length(prompts) -> list[int]:
    """Prompts of like length share a batch, so little of it is padding."""
    return sorted(range(len(prompts)), key=lambda i: len(prompts[i]))


def _decode(model, prompts, waiting: list[int], max_new_tokens, ends, choose, batch_rows):
    """(index, completion) of the prompts that are waiting, each as it ends; then the next ones take the places."""
    import torch

    completions, running = {i: [] for i in waiting}, set(waiting)
    n_rows, longest = min(batch_rows, len(waiting)), max(len(prompts[i]) for i in waiting)
    batch = _Batch(model, n_rows, capacity=longest + max_new_tokens)
    while running:
        with torch.inference_mode():
            going, joining = [row for row, i in enumerate(batch.rows) if i in running], []
            if not batch.rows or len(going) < COMPACT_BELOW * len(batch.rows) or batch.is_full():
                joining, waiting = waiting[: n_rows - len(going)], waiting[n_rows - len(going) :]
                batch.keep(going, room_for=max((len(prompts[i]) for i in joining), default=0))
            rows = joining or batch.rows
            logits = batch.join(rows, [prompts[i] for i in rows]) if joining else batch.go_on()
            # a row that ended draws as well until it is dropped, and nobody looks at what
            places = [min(len(completions[i]), max_new_tokens - 1) for i in rows]
            tokens = choose(logits, rows, places)
            batch.ids = torch.cat([batch.ids[: len(batch.rows) - len(rows)], tokens[:, None]])
        for i, token in zip(rows, tokens.tolist(), strict=True):
            if i in running:
                completions[i].append(token)
                if token in ends or len(completions[i]) == max_new_tokens:
                    running.remove(i)
                    yield i, completions[i]


class _Batch:
    """Rows that are decoded together. All end at the same column of the cache, so a row's mask follows from positions.

    `rows` says which prompt each belongs to; `ids` and `positions`, of shape (rows, 1), are of the token that goes into
    the cache next; `columns` of the cache are filled.
    """

    def __init__(self, model, n_rows: int, capacity: int):
        import torch

        self.model, self.capacity, self.cache = model, capacity, in_place_cache(model, n_rows, capacity)
        self.rows, self.columns = [], 0
        self.ids = self.positions = torch.empty(0, 1, dtype=torch.long, device=model.device)

    def is_full(self) -> bool:
        # then the first columns were needed only by rows that ended: a running one is shorter than the capacity
        return self.columns == self.capacity

    def keep(self, rows: list[int], room_for: int) -> None:
        """Drop the other rows and, where prompts of up to `room_for` tokens join or room is needed, unused columns."""
        import torch

        kept = torch.tensor(rows, dtype=torch.long, device=self.ids.device)
        self.rows, self.ids, self.positions = [self.rows[row] for row in rows], self.ids[kept], self.positions[kept]
        before = self.columns
        if room_for or self.is_full():
            self.columns = max([room_for, *self.positions.flatten().tolist()])
        for layer in self.cache.layers if rows else ():
            layer.keep(kept, before, self.columns)

    def join(self, rows: list[int], prompts):
        """Logits of what follows prompts that become further rows."""
        ids, _, positions = _padded(self.model, prompts)
        first, self.rows = len(self.rows), self.rows + rows
        return self._logits(ids, positions, first, self.columns - ids.shape[1])

    def go_on(self):
        """Logits of what follows the rows."""
        self.columns += 1
        return self._logits(self.ids, self.positions, 0, 0)

    def _logits(self, ids, positions, first: int, start: int):
        # of the rows from the first on, and of the columns from the start on
        import torch

        for layer in self.cache.layers:
            layer.rows, layer.start, layer.end = slice(first, first + len(ids)), start, self.columns - ids.shape[1]
        self.positions = torch.cat([self.positions[:first], positions[:, -1:] + 1])
        mask = torch.arange(start, self.columns, device=ids.device) >= self.columns - 1 - positions[:, -1:]
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]


def _choose(sampling, uniforms, banned, logits, rows, places):
    """The next token of each row: the likeliest, or the one that the uniform number of its row and place draws."""
    if banned:
        logits[:, banned] = float("-inf")
    if sampling is None:
        return logits.argmax(-1)
    return _sample(logits, uniforms[rows, places].to(logits.device), sampling)


def _sample(logits, uniform, sampling: Sampling):
    """Inverse-CDF draw from the nucleus: the smallest set of tokens whose probability reaches top-p."""
    import torch

    probabilities, tokens = torch.softmax(logits.float() / sampling.temperature, -1).sort(-1, descending=True)
    before = probabilities.cumsum(-1) - probabilities
    kept = probabilities.masked_fill(before >= sampling.top_p, 0.0)
    cumulative = kept.cumsum(-1)
    choice = (cumulative < uniform[:, None] * cumulative[:, -1:]).sum(-1, keepdim=True)
    return tokens.gather(-1, choice).squeeze(-1)


def in_place_cache(model, n_rows: int, capacity: int):
    """A transformers cache whose layers hold `n_rows` of `capacity` columns from the beginning and write in place.

    What a layer takes in and gives back are its `rows`, a slice, and of their columns those from `start` on.
    """
    from transformers.cache_utils import Cache, DynamicLayer

    class InPlaceLayer(DynamicLayer):
        """Keys and values of shape (n_rows, heads, capacity, head_dim)."""

        rows, start, end = slice(n_rows), 0, 0

        def lazy_initialization(self, key_states, value_states):
            _, heads, _, head_dim = key_states.shape
            self.dtype, self.device = key_states.dtype, key_states.device
            self.key_room = key_states.new_empty(n_rows, heads, capacity, head_dim)
            self.value_room = value_states.new_empty(n_rows, heads, capacity, head_dim)
            self.is_initialized = True

        def update(self, key_states, value_states, *args, **kwargs):
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            new, self.end = self.end, self.end + key_states.shape[-2]
            for room, states in ((self.key_room, key_states), (self.value_room, value_states)):
                room[self.rows, :, : self.start] = 0  # masked from now on, and even so it must be a number
                room[self.rows, :, new : self.end] = states
            seen = (self.rows, slice(None), slice(self.start, self.end))
            return self.key_room[seen], self.value_room[seen]

        def get_seq_length(self) -> int:
            return self.end - self.start

        def keep(self, rows, before, columns):
            """Put these rows first, and let what ends at column `before` now end at `columns`."""
            used = min(before, columns)
            for room in (self.key_room, self.value_room):
                room[: len(rows), :, columns - used : columns] = room[rows, :, before - used : before]
                room[: len(rows), :, : columns - used] = 0

    return Cache(layers=[InPlaceLayer() for _ in range(model.config.num_hidden_layers)])
