"""One page about all records of a profile: tables, charts, claims, the datum, and the records themselves."""
