"""register: a candidate becomes a version in the registry, and the champion if the gate says so."""
