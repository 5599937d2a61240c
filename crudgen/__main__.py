"""`python -m crudgen` is the command `crudgen`."""

from crudgen.cli import main

if __name__ == "__main__":
    main()
