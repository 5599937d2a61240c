"""How fast, compared with what: every contender on the same data, in one run, on this machine."""
