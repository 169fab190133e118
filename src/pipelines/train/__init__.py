"""features → several trained models, the best of them, and held-out predictions of all."""
