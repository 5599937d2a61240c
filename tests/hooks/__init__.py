"""Functions of the owner around operations, and what runs after them."""
