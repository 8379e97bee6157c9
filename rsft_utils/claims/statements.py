"""The eighteen claims, each in one sentence. Which part of the paper says so: notebooks 01 to 04 and the README."""

STATEMENTS = {
    "C1": "after one epoch: better in domain, worse out of domain",
    "C2": "at a fifth of the rate: less gain out of domain",
    "C3": "falls below the base in the first quarter, ends above it",
    "C4": "answers grow early, then shrink while accuracy rises",
    "C5": "dip, recovery and length wave with a second teacher",
    "C6": "equal steps: the same rows eight times beat eight times the rows once",
    "C7": "equal steps: eight times the rows end higher (in batches eight times as large)",
    "C8": "only an aggressive schedule overfits",
    "C9": "low-quality solutions: below the base everywhere",
    "C10": "long CoT ends above no CoT on reasoning",
    "C11": "no CoT ends above long CoT on general ability",
    "C12": "a toy game lifts reasoning above the base",
    "C13": "in domain, a toy game ends above maths without CoT",
    "C14": "a stronger base ends higher and gains more",
    "C15": "a weak base writes longer than a strong one and ends below where it began",
    "C16": "a stronger base of another family ends higher and gains more",
    "C17": "long CoT: reasoning out of domain rises, and so does attack success",
    "C18": "attack success rises more with CoT than without",
}
