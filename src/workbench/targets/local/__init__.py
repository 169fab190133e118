"""A target on this machine: the serving container's contract on loopback, with no cloud and no container."""
