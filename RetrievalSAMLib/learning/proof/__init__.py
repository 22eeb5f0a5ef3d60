"""How far an expert is believed: folds of the cases, and weights fitted on unseen ones."""
