"""Statistics, tables and figures of the papers that repeated runs are summed up in."""
