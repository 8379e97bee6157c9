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

BATCH_ROWS = 768
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

    `banned` ids are never produced. The model decides the device; eos and pad come from its config.
    """
    import torch

    uniforms = None
    if sampling is not None:
        source = torch.Generator().manual_seed(sampling.seed)
        uniforms = torch.rand(len(prompts), max_new_tokens, generator=source)
    asked = _Asked(prompts, max_new_tokens, sampling, uniforms, list(banned), [model.config.eos_token_id])
    order, found = asked.by_length(), {}
    for start in range(0, len(order), batch_rows):
        found |= _decode(model, asked, order[start : start + batch_rows], batch_rows)
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
    asked = _Asked(prompts, max_new_tokens, sampling, uniforms, [], list(ends))
    return _decode(model, asked, asked.by_length(), batch_rows)


@dataclass(frozen=True)
class _Asked:
    """What to decode; `uniforms` has a row for each prompt and a column for each token that may follow it."""

    prompts: Sequence[Sequence[int]]
    max_new_tokens: int
    sampling: Sampling | None
    uniforms: object
    banned: list[int]
    ends: list[int]

    def by_length(self) -> list[int]:
        """Prompts of like length share a batch, so little of it is padding."""
        return sorted(range(len(self.prompts)), key=lambda i: len(self.prompts[i]))


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

    pad, width = model.config.pad_token_id, max(map(len, contexts))
    ids = torch.tensor([[pad] * (width - len(c)) + list(c) for c in contexts], device=model.device)
    mask = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in contexts], device=model.device)
    return ids, mask, (mask.cumsum(-1) - 1).clamp(min=0)


def _decode(model, asked: _Asked, order: list[int], batch_rows: int) -> Iterator[tuple[int, list[int]]]:
    import torch

    # the mode is on while the generator works, not while it waits
    return torch.inference_mode()(_decode_in_turn)(model, asked, order, batch_rows)


def _decode_in_turn(model, asked, waiting, batch_rows):
    completions = {i: [] for i in waiting}
    running = set(waiting)
    capacity = max(len(asked.prompts[i]) for i in waiting) + asked.max_new_tokens
    batch = None
    while running:
        free = batch_rows - (len(batch.rows) if batch else 0)
        joining, waiting = waiting[:free], waiting[free:]
        stepped = _Batch(model, asked.prompts, joining, capacity) if joining else batch
        tokens = _next_tokens(model, asked, stepped, completions)
        for i, token in zip(stepped.rows, tokens.tolist(), strict=True):
            if i not in running:
                continue
            completions[i].append(token)
            if token in asked.ends or len(completions[i]) == asked.max_new_tokens:
                running.remove(i)
                yield i, completions[i]
        stepped.go_on(tokens)
        if stepped is not batch:
            batch = batch.joined(stepped) if batch else stepped
        going = [row for row, i in enumerate(batch.rows) if i in running]
        full = batch.cache.get_seq_length() == capacity  # of columns that only rows of before have needed
        if not going:
            batch = None
        elif len(going) < COMPACT_BELOW * len(batch.rows) or full:
            batch.keep(going, crop=full or bool(waiting))


class _Batch:
    """Rows that are decoded together. All end at the same column of the cache, however long they are."""

    def __init__(self, model, prompts, rows: list[int], capacity: int):
        self.rows = rows  # which prompt each row belongs to
        self.ids, _, self.positions = _padded(model, [prompts[i] for i in rows])  # of what was not seen yet
        self.cache = in_place_cache(model, capacity)

    def logits(self, model):
        """Of what follows each row, of shape (rows, vocabulary)."""
        import torch

        seen = self.cache.get_seq_length() + self.ids.shape[1]
        mask = torch.arange(seen, device=model.device) >= seen - 1 - self.positions[:, -1:]
        return model(
            input_ids=self.ids,
            attention_mask=mask,
            position_ids=self.positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]

    def go_on(self, tokens) -> None:
        self.ids, self.positions = tokens[:, None], self.positions[:, -1:] + 1

    def keep(self, kept: list[int], crop: bool) -> None:
        """Drop all other rows and, with `crop`, the columns that no row needs any more."""
        import torch

        indices = torch.tensor(kept, device=self.ids.device)
        self.rows, self.ids, self.positions = [self.rows[k] for k in kept], self.ids[indices], self.positions[indices]
        columns = int(self.positions.max()) if crop else self.cache.get_seq_length()
        for layer in self.cache.layers:
            layer.keep(indices, columns)

    def joined(self, other: "_Batch") -> "_Batch":
        """This batch with the rows of another one, whose cache is used up."""
        import torch

        self.rows = self.rows + other.rows
        self.ids, self.positions = torch.cat([self.ids, other.ids]), torch.cat([self.positions, other.positions])
        for layer, others in zip(self.cache.layers, other.cache.layers, strict=True):
            layer.join(others)
        return self


def _next_tokens(model, asked, batch, completions):
    logits = batch.logits(model)
    if asked.banned:
        logits[:, asked.banned] = float("-inf")
    if asked.sampling is None:
        return logits.argmax(-1)
    # rows that ended draw as well until they are dropped, and nobody looks at it
    places = [min(len(completions[i]), asked.max_new_tokens - 1) for i in batch.rows]
    return _sample(logits, asked.uniforms[batch.rows, places].to(model.device), asked.sampling)


def _sample(logits, uniform, sampling: Sampling):
    """Inverse-CDF draw from the nucleus: the smallest set of tokens whose probability reaches top-p."""
    import torch

    probabilities, tokens = torch.softmax(logits.float() / sampling.temperature, -1).sort(-1, descending=True)
    before = probabilities.cumsum(-1) - probabilities
    kept = probabilities.masked_fill(before >= sampling.top_p, 0.0)
    cumulative = kept.cumsum(-1)
    choice = (cumulative < uniform[:, None] * cumulative[:, -1:]).sum(-1, keepdim=True)
    return tokens.gather(-1, choice).squeeze(-1)


def in_place_cache(model, capacity: int):
    """A transformers cache whose layers hold room for `capacity` positions and write new ones where they belong."""
    from transformers.cache_utils import Cache, DynamicLayer

    class InPlaceLayer(DynamicLayer):
        """Keys and values of shape (rows, heads, capacity, head_dim); `used` positions are filled."""

        used = 0

        def lazy_initialization(self, key_states, value_states):
            rows, heads, _, head_dim = key_states.shape
            self.dtype, self.device = key_states.dtype, key_states.device
            self.key_room = key_states.new_empty(rows, heads, capacity, head_dim)
            self.value_room = value_states.new_empty(rows, heads, capacity, head_dim)
            self.is_initialized = True

        def update(self, key_states, value_states, *args, **kwargs):
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            start, self.used = self.used, self.used + key_states.shape[-2]
            self.key_room[:, :, start : self.used] = key_states
            self.value_room[:, :, start : self.used] = value_states
            return self.key_room[:, :, : self.used], self.value_room[:, :, : self.used]

        def get_seq_length(self) -> int:
            return self.used

        def keep(self, indices, columns):
            # one after the other, so that never more than one is held twice
            self.key_room = self._kept(self.key_room, indices, columns)
            self.value_room = self._kept(self.value_room, indices, columns)
            self.used = columns

        def _kept(self, room, indices, columns):
            # only the used part is worth copying
            smaller = room.new_empty(len(indices), *room.shape[1:])
            smaller[:, :, :columns] = room[indices, :, self.used - columns : self.used]
            return smaller

        def join(self, other):
            end = max(self.used, other.used)
            self.key_room = self._together(self.key_room, other.key_room, other.used, end)
            other.key_room = None
            self.value_room = self._together(self.value_room, other.value_room, other.used, end)
            other.value_room = None
            self.used = end

        def _together(self, room, others, others_used, end):
            # zeros, because what lies before a row is multiplied by 0, which makes nothing of a number only
            larger = room.new_zeros(len(room) + len(others), *room.shape[1:])
            larger[: len(room), :, end - self.used : end] = room[:, :, : self.used]
            larger[len(room) :, :, end - others_used : end] = others[:, :, :others_used]
            return larger

    return Cache(layers=[InPlaceLayer() for _ in range(model.config.num_hidden_layers)])
