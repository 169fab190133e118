"""features → a trained network, its history, and held-out predictions of it and of two baselines."""
