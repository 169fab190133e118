"""Types of raw tables: casts that change no value, and types found from the values themselves."""
