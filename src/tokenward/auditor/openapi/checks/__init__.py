"""The rules, a module a category: data, and beside each a function that finds it."""
