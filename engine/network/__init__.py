"""What a network and a built engine say of themselves: input, manifest, sidecar."""
