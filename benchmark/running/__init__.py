"""One cell to one record."""
