"""One style of plots, for pages and for papers."""
