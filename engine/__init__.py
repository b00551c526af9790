"""What runs at the clinic: find and read radiographs, preprocess, run the network, triage, write results."""

#: Class order everywhere: logits, probabilities, confusion matrices. Never taken from folder order.
CLASSES = ("normal", "bacteria", "virus")
