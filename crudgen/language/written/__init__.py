"""YAML nodes → spec models, whose keys and values are checked one by one."""
