"""What the runs of a notebook need on a graphics card, said before they begin.

presets.py says which runs they are, checkpoints.py which of the authors' are measured instead; memory.py, lengths.py
and hours.py say what memory, tokens and time are, costs.py what one run needs of them; planner.py puts that together
and refuses what does not fit; text.py writes it down, text_released.py for the authors' checkpoints.
"""
