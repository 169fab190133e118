"""examples of a client → a tuned language model, judged beside its base, in the registry."""
