"""Tools for agents: the official client calls them."""
