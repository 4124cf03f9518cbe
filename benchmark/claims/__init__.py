"""Claims: predictions about the variants of a suite, and what the records say of them."""
