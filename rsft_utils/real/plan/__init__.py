"""What the runs of a notebook need on a graphics card, said before they begin.

presets.py says which runs they are; memory.py, lengths.py and hours.py what one of them needs; planner.py puts that
together and refuses what does not fit; text.py writes it down.
"""
