"""How the bundled model is made: synthetic anatomies, episodes, training loops."""
