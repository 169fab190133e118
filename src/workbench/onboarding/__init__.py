"""Takes on a client: looks at its table in the engine, proposes a configuration, and tries it on a sample."""
