from rsft_utils.cli import app

app(prog_name="python -m rsft_utils")
