"""Where models are served: one small protocol, and whatever is the same for all targets."""
