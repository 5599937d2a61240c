"""The home page of `crudgen serve`."""
