"""Runs the command `crudgen` for `python -m crudgen`."""

from crudgen.cli import main

if __name__ == "__main__":
    main()
