"""Where bytes come from: directory trees, git, diffs, standard input."""
