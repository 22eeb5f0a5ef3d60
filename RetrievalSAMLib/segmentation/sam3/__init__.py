"""SAM 3's tracker as `transformers` has it, behind the interface of `engines`; that package is optional."""
