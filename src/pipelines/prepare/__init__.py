"""From raw tables to features: joins, recipes, folds. Expressions only; the client's engine runs them when they are saved."""
