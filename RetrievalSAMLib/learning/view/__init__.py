"""What an expert looks at: a part of a volume, and its grid."""
