"""Countdown in words: the game, and the thoughts that solve it. Everything is generated offline.

arithmetic.py reads what a text computes, search.py tries and gives up, phrases.py has the words, trace.py makes a
thought of them, and game.py draws the problems, makes training rows of them and scores answers.
"""

from rsft_utils.real.countdown.game import VERSION, Problem, problems, rows, score

__all__ = ["VERSION", "Problem", "problems", "rows", "score"]
