"""What runs in other people's Python, beside their libraries: it imports nothing of ours."""
