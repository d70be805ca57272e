"""The enforcement point: policy, the one decision, and the doors that translate to and from it."""
