"""From bytes to candidates: one pattern database over all rules, captures on hits only, filters."""
