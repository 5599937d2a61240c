"""Types of properties: their validation, their JSON form and, if it is special, their column."""
