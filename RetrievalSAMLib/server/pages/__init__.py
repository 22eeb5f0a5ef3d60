"""Pages for people: the server's own, and those of batches. They hold nothing; a token asks for the rest."""
