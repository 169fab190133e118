"""score: the champion's prediction for every row of the features."""
