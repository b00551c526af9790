"""Run a network: uint8 pictures in, logits, class maps and gate scores out. One family a module."""
