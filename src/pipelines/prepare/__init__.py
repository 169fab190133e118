"""From raw tables to features: joins, recipes, folds. Expressions only; the engine runs them when they are saved."""
