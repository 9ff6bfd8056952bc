"""Non-linear functions in integers: which pieces are best, by an exact search and by a genetic one. Nothing here learns."""
