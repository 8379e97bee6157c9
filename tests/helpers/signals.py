"""Signals that hit the processes of a run, at a moment that a test chooses."""

import signal

import psutil

# In every worker before anything else: it counts what it has moved to its place, or the answers that it has ready, and
# then hits somebody.
IN_WORKERS = """
import sys

if "--multiprocessing-fork" in sys.orig_argv:
    import json, os, time
    from pathlib import Path

    done = []

    def count(function, is_one):
        def counted(*arguments, **named):
            result = function(*arguments, **named)
            if is_one(*arguments):
                done.append(1)
                if len(done) == {after}:
                    Path({note!r}).write_text(str(os.getpid()))
                    os.kill({whom}, {how})
                    time.sleep(60 if {how} == 9 else 2)
            return result

        return counted

    if {counted!r} == "moved":
        os.replace = count(os.replace, lambda old, new: str(new).startswith({runs!r}))
    else:
        json.dumps = count(json.dumps, lambda row: isinstance(row, dict) and {{"n_tokens", "sha256"}} <= set(row))
"""


def heeds_ctrl_c():
    """A shell has its background jobs ignore Ctrl-C, and they have their children do so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE
