"""One room per grant type; `table.GRANTS` lists them."""
