"""`tokenward ci`: everything that can be looked at before a change is merged, in one run and one report."""
