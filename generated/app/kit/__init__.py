"""The code shared by all entities: models, types, errors, the database, and HTTP."""
