"""Relations: included rows, related filters and sort, links."""
