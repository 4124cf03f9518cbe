"""Plug-ins: losses, policies, sources, networks and methods that others write, in a file or an installed package."""
