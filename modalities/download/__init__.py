"""Downloads that resume and verify, and archives that are unpacked safely."""
