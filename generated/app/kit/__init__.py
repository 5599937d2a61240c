"""What every entity shares: models, wire types, routes, paging, errors and the database."""
