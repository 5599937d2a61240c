"""Views: the data of the templates, one module for each template."""
