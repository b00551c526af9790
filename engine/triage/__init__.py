"""From logits to a place in the list: bands, operating points, the gate."""
