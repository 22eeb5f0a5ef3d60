"""What a user gives with a new case: found, checked and described."""
