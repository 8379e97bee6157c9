"""Pieces that hostile texts are put together from."""

# Pieces of model output, true and false, and of what has broken readers of such output elsewhere.
FRAGMENTS = (
    "<think>", "</think>", "<think", "< think >", "</THINK>", "<|im_end|>", "<|endoftext|>", "<end>", "answer", "sorry",
    "\\boxed{", "\\boxed {", "\\boxed", "}", "{", "\\{", "\\}", "\\\\", "\\frac{", "\\dfrac{1}{", "\\left(", "\\right)",
    "\\times", "\\div", "\\sqrt{16}", "\\text{(B)}", "$", "$$", "\\(", "\\]", "$x^2$", "\\boxed{\\boxed{",
    "(", ")", "[", "]", "+", "-", "*", "/", "**", "//", "%", "^", "!", "=", "==", "×", "÷", "−", "·", "x", "X", ",",
    ".", "0", "7", "007", "5.3+1", "2**3", "9**9**9**9", "1e999", "1_000", "0x1F", "-3+5", "1,000,000", "9" * 50,
    "9" * 5000, "٣", "３", "²", "½", "Ⅷ", "𝟛", "∞", "NaN", "None", "1" + "0" * 400,
    "28 + 7 = 35", "44 + 19 = 63", "7 / 0 = 7", "1+1=", "= 98", " ; ", " no ", "wait", "check no wait", "3 + 2 = 6",
    "try 4 , 4 * 3 = 12", "goal 14 no", "pass a b at b", "T & F = T", "l1 pass", "game 3 5 2 -> 6", "backtrack",
    "let me go back", "doesn't work", "doesn’t seem to work", "Hmm, no", "answer is B", "Answer: (C)", "The answer is",
    "yes", "No", "Score: 5", "Score: 3.5", "score!!!!!!!!!!4", "I'm sorry, but", "As an AI",
    "__import__('os').system('true')", "eval('1')", "open('/etc/passwd').read()", "lambda: 0", "{0.__class__}", "%s%n",
    "${request}", "$request", "{{7*7}}", "'; DROP TABLE items; --", "```python\n", "```\n", "```", "print(1)\n",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;", "</div>", "-->", "<pre>", "</response>",
    "\x00", "\x1b[31m", "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\r", "\n", "\t", "\x0b", "\x1c", "\x85", "\u2028",
    "\u202e", "\u2066", "\u200b", "\ufeff", "\ufffd", "\ud800", "\U0010ffff", "e\u0301" * 8, "🙂", "אב", "\xa0", " ",
)  # fmt: skip
DIGITS = [
    str.maketrans("0123456789", others) for others in ("٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "⁰¹²³⁴⁵⁶⁷⁸⁹", "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡")
]
THOUGHTS = ("", "", "<think>", "<think>so</think>", "</think>", "<think><think></think>", "<THINK></think>")
FORMS = ("\\boxed{%s}", "\\boxed{\\boxed{%s}}", "\\boxed{%s = 98}", "answer %s <end>", "sorry %s <end>", "%s")
OPERANDS = (
    "44",
    "19",
    "35",
    "44 + 19 + 35",
    "8",
    "3",
    "2",
    "1",
    "0",
    "007",
    "5.3",
    "-3",
    "٣",
    "²",
    "9" * 50,
    "9" * 5000,
    "1e999",
    "x",
)
OPERATIONS = ("{} {} {}", "({} {} {})", "({}){}({})", "\\frac{{{}}}{{{}{}}}", "[{}{}{}]", "{{{}{}{}}}", "-{}{}{}")
SIGNS = ("+", "-", "*", "/", "×", "÷", "−", "\\times ", "\\div ", "^", "**", "//", "=", " ", "x")
