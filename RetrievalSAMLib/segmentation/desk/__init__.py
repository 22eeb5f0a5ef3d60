"""What a person sees of a correction before it is carried on: one slice, within a blink."""
