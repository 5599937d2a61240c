"""The admin page: lists and forms over the API, with the rights of the user."""
