"""Tools for target adapters: files, lists, tables, stand-ins."""
