"""What this machine has: GPU, processor, cores, decoders."""
