"""What must be remembered: frozen records, the port they pass through, and the followers of its feed."""
