"""What a person needs to decide on a batch: pictures of every slice, a page, and decisions that nobody loses."""
