"""What of a library is damaged, and putting it in order."""
