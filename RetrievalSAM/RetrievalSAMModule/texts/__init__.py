"""What people read: reports, reviews and numbers in words. Neither Qt nor a scene."""
