"""What commands need to work with other computers: a server that segments, a DICOMweb archive, and secrets for them."""
